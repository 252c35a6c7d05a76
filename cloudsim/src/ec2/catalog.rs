//! Images, instance types and regions that may be asked for.

use planner::ports::{Architecture, Burstable, InstanceType};

use super::images::Image;
use super::{Ec2, instance_types};
use crate::engine::error::{Outcome, SimError};
use crate::engine::query::{Filtered, Page, Query, accepts, check, flag, select};

/// A type in a zone or region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offering {
    pub instance_type: String,
    pub location: String,
}

/// A region, as each of them knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionInfo {
    pub name: String,
    /// EC2's own words: `opt-in-not-required`, `opted-in`, `not-opted-in` (API reference, Region).
    pub opt_in: &'static str,
}

/// A region that accounts have to enable first, and this one has not.
const NOT_ENABLED: &str = "ap-east-1";

/// The kind of place that DescribeInstanceTypeOfferings is asked about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LocationType {
    #[default]
    Region,
    Zone,
    ZoneId,
}

impl Ec2<'_> {
    /// DescribeImages. `owners` are account ids or aliases; empty: anybody.
    pub fn describe_images(&mut self, query: &Query, owners: &[String]) -> Outcome<Page<Image>> {
        let is_owned = |image: &Image| {
            owners.is_empty() || owners.contains(&image.owner_id) || owners.contains(&image.owner_alias)
        };
        let mut found = select(query, &self.state.network.images, |image| &image.id, "InvalidAMIID.NotFound");
        if let Ok(found) = &mut found {
            found.retain(is_owned);
        }
        self.fixed(query, found)
    }

    /// DescribeInstanceTypes. The ids of the query are type names.
    pub fn describe_instance_types(&mut self, query: &Query) -> Outcome<Page<InstanceType>> {
        check::<InstanceType>(&query.filters)?;
        let unknown: Vec<_> =
            query.ids.iter().filter(|name| instance_types::instance_type(name).is_none()).cloned().collect();
        if !unknown.is_empty() {
            let message = format!("The following supplied instance types do not exist: [{}]", unknown.join(", "));
            return Err(SimError::new("InvalidInstanceType", message));
        }
        let found = match query.names("instance-type") {
            Some(names) if query.ids.is_empty() => {
                let kinds = named_types(names).into_iter().filter(|kind| accepts(&query.filters, *kind));
                Ok(kinds.cloned().collect())
            }
            _ => select(query, instance_types::instance_types(), |kind| &kind.name, "InvalidInstanceType"),
        };
        self.fixed(query, found)
    }

    /// DescribeInstanceTypeOfferings.
    pub fn describe_instance_type_offerings(&mut self, query: &Query, by: LocationType) -> Outcome<Page<Offering>> {
        check::<Offering>(&query.filters)?;
        self.list(query, |sim, query| {
            let offered = |kind: &InstanceType| sim.offered(&kind.name, by);
            let all: Vec<_> = match query.names("instance-type") {
                Some(names) => named_types(names).into_iter().flat_map(offered).collect(),
                None => instance_types::instance_types().iter().flat_map(offered).collect(),
            };
            Ok(all.into_iter().filter(|offering| accepts(&query.filters, offering)).collect())
        })
    }

    fn offered(&self, instance_type: &str, by: LocationType) -> Vec<Offering> {
        let offering = |location: &String| Offering { instance_type: instance_type.into(), location: location.clone() };
        let zones =
            self.state.network.subnets.iter().filter(|subnet| instance_types::is_offered(instance_type, &subnet.zone));
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
    pub fn describe_regions(&mut self, names: &[String], all: bool) -> Outcome<Vec<RegionInfo>> {
        let own = RegionInfo { name: self.settings.region.clone(), opt_in: "opt-in-not-required" };
        let other = RegionInfo { name: NOT_ENABLED.to_owned(), opt_in: "not-opted-in" };
        let known = [own, other];
        if let Some(unknown) = names.iter().find(|name| !known.iter().any(|one| one.name == **name)) {
            return Err(SimError::value(format!("Invalid value '{unknown}' for regionName: there is no such region.")));
        }
        let is_asked = |one: &RegionInfo| {
            if names.is_empty() { all || one.opt_in != "not-opted-in" } else { names.contains(&one.name) }
        };
        Ok(known.into_iter().filter(is_asked).collect())
    }
}

/// Types of these names, each once.
fn named_types(names: &[String]) -> Vec<&'static InstanceType> {
    let mut kinds: Vec<_> = names.iter().filter_map(|name| instance_types::instance_type(name)).collect();
    kinds.sort_by(|one, other| one.name.cmp(&other.name));
    kinds.dedup_by(|one, other| one.name == other.name);
    kinds
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
            "burstable-performance-supported" => is(flag(self.burstable == Burstable::Yes)),
            "free-tier-eligible" => is(flag(self.free_tier)),
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
