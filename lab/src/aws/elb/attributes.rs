//! The attributes of a target group.

use cloudsim::elb::{About, Action, Attributes};
use cloudsim::{Call, Outcome};
use serde::Serialize;

use super::shapes::{Members, Pair, pairs};
use crate::aws::exchange::{Exchange, Sent};

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Told {
    attributes: Members<Pair>,
}

fn told(attributes: Attributes) -> Told {
    Told { attributes: pairs(&attributes) }
}

pub(super) fn modify(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let arn = exchange.params.need("TargetGroupArn")?;
    let to: Attributes = exchange.params.tags("Attributes.member")?.into_iter().collect();
    let about = About::Thing(Action::ModifyTargetGroupAttributes, arn.clone());
    exchange.carry_out(
        |call| Call { about: about.into(), ..call },
        move |sim, now| sim.elb(now).modify_target_group_attributes(&arn, &to),
        told,
    )
}

pub(super) fn describe(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let arn = exchange.params.need("TargetGroupArn")?;
    exchange.carry_out(|call| call, move |sim, now| sim.elb(now).describe_target_group_attributes(&arn), told)
}
