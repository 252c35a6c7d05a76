//! The check that the region of a spec exists. It cannot be changed, so a wrong one is said, and not tried for ever.
//!
//! What tells is DescribeRegions of the operator's own region, not the SDK's list: that one is as old as the operator, and
//! a region that is younger must work.

use crate::ports::{KnownRegion, OptIn};
use crate::world::{Facet, World};

/// Whether the list of regions has to be asked: before anything is placed in a region that the spec chose. The operator's
/// own region answered when it started.
pub fn is_in_question(world: &World) -> bool {
    let is_unplaced = world.object.status.placement.is_none() && !world.ledger_is_lost();
    is_unplaced && world.region() != world.settings.region
}

/// Why nothing can be in that region, for certain: reason and message.
pub fn refusal(world: &World) -> Option<(&'static str, String)> {
    if !is_in_question(world) {
        return None;
    }
    let name = world.region();
    let regions = world.regions.as_ref().and_then(Facet::known)?;
    match regions.iter().find(|known| known.name == name) {
        Some(KnownRegion { opt_in: OptIn::Done, .. }) => None,
        Some(KnownRegion { opt_in: OptIn::Missing, .. }) => Some((
            "RegionNotEnabled",
            format!(
                "region: {name} is not enabled for this account: enable it (aws account enable-region --region-name {name}), or delete the benchmark and create it with another region"
            ),
        )),
        None => Some(("UnknownRegion", unknown(name, regions))),
    }
}

fn unknown(name: &str, regions: &[KnownRegion]) -> String {
    match zone_of(name, regions) {
        Some(region) => format!(
            "region: {name} is a zone of {region}: delete the benchmark and create it with region {region}; network.subnetIds chooses the zone"
        ),
        None => format!(
            "region: there is no region {name}: delete the benchmark and create it with one that `aws ec2 describe-regions --all-regions` lists"
        ),
    }
}

/// The region that a zone's name begins with: `eu-west-1a`, `us-west-2-lax-1a` (a Local Zone).
fn zone_of<'a>(name: &str, regions: &'a [KnownRegion]) -> Option<&'a str> {
    let is_zone_in = |region: &&str| {
        name.strip_prefix(*region).is_some_and(|rest| {
            rest.starts_with('-') || (rest.len() == 1 && rest.bytes().all(|letter| letter.is_ascii_lowercase()))
        })
    };
    regions.iter().map(|region| region.name.as_str()).find(is_zone_in)
}

/// What to add to a failure of a region that may not exist.
pub(crate) fn doubt(world: &World) -> String {
    match world.regions.as_ref().and_then(Facet::unknown) {
        Some(why) if is_in_question(world) => format!(
            " (spec.region is {}; whether there is such a region is not known either: {})",
            world.region(),
            why.message
        ),
        _ => String::new(),
    }
}
