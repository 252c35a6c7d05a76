//! The event about prices that were frozen in a pass and are not of the source that comes first. Pure.

use api::{ConditionType, Status};

use super::events::{Event, Severity};
use crate::conditions::Reason;
use crate::provision::prices::doubt;
use crate::world::World;

/// One event at most, when the price is frozen: it is told once, because it is frozen once.
pub fn events(world: &World, next: &Status) -> Vec<Event> {
    let placed = |status: &Status| status.placement.as_ref().map(|one| one.prices.clone()).unwrap_or_default();
    let (former, now) = (placed(&world.object.status), placed(next));
    let fresh = now.iter().filter(|price| !former.iter().any(|other| other.instance_type == price.instance_type));
    let doubts: Vec<String> = fresh.map(|price| doubt(world, price)).filter(|doubt| !doubt.is_empty()).collect();
    if doubts.is_empty() {
        return Vec::new();
    }
    let accepted = ConditionType::Accepted.name();
    vec![Event::new(Severity::Normal, Reason::OtherPrice.name(), accepted, &doubts.join("; "))]
}
