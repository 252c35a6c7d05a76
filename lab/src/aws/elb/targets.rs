//! The targets of a target group, and their health.

use cloudsim::elb::{About, Action, TargetHealth};
use cloudsim::{Call, Outcome};
use serde::Serialize;

use super::shapes::{Members, Nothing};
use crate::aws::exchange::{Exchange, Sent, not_simulated};
use crate::aws::protocol::query::Params;

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Healths {
    target_health_descriptions: Members<HealthItem>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct HealthItem {
    target: TargetItem,
    health_check_port: u16,
    target_health: State,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct TargetItem {
    id: String,
    port: u16,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

pub(super) fn register(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let arn = exchange.params.need("TargetGroupArn")?;
    let ids = instances(&mut exchange.params)?;
    let about = About::Thing(Action::RegisterTargets, arn.clone());
    exchange.carry_out(
        |call| Call { about: about.into(), ..call },
        move |sim, now| sim.elb(now).register_targets(&arn, &ids),
        |()| Nothing {},
    )
}

pub(super) fn deregister(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let arn = exchange.params.need("TargetGroupArn")?;
    let ids = instances(&mut exchange.params)?;
    let about = About::Thing(Action::DeregisterTargets, arn.clone());
    exchange.carry_out(
        |call| Call { about: about.into(), ..call },
        move |sim, now| sim.elb(now).deregister_targets(&arn, &ids),
        |()| Nothing {},
    )
}

pub(super) fn health(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let arn = exchange.params.need("TargetGroupArn")?;
    let ids = instances(&mut exchange.params)?;
    exchange.carry_out(
        |call| call,
        move |sim, now| sim.elb(now).describe_target_health(&arn, &ids),
        |all| Healths { target_health_descriptions: Members::of(all, HealthItem::of) },
    )
}

/// Takes the ids of instances. A port of its own for a target is not simulated.
fn instances(params: &mut Params) -> Outcome<Vec<String>> {
    let targets = params.items("Targets.member");
    let ids = targets.iter().map(|target| {
        let port = format!("{target}.Port");
        match params.text(&port) {
            Some(value) => Err(not_simulated(&port, &value)),
            None => params.need(&format!("{target}.Id")),
        }
    });
    ids.collect()
}

impl HealthItem {
    fn of(health: TargetHealth) -> Self {
        Self {
            target: TargetItem { id: health.instance_id, port: health.port },
            health_check_port: health.port,
            target_health: State { state: health.state.name(), reason: health.reason, description: health.description },
        }
    }
}
