//! The offers of a region: subnets, images, instance types, regions.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{LocationType, RouteTable};
use planner::ports::{Answer, Catalog, Image, ImageQuery, InstanceType, KnownRegion, OptIn, Subnet};

use super::filter::{MOST_VALUES, exactly};
use super::{image, instance_type, subnet};
use crate::region::Region;
use crate::sdk::failure::{incomplete, need};
use crate::sdk::{pages, sent};

/// EC2's limit on subnets, VPCs, images or offerings of one page.
const PAGE: i32 = 1_000;
/// Its smaller ones.
const TYPES_PAGE: i32 = 100;
const ROUTE_TABLES_PAGE: i32 = 100;

impl Catalog for Region {
    /// *Guarantees*: each named subnet is in the answer. The egress is that of the route table which EC2 would use: the
    /// one associated with the subnet, else the main one of its VPC.
    /// *Assumptions*: a default route is one route to `0.0.0.0/0`; halves and prefix lists are not put together.
    /// *Errors*: `NotFound` when a named subnet does not exist.
    /// *Cancellation*: safe, reads.
    async fn subnets(&self, ids: &[String]) -> Answer<Vec<Subnet>> {
        let found = if ids.is_empty() { self.default_subnets().await? } else { self.named_subnets(ids).await? };
        let vpcs: BTreeSet<String> = found.iter().filter_map(|subnet| subnet.vpc_id.clone()).collect();
        let tables = self.route_tables(vpcs.into_iter().collect()).await?;
        let subnets = found.into_iter().map(|from| subnet::subnet(from, &tables));
        let mut subnets =
            if ids.is_empty() { subnet::readable(subnets.collect())? } else { subnets.collect::<Answer<Vec<_>>>()? };
        subnets.sort_by(|one, other| (&one.zone, &one.id).cmp(&(&other.zone, &other.id)));
        if ids.is_empty() { Ok(subnets) } else { subnet::all_of(ids, subnets) }
    }

    /// *Guarantees*: the newest image of an alias is chosen by creation date, and of equal ones always the same.
    /// *Errors*: `Rejected` for an image that cannot boot our instances.
    /// *Cancellation*: safe, a read.
    async fn image(&self, query: &ImageQuery) -> Answer<Option<Image>> {
        let call = match query {
            ImageQuery::Alias { alias, architecture } => {
                let Some((owner, filters)) = image::search(alias, *architecture) else { return Ok(None) };
                self.reads.describe_images().owners(owner).set_filters(Some(filters)).max_results(PAGE)
            }
            ImageQuery::Id(id) => self.reads.describe_images().image_ids(id),
        };
        let found = pages::all(|token| {
            let call = call.clone().set_next_token(token);
            async move {
                let page = sent(call.send()).await?;
                Ok((page.images.unwrap_or_default(), page.next_token))
            }
        });
        match (found.await, query) {
            (Err(error), ImageQuery::Id(_)) if image::is_absent(&error) => Ok(None),
            (found, _) => image::newest(found?),
        }
    }

    /// *Guarantees*: facts of each named type that the region knows and that can run our images, by name.
    /// *Cancellation*: safe, a read.
    async fn instance_types(&self, names: &[String]) -> Answer<Vec<InstanceType>> {
        let mut types = Vec::new();
        for chunk in distinct(names).chunks(MOST_VALUES) {
            // By filter and not by name: a name that the region does not know fails a call by name for all.
            let filters = vec![exactly("instance-type", chunk)];
            let found = pages::all(|token| {
                let call = self.reads.describe_instance_types().set_filters(Some(filters.clone()));
                async move {
                    let call = call.max_results(TYPES_PAGE).set_next_token(token);
                    let page = sent(call.send()).await?;
                    Ok((page.instance_types.unwrap_or_default(), page.next_token))
                }
            });
            for from in found.await? {
                types.extend(instance_type::instance_type(from)?);
            }
        }
        types.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(types)
    }

    /// *Guarantees*: each pair once, in order.
    /// *Assumptions*: offered does not mean that there is capacity.
    /// *Cancellation*: safe, a read.
    async fn offerings(&self, names: &[String]) -> Answer<Vec<(String, String)>> {
        let mut pairs = BTreeSet::new();
        for chunk in distinct(names).chunks(MOST_VALUES) {
            let filters = vec![exactly("instance-type", chunk)];
            let found = pages::all(|token| {
                let call = self.reads.describe_instance_type_offerings().location_type(LocationType::AvailabilityZone);
                let call = call.set_filters(Some(filters.clone())).max_results(PAGE).set_next_token(token);
                async move {
                    let page = sent(call.send()).await?;
                    Ok((page.instance_type_offerings.unwrap_or_default(), page.next_token))
                }
            });
            for from in found.await? {
                let name = need(from.instance_type, "type", "an offering")?.as_str().to_owned();
                let zone = need(from.location, "location", "an offering")?;
                pairs.insert((name, zone));
            }
        }
        Ok(pairs.into_iter().collect())
    }

    /// *Guarantees*: each region of the partition, enabled or not; the answer has no pages.
    /// *Cancellation*: safe, a read.
    async fn regions(&self) -> Answer<Vec<KnownRegion>> {
        let answer = sent(self.reads.describe_regions().all_regions(true).send()).await?;
        let known = answer.regions.unwrap_or_default().into_iter().map(|from| {
            let name = need(from.region_name, "name", "a region")?;
            // API reference, Region: `opt-in-not-required`, `opted-in`, `not-opted-in`.
            let opt_in =
                if from.opt_in_status.as_deref() == Some("not-opted-in") { OptIn::Missing } else { OptIn::Done };
            Ok(KnownRegion { name, opt_in })
        });
        let known = known.collect::<Answer<Vec<_>>>()?;
        // At least the one that was asked is there.
        if known.is_empty() { Err(incomplete("no region in it")) } else { Ok(known) }
    }
}

impl Region {
    async fn named_subnets(&self, ids: &[String]) -> Answer<Vec<aws_sdk_ec2::types::Subnet>> {
        let ids = distinct(ids);
        pages::all(|token| {
            let call = self.reads.describe_subnets().set_subnet_ids(Some(ids.clone())).set_next_token(token);
            async move {
                let page = sent(call.send()).await?;
                Ok((page.subnets.unwrap_or_default(), page.next_token))
            }
        })
        .await
    }

    async fn default_subnets(&self) -> Answer<Vec<aws_sdk_ec2::types::Subnet>> {
        let vpcs = pages::all(|token| {
            let call = self.reads.describe_vpcs().filters(exactly("is-default", ["true"]));
            let call = call.max_results(PAGE).set_next_token(token);
            async move {
                let page = sent(call.send()).await?;
                Ok((page.vpcs.unwrap_or_default(), page.next_token))
            }
        })
        .await?;
        let vpcs = vpcs.into_iter().map(|vpc| need(vpc.vpc_id, "id", "a VPC")).collect::<Answer<Vec<_>>>()?;
        if vpcs.is_empty() {
            return Ok(Vec::new());
        }
        let filters = vec![exactly("vpc-id", vpcs), exactly("default-for-az", ["true"])];
        pages::all(|token| {
            let call = self.reads.describe_subnets().set_filters(Some(filters.clone()));
            let call = call.max_results(PAGE).set_next_token(token);
            async move {
                let page = sent(call.send()).await?;
                Ok((page.subnets.unwrap_or_default(), page.next_token))
            }
        })
        .await
    }

    async fn route_tables(&self, vpcs: Vec<String>) -> Answer<Vec<RouteTable>> {
        if vpcs.is_empty() {
            return Ok(Vec::new());
        }
        let filters = vec![exactly("vpc-id", vpcs)];
        pages::all(|token| {
            let call = self.reads.describe_route_tables().set_filters(Some(filters.clone()));
            let call = call.max_results(ROUTE_TABLES_PAGE).set_next_token(token);
            async move {
                let page = sent(call.send()).await?;
                Ok((page.route_tables.unwrap_or_default(), page.next_token))
            }
        })
        .await
    }
}

fn distinct(names: &[String]) -> Vec<String> {
    names.iter().collect::<BTreeSet<_>>().into_iter().cloned().collect()
}
