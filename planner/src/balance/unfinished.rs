//! Updates in place that are not finished, in words: what is in the way of a measurement, and the way out.

use std::collections::BTreeMap;

use api::ConditionType;
use wire::ApplicationFailure;

use super::updates::{AGAIN_SECONDS, Update, relay_pool, updates};
use super::{health, waiting};
use crate::conditions::{ConditionStatus, Reason};
use crate::desired::CONTROL_PORT;
use crate::plan::Plan;
use crate::world::{Facet, World};

/// Says what of the updates is in the way of a measurement; whether anything is.
pub(super) fn are_in_the_way(world: &World, plan: &mut Plan, updates: &BTreeMap<String, Update>) -> bool {
    let all = || updates.iter();
    let failure = all().find_map(|(name, update)| Some((name, update.to.as_ref()?, update.failure.as_ref()?)));
    if let Some((cluster, to, (id, failure))) = failure {
        let ApplicationFailure { url, why, started, .. } = failure;
        let way_out = way_out(*started, to.archive.is_some());
        failed(plan, &format!("{id} of {cluster} was not updated to {url}: {why}"), &way_out);
        return true;
    }
    if let Some((cluster, update)) = all().find(|(_, update)| !update.batch.is_empty()) {
        health::complete(plan);
        let Update { current, workers, batch, .. } = update;
        let message = format!(
            "cluster {cluster}: {current} of {workers} workers run what the spec asks for, {} are out to be updated",
            batch.len()
        );
        waiting(plan, message);
        return true;
    }
    // Others wait for it, of this cluster or, with a shared path, of another; or it is the last one.
    let are_held = all().any(|(_, update)| update.is_held);
    let unhealthy = all().find_map(|(name, update)| {
        let (id, was_updated) = update.unhealthy.as_ref()?;
        (are_held || *was_updated).then_some((name, id))
    });
    let Some((cluster, id)) = unhealthy else { return false };
    let message = format!("{id} of {cluster} runs what the spec asks for and is not healthy");
    if health::lasts(world, plan, health::UNHEALTHY) {
        let way_out = "mend the program and set its new hash, or set worker back to what it was";
        failed(plan, &(message + &health::console(world, id)), way_out);
    } else {
        let others = if are_held { "; the others wait for it" } else { "" };
        waiting(plan, format!("{message} yet{others}"));
    }
    true
}

fn way_out(was_started: bool, is_archive: bool) -> String {
    let (back, minutes) = ("or set worker back to what it was", AGAIN_SECONDS / 60);
    match (was_started, is_archive) {
        (true, false) => format!("mend the program and set its new hash, {back}"),
        (true, true) => format!("mend worker.command, worker.environment, or the archive and set its new hash, {back}"),
        (false, false) => format!(
            "what ran before was not stopped; mend what is at that URL, which is fetched again {minutes} minutes after it failed, or set another one, {back}"
        ),
        (false, true) => format!(
            "what ran before was not stopped; mend worker.setup, or what is at that URL, which is fetched and set up again {minutes} minutes after it failed, or set another one, {back}"
        ),
    }
}

/// A batch that failed is the last one, until somebody does something.
fn failed(plan: &mut Plan, what: &str, way_out: &str) {
    let message = format!("{what}; no other worker is updated and nothing is measured: {way_out}");
    plan.conditions.deployed(ConditionStatus::False, Reason::UpdateFailed, message);
    plan.conditions.stall(ConditionType::Deployed);
    plan.wake_within(crate::plan::STEADY);
}

/// Says so where it is not known what a worker runs; whether that is so. It lasts as long as a boot may, or somebody has to
/// look.
pub(super) fn are_unclear(world: &World, plan: &mut Plan, updates: &BTreeMap<String, Update>) -> bool {
    let silent = updates.iter().find_map(|(name, update)| Some((name, update, update.silent.as_ref()?)));
    let Some((cluster, update, (id, why))) = silent else { return false };
    // Its workers are well: another one would be told as little.
    if let Some(why) = &update.not_told {
        let message =
            format!("the workers of {cluster} cannot be told what the spec asks for, and go on as they are: {why}");
        health::incomplete(world, plan, message);
        return true;
    }
    let relay = relay_pool(world);
    let message = match &world.applications {
        Some(Facet::Unknown(why)) => format!(
            "what workers run is not known: {}; the operator asks their starters through {relay}, whose port {CONTROL_PORT} it has to reach",
            why.message
        ),
        None => "what workers run is not known yet".to_owned(),
        Some(Facet::Known(_)) => {
            let console = health::console(world, id);
            format!(
                "what {id} of {cluster} runs is not known: {why}{console}; {relay} asks its starter at port {CONTROL_PORT}: where that lasts, terminate {id}, and another worker takes its place"
            )
        }
    };
    health::incomplete(world, plan, message);
    true
}

/// The workers that serve nobody while nothing is changed. Empty: there are none, or nobody knows. Those that were never taken
/// in, or whose balancer is another one, are out for no update.
pub(crate) fn kept_out(world: &World) -> String {
    let updates = updates(world);
    let mut text = String::new();
    for (name, update) in &updates {
        let (out, unclear, workers) = (update.out(), update.unclear(), update.workers);
        if out > 0 {
            text += &format!(
                "; cluster {name}: {out} of {workers} workers are out for an update, and serve nobody meanwhile"
            );
        }
        if unclear > 0 {
            text += &format!(
                "; cluster {name}: {unclear} of {workers} workers serve nobody, and it is not known what they run"
            );
        }
    }
    text
}
