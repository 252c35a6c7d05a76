//! The event about prices that were frozen in a pass and are not of the source that comes first. Pure.

use api::{ConditionType, PlacedPrice, Status};

use super::events::{Event, Severity};
use crate::conditions::Reason;
use crate::provision::prices::doubt;
use crate::world::World;

/// One event at most, when the price is frozen: it is told once, because it is frozen once.
pub fn events(world: &World, next: &Status) -> Vec<Event> {
    let placed = |status: &Status| status.placement.as_ref().map(|one| one.prices.clone()).unwrap_or_default();
    let (former, now) = (placed(&world.object.status), placed(next));
    let is_same = |one: &PlacedPrice, other: &PlacedPrice| {
        (&one.instance_type, one.hourly_usd_micros) == (&other.instance_type, other.hourly_usd_micros)
    };
    let fresh = now.iter().filter(|price| !former.iter().any(|other| is_same(other, price)));
    let doubts: Vec<String> = fresh.map(|price| doubt(world, price)).filter(|doubt| !doubt.is_empty()).collect();
    if doubts.is_empty() {
        return Vec::new();
    }
    let accepted = ConditionType::Accepted.name();
    vec![Event::new(Severity::Normal, Reason::OtherPrice.name(), accepted, &doubts.join("; "))]
}
