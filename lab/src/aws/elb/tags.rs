//! DescribeTags.

use cloudsim::Outcome;
use serde::Serialize;

use super::shapes::{Members, Pair, pairs};
use crate::aws::exchange::{Exchange, Sent};

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Described {
    tag_descriptions: Members<Tagged>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Tagged {
    resource_arn: String,
    tags: Members<Pair>,
}

pub(super) fn describe(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let arns = exchange.params.texts("ResourceArns.member");
    exchange.carry_out(
        |call| call,
        move |sim, now| sim.elb(now).describe_tags(&arns),
        |all| Described {
            tag_descriptions: Members::of(all, |(resource_arn, tags)| Tagged { resource_arn, tags: pairs(&tags) }),
        },
    )
}
