//! The offers of a region: subnets, images, instance types, regions.

use std::collections::BTreeSet;
use std::net::IpAddr;

use aws_sdk_ec2::types::{self as sdk, Filter, LocationType, RouteTable};
use ipnet::Ipv4Net;
use planner::ports::{Answer, Catalog, Image, ImageQuery, InstanceType, KnownRegion, OptIn, Subnet, SubnetsOf};

use super::filter::{MOST_VALUES, exactly};
use super::{image, instance_type, own_vpc, subnet};
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
    async fn subnets(&self, of: &SubnetsOf) -> Answer<Vec<Subnet>> {
        let found = match of {
            SubnetsOf::Named(ids) => self.named_subnets(ids).await?,
            SubnetsOf::Vpc(id) => self.subnets_with(vec![exactly("vpc-id", [id])]).await?,
            SubnetsOf::Default => self.default_subnets().await?,
        };
        let vpcs: BTreeSet<String> = found.iter().filter_map(|subnet| subnet.vpc_id.clone()).collect();
        let tables = self.route_tables(vpcs.into_iter().collect()).await?;
        let is_far = |from: &sdk::Subnet| matches!(of, SubnetsOf::Vpc(_)) && subnet::is_far(&self.name, from);
        let found = found.into_iter().filter(|from| !is_far(from));
        let found = found.map(|from| subnet::subnet(from, &tables));
        let mut subnets = match of {
            SubnetsOf::Named(_) => found.collect::<Answer<Vec<_>>>()?,
            SubnetsOf::Vpc(_) | SubnetsOf::Default => subnet::readable(found.collect())?,
        };
        subnets.sort_by(|one, other| (&one.zone, &one.id).cmp(&(&other.zone, &other.id)));
        if let SubnetsOf::Named(ids) = of { subnet::all_of(ids, subnets) } else { Ok(subnets) }
    }

    /// *Guarantees*: every page was read to its end; each pair once, in order.
    /// *Assumptions*: an address out of a prefix of an interface is not found: no filter tells of it.
    /// *Cancellation*: safe, a read.
    async fn vpcs_of(&self, addresses: &[IpAddr]) -> Answer<Vec<(IpAddr, String)>> {
        let (ipv4, ipv6): (Vec<IpAddr>, Vec<IpAddr>) = addresses.iter().partition(|address| address.is_ipv4());
        let mut pairs = BTreeSet::new();
        // Filters of one call must all fit: there is a call for each family.
        for (filter, ours) in [("addresses.private-ip-address", ipv4), ("ipv6-addresses.ipv6-address", ipv6)] {
            if ours.is_empty() {
                continue;
            }
            for from in self.interfaces_with(vec![exactly(filter, ours.iter().map(ToString::to_string))]).await? {
                let id = need(from.network_interface_id.clone(), "id", "a network interface")?;
                let vpc_id = need(from.vpc_id.clone(), "VPC", &id)?;
                let held = own_vpc::addresses(&from).filter(|held| ours.contains(held));
                pairs.extend(held.map(|address| (address, vpc_id.clone())));
            }
        }
        Ok(pairs.into_iter().collect())
    }

    /// *Guarantees*: blocks that are associated now, in order; there is one at least.
    /// *Errors*: `NotFound` when there is no such VPC.
    /// *Cancellation*: safe, a read.
    async fn blocks(&self, vpc_id: &str) -> Answer<Vec<Ipv4Net>> {
        let answer = sent(self.reads.describe_vpcs().vpc_ids(vpc_id).send()).await?;
        let blocks = answer.vpcs.unwrap_or_default().into_iter().map(own_vpc::blocks);
        let mut blocks: Vec<Ipv4Net> = blocks.collect::<Answer<Vec<_>>>()?.into_iter().flatten().collect();
        blocks.sort();
        if blocks.is_empty() { Err(incomplete(format_args!("{vpc_id} without a CIDR block"))) } else { Ok(blocks) }
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
    async fn named_subnets(&self, ids: &[String]) -> Answer<Vec<sdk::Subnet>> {
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

    async fn default_subnets(&self) -> Answer<Vec<sdk::Subnet>> {
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
        self.subnets_with(vec![exactly("vpc-id", vpcs), exactly("default-for-az", ["true"])]).await
    }

    async fn subnets_with(&self, filters: Vec<Filter>) -> Answer<Vec<sdk::Subnet>> {
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
