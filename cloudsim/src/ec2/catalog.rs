//! Lists as EC2 gives them: in no order, and page by page.

use jiff::Timestamp;
use planner::ports::{Architecture, Burstable, InstanceType};
use rand::RngExt;
use rand::seq::SliceRandom;

use crate::catalogue;
use crate::error::{Outcome, SimError};
use crate::iam::Principal;
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

/// A region, as each of them knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionFacts {
    pub name: String,
    /// EC2's own words: `opt-in-not-required`, `opted-in`, `not-opted-in` (API reference, Region).
    pub opt_in: &'static str,
}

/// A region that accounts have to enable first, and this one has not.
const NOT_ENABLED: &str = "ap-east-1";

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
        let asked_with = query.page.next_token.as_deref().filter(|token| !token.is_empty());
        let items = match asked_with {
            Some(token) => self.lists.resume(token)?,
            None => {
                let mut items = make(self, query)?;
                items.shuffle(&mut self.chance.order);
                items
            }
        };
        let asked = query.page.max_results.unwrap_or(usize::MAX);
        let allowed = if self.settings.page_size == 0 { usize::MAX } else { self.settings.page_size };
        // A list by ids is never cut.
        let size = if query.ids.is_empty() { asked.min(allowed) } else { usize::MAX };
        let page = self.lists.page(items, size);
        let rate = self.settings.repeated_page_per_mille;
        if let Some(token) = asked_with
            && rate > 0
            && self.chance.order.random_range(0..1000) < rate
        {
            self.history.count("repeated page");
            return Ok(Page { next_token: Some(token.to_owned()), ..page });
        }
        Ok(page)
    }

    /// A list of things that no call changes.
    fn fixed<T: Clone + Send + 'static>(&mut self, query: &Query, found: Outcome<Vec<T>>) -> Outcome<Page<T>> {
        let found = found?;
        self.list(query, |_, _| Ok(found))
    }

    /// DescribeVpcs.
    pub fn describe_vpcs(&mut self, query: &Query, now: Timestamp) -> Outcome<Page<Vpc>> {
        self.advance(now);
        let found = select(query, &self.vpcs_now(), |vpc| &vpc.id, "InvalidVpcID.NotFound");
        self.fixed(query, found)
    }

    /// DescribeSubnets, with the addresses that are free now.
    pub fn describe_subnets(&mut self, query: &Query, now: Timestamp) -> Outcome<Page<Subnet>> {
        self.advance(now);
        let mut found = select(query, &self.subnets_now(), |subnet| &subnet.id, "InvalidSubnetID.NotFound");
        for subnet in found.iter_mut().flatten() {
            subnet.free_addresses = self.free_addresses(subnet);
        }
        self.fixed(query, found)
    }

    /// DescribeRouteTables.
    pub fn describe_route_tables(&mut self, query: &Query, now: Timestamp) -> Outcome<Page<RouteTable>> {
        self.advance(now);
        let found = select(query, &self.route_tables_now(), |table| &table.id, "InvalidRouteTableID.NotFound");
        self.fixed(query, found)
    }

    /// DescribeImages. `owners` are account ids or aliases; empty: anybody.
    pub fn describe_images(&mut self, query: &Query, owners: &[String], now: Timestamp) -> Outcome<Page<Image>> {
        self.advance(now);
        let is_owned = |image: &Image| {
            owners.is_empty() || owners.contains(&image.owner_id) || owners.contains(&image.owner_alias)
        };
        let mut found = select(query, &self.network.images, |image| &image.id, "InvalidAMIID.NotFound");
        if let Ok(found) = &mut found {
            found.retain(is_owned);
        }
        self.fixed(query, found)
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
        let found = match query.names("instance-type") {
            Some(names) if query.ids.is_empty() => {
                let kinds = named_types(names).into_iter().filter(|kind| accepts(&query.filters, *kind));
                Ok(kinds.cloned().collect())
            }
            _ => select(query, catalogue::instance_types(), |kind| &kind.name, "InvalidInstanceType"),
        };
        self.fixed(query, found)
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
            let offered = |kind: &InstanceType| sim.offered(&kind.name, by);
            let all: Vec<_> = match query.names("instance-type") {
                Some(names) => named_types(names).into_iter().flat_map(offered).collect(),
                None => catalogue::instance_types().iter().flat_map(offered).collect(),
            };
            Ok(all.into_iter().filter(|offering| accepts(&query.filters, offering)).collect())
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

    /// DescribeRegions: those that are named, or all that the account may use, or with `all` also the others.
    pub fn describe_regions(&mut self, names: &[String], all: bool, now: Timestamp) -> Outcome<Vec<RegionFacts>> {
        self.advance(now);
        let own = RegionFacts { name: self.settings.region.clone(), opt_in: "opt-in-not-required" };
        let other = RegionFacts { name: NOT_ENABLED.to_owned(), opt_in: "not-opted-in" };
        let known = [own, other];
        if let Some(unknown) = names.iter().find(|name| !known.iter().any(|one| one.name == **name)) {
            return Err(SimError::value(format!("Invalid value '{unknown}' for regionName: there is no such region.")));
        }
        let is_asked = |one: &RegionFacts| {
            if names.is_empty() { all || one.opt_in != "not-opted-in" } else { names.contains(&one.name) }
        };
        Ok(known.into_iter().filter(is_asked).collect())
    }

    /// STS GetCallerIdentity.
    pub fn caller_identity(&mut self, by: Principal, now: Timestamp) -> Outcome<CallerIdentity> {
        self.advance(now);
        let account = self.settings.account.clone();
        let user_id = format!("AIDA{}", by.name().to_ascii_uppercase());
        Ok(CallerIdentity { arn: by.arn(&account), user_id, account })
    }
}

/// Those that the query names and its filters accept; an id that is not there refuses all of it.
fn select<T: Filtered + Clone>(query: &Query, all: &[T], id: impl Fn(&T) -> &String, missing: &str) -> Outcome<Vec<T>> {
    check::<T>(&query.filters)?;
    if let Some(unknown) = query.ids.iter().find(|wanted| !all.iter().any(|thing| id(thing) == *wanted)) {
        return Err(SimError::new(missing, format!("The ID '{unknown}' does not exist")));
    }
    let named = |thing: &&T| query.ids.is_empty() || query.ids.contains(id(thing));
    Ok(all.iter().filter(named).filter(|thing| accepts(&query.filters, *thing)).cloned().collect())
}

/// Types of these names, each once.
fn named_types(names: &[String]) -> Vec<&'static InstanceType> {
    let mut kinds: Vec<_> = names.iter().filter_map(|name| catalogue::instance_type(name)).collect();
    kinds.sort_by(|one, other| one.name.cmp(&other.name));
    kinds.dedup_by(|one, other| one.name == other.name);
    kinds
}

/// EC2's own words.
pub(crate) fn truth(is_so: bool) -> &'static str {
    if is_so { "true" } else { "false" }
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

    fn any(&self, filter: &str, is: &dyn Fn(&str) -> bool) -> bool {
        match filter {
            "instance-type" => is(&self.name),
            "burstable-performance-supported" => is(truth(self.burstable == Burstable::Yes)),
            "free-tier-eligible" => is(truth(self.free_tier)),
            "hypervisor" => is(&format!("{:?}", self.hypervisor).to_lowercase()),
            "processor-info.supported-architecture" => is(Architecture::name(self.architecture)),
            "vcpu-info.default-vcpus" => is(&self.vcpus.to_string()),
            _ => is(&self.memory_mib.to_string()),
        }
    }
}

impl Filtered for Offering {
    const FILTERS: &'static [&'static str] = &["instance-type", "location"];

    fn any(&self, filter: &str, is: &dyn Fn(&str) -> bool) -> bool {
        is(if filter == "location" { &self.location } else { &self.instance_type })
    }
}
