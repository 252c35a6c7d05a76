//! Lists as EC2 gives them: in no order, and page by page.

use jiff::Timestamp;
use planner::ports::{Architecture, Burstable, InstanceType};
use rand::seq::SliceRandom;

use crate::catalogue;
use crate::error::{Outcome, SimError};
use crate::network::{Image, RouteTable, Subnet, Vpc};
use crate::query::{Filtered, Page, Query, accepts, check};
use crate::sim::Sim;

/// EC2's bounds on MaxResults.
const PAGE_SIZES: std::ops::RangeInclusive<usize> = 5..=1000;

/// Who is asking (STS GetCallerIdentity).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerIdentity {
    pub account: String,
    pub arn: String,
    pub user_id: String,
}

/// A type in a zone or region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offering {
    pub instance_type: String,
    pub location: String,
}

/// What DescribeInstanceTypeOfferings is asked about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LocationType {
    #[default]
    Region,
    Zone,
    ZoneId,
}

impl Sim {
    /// One page: of a list made by `make` and shuffled, or of one that was begun before.
    pub(crate) fn list<T: Clone + Send + 'static>(
        &mut self,
        query: &Query,
        make: impl FnOnce(&Self, &Query) -> Outcome<Vec<T>>,
    ) -> Outcome<Page<T>> {
        if let Some(size) = query.page.max_results.filter(|size| !PAGE_SIZES.contains(size)) {
            let (least, most) = (PAGE_SIZES.start(), PAGE_SIZES.end());
            return Err(SimError::value(format!(
                "Value ( {size} ) for parameter maxResults is invalid. Expecting a value between {least} and {most}."
            )));
        }
        // EC2 treats an empty token as none.
        let items = match query.page.next_token.as_deref().filter(|token| !token.is_empty()) {
            Some(token) => self.lists.resume(token)?,
            None => {
                let mut items = make(self, query)?;
                items.shuffle(&mut self.random);
                items
            }
        };
        let asked = query.page.max_results.unwrap_or(usize::MAX);
        let allowed = if self.settings.page_size == 0 { usize::MAX } else { self.settings.page_size };
        // A list by ids is never cut.
        let size = if query.ids.is_empty() { asked.min(allowed) } else { usize::MAX };
        Ok(self.lists.page(items, size))
    }

    /// A list of things that never change, by id and filter.
    fn fixed<T: Filtered + Clone + Send + 'static>(
        &mut self,
        query: &Query,
        all: Vec<T>,
        id: impl Fn(&T) -> &String,
        missing: &str,
    ) -> Outcome<Page<T>> {
        check::<T>(&query.filters)?;
        if let Some(unknown) = query.ids.iter().find(|wanted| !all.iter().any(|thing| id(thing) == *wanted)) {
            return Err(SimError::new(missing, format!("The ID '{unknown}' does not exist")));
        }
        self.list(query, |_, query| {
            let named = |thing: &T| query.ids.is_empty() || query.ids.contains(id(thing));
            Ok(all.into_iter().filter(|thing| named(thing) && accepts(&query.filters, thing)).collect())
        })
    }

    /// DescribeVpcs.
    pub fn describe_vpcs(&mut self, query: &Query, now: Timestamp) -> Outcome<Page<Vpc>> {
        self.advance(now);
        self.fixed(query, self.network.vpcs.clone(), |vpc| &vpc.id, "InvalidVpcID.NotFound")
    }

    /// DescribeSubnets, with the addresses that are free now.
    pub fn describe_subnets(&mut self, query: &Query, now: Timestamp) -> Outcome<Page<Subnet>> {
        self.advance(now);
        let mut subnets = self.network.subnets.clone();
        for subnet in &mut subnets {
            subnet.free_addresses = self.free_addresses(subnet);
        }
        self.fixed(query, subnets, |subnet| &subnet.id, "InvalidSubnetID.NotFound")
    }

    /// DescribeRouteTables.
    pub fn describe_route_tables(&mut self, query: &Query, now: Timestamp) -> Outcome<Page<RouteTable>> {
        self.advance(now);
        self.fixed(query, self.network.route_tables.clone(), |table| &table.id, "InvalidRouteTableID.NotFound")
    }

    /// DescribeImages. `owners` are account ids or aliases; empty: anybody.
    pub fn describe_images(&mut self, query: &Query, owners: &[String], now: Timestamp) -> Outcome<Page<Image>> {
        self.advance(now);
        let is_owned = |image: &Image| {
            owners.is_empty() || owners.contains(&image.owner_id) || owners.contains(&image.owner_alias)
        };
        let images = self.network.images.clone();
        let mut page = self.fixed(query, images, |image| &image.id, "InvalidAMIID.NotFound")?;
        page.items.retain(is_owned);
        Ok(page)
    }

    /// DescribeInstanceTypes. The ids of the query are type names.
    pub fn describe_instance_types(&mut self, query: &Query, now: Timestamp) -> Outcome<Page<InstanceType>> {
        self.advance(now);
        check::<InstanceType>(&query.filters)?;
        let unknown: Vec<_> =
            query.ids.iter().filter(|name| catalogue::instance_type(name).is_none()).cloned().collect();
        if !unknown.is_empty() {
            let message = format!("The following supplied instance types do not exist: [{}]", unknown.join(", "));
            return Err(SimError::new("InvalidInstanceType", message));
        }
        self.fixed(query, catalogue::instance_types(), |kind| &kind.name, "InvalidInstanceType")
    }

    /// DescribeInstanceTypeOfferings.
    pub fn describe_instance_type_offerings(
        &mut self,
        query: &Query,
        by: LocationType,
        now: Timestamp,
    ) -> Outcome<Page<Offering>> {
        self.advance(now);
        check::<Offering>(&query.filters)?;
        self.list(query, |sim, query| {
            let offerings = catalogue::instance_types().into_iter().flat_map(|kind| sim.offered(&kind.name, by));
            Ok(offerings.filter(|offering| accepts(&query.filters, offering)).collect())
        })
    }

    fn offered(&self, instance_type: &str, by: LocationType) -> Vec<Offering> {
        let offering = |location: &String| Offering { instance_type: instance_type.into(), location: location.clone() };
        let zones = self.network.subnets.iter().filter(|subnet| catalogue::is_offered(instance_type, &subnet.zone));
        let mut locations: Vec<&String> = match by {
            LocationType::Region => vec![&self.settings.region],
            LocationType::Zone => zones.map(|subnet| &subnet.zone).collect(),
            LocationType::ZoneId => zones.map(|subnet| &subnet.zone_id).collect(),
        };
        locations.sort();
        locations.dedup();
        locations.into_iter().map(offering).collect()
    }

    /// STS GetCallerIdentity.
    pub fn caller_identity(&mut self, now: Timestamp) -> Outcome<CallerIdentity> {
        self.advance(now);
        let account = self.settings.account.clone();
        Ok(CallerIdentity { arn: format!("arn:aws:iam::{account}:user/lab"), user_id: "AIDALAB".into(), account })
    }
}

impl Filtered for InstanceType {
    const FILTERS: &'static [&'static str] = &[
        "instance-type",
        "burstable-performance-supported",
        "free-tier-eligible",
        "hypervisor",
        "processor-info.supported-architecture",
        "vcpu-info.default-vcpus",
        "memory-info.size-in-mib",
    ];

    fn values(&self, filter: &str) -> Vec<String> {
        vec![match filter {
            "instance-type" => self.name.clone(),
            "burstable-performance-supported" => (self.burstable == Burstable::Yes).to_string(),
            "free-tier-eligible" => self.free_tier.to_string(),
            "hypervisor" => format!("{:?}", self.hypervisor).to_lowercase(),
            "processor-info.supported-architecture" => Architecture::name(self.architecture).into(),
            "vcpu-info.default-vcpus" => self.vcpus.to_string(),
            _ => self.memory_mib.to_string(),
        }]
    }
}

impl Filtered for Offering {
    const FILTERS: &'static [&'static str] = &["instance-type", "location"];

    fn values(&self, filter: &str) -> Vec<String> {
        vec![if filter == "location" { self.location.clone() } else { self.instance_type.clone() }]
    }
}
