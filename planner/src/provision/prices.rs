//! The price of each instance type where a benchmark lives: of the first source that has one, and kept from then on.
//!
//! The sources in their order: what the operator was given (`--prices`), the Price List API, the table that is shipped. A
//! source that does not answer holds nothing up: the next one is taken, and an event says so. A type that no source has is
//! frozen without a price, which is not a price of nothing, and is replaced as soon as a source has one.

use api::{PlacedPrice, Placement};

use crate::cost::hourly;
use crate::desired;
use crate::goal::{Goal, goal};
use crate::ports::ListPrice;
use crate::prices::price;
use crate::world::{Facet, Seal, World};

/// Types whose list price is to be asked for: those of the spec that have no price yet and need the list for one.
pub fn questions(world: &World) -> Vec<String> {
    let has_answer = |name: &String| world.settings.prices.price(world.region(), name).is_some();
    unpriced(world).into_iter().filter(|name| !has_answer(name)).collect()
}

/// The placement with the prices that are known now and that it does not have: none that it has is another one ever.
pub(crate) fn grown(world: &World, placement: Placement) -> Placement {
    let region = placement.region.clone();
    let missing = types(world).into_iter().filter(|name| hourly::price(&placement, name).is_none());
    let more: Vec<PlacedPrice> = missing.filter_map(|name| choose(world, &region, &name)).collect();
    let mut placement = placement;
    for price in more {
        match placement.prices.iter_mut().find(|placed| placed.instance_type == price.instance_type) {
            Some(placed) => *placed = price,
            None => placement.prices.push(price),
        }
    }
    placement
}

/// What people may want to know of a price that was frozen now. Empty: it is of the source that comes first.
pub(crate) fn doubt(world: &World, placed: &PlacedPrice) -> String {
    let name = &placed.instance_type;
    let why = match world.prices.get(name) {
        Some(Facet::Known(ListPrice::Several(prices))) => {
            let said: Vec<String> = prices.iter().map(|price| dollars(*price)).collect();
            format!("the Price List API has several prices ({})", said.join(", "))
        }
        Some(Facet::Unknown(why)) => format!("the Price List API did not answer ({})", why.message),
        _ if placed.hourly_usd_micros.is_none() => return placed.basis.clone(),
        _ => return String::new(),
    };
    match placed.hourly_usd_micros {
        Some(_) => format!("{name}: {why}, so its price is the one of {}", placed.basis),
        None => format!("{why}; {}", placed.basis),
    }
}

fn unpriced(world: &World) -> Vec<String> {
    // What somebody edited is settled first, and what is paused is asked about when it goes on.
    if goal(world) != Goal::Instances || world.object.spec.paused || world.object.seal == Seal::Broken {
        return Vec::new();
    }
    let placement = world.object.status.placement.as_ref();
    let is_placed = |name: &String| placement.is_some_and(|placement| hourly::price(placement, name).is_some());
    types(world).into_iter().filter(|name| !is_placed(name)).collect()
}

/// Those of the spec, and those of what was launched without a price.
fn types(world: &World) -> Vec<String> {
    let status = &world.object.status;
    let former = status.placement.iter().flat_map(|placement| &placement.spent_unpriced).map(|one| &one.instance_type);
    let lines = status.launches.iter().filter(|line| line.hourly_usd_micros.is_none()).map(|line| &line.instance_type);
    let mut names: Vec<String> =
        desired::possible_pools(&world.object.spec).into_iter().map(|pool| pool.instance_type).collect();
    names.extend(former.chain(lines).filter(|name| !name.is_empty()).cloned());
    names.sort();
    names.dedup();
    names
}

/// `None`: the list was not asked yet.
fn choose(world: &World, region: &str, name: &str) -> Option<PlacedPrice> {
    let placed = |price: u64, basis: String| PlacedPrice {
        instance_type: name.to_owned(),
        hourly_usd_micros: Some(i64::try_from(price).unwrap_or(i64::MAX)),
        basis,
    };
    if let Some(price) = world.settings.prices.price(region, name) {
        return Some(placed(price, format!("{region}, --prices")));
    }
    match world.prices.get(name)? {
        Facet::Known(ListPrice::One { hourly_usd_micros: price @ 1.., published }) => {
            let day = if published.is_empty() { world.now.strftime("%Y-%m-%d").to_string() } else { published.clone() };
            Some(placed(*price, format!("on-demand, {region}, Price List API, {day}")))
        }
        Facet::Known(_) | Facet::Unknown(_) => Some(match price::shipped(region, name) {
            Some(price) => placed(price, format!("on-demand, {region}, table of {}", price::DAY)),
            None => PlacedPrice {
                instance_type: name.to_owned(),
                hourly_usd_micros: None,
                basis: format!(
                    "no price for {name} in {region}: neither the Price List API nor the table of {} told one; give one with the operator's --prices",
                    price::DAY
                ),
            },
        }),
    }
}

fn dollars(micros: u64) -> String {
    format!("{}.{:06} USD", micros / 1_000_000, micros % 1_000_000)
}
