//! STS on the wire.

use cloudsim::sts::{Action, CallerIdentity};
use cloudsim::{Outcome, SimError};
use serde::Serialize;

use crate::aws::exchange::{Exchange, Sent};
use crate::aws::protocol::{Api, Protocol};

pub(super) const API: Api =
    Api { protocol: Protocol::AwsQuery, version: "2011-06-15", namespace: "https://sts.amazonaws.com/doc/2011-06-15/" };

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Identity {
    arn: String,
    user_id: String,
    account: String,
}

pub(super) fn answer(action: Action, exchange: Exchange<'_>) -> Outcome<Sent> {
    match action {
        Action::GetCallerIdentity => caller_identity(exchange),
    }
}

fn caller_identity(exchange: Exchange<'_>) -> Outcome<Sent> {
    let shape = |caller: CallerIdentity| Identity { arn: caller.arn, user_id: caller.user_id, account: caller.account };
    let by = exchange.principal;
    exchange.carry_out(|call| call, move |sim, now| sim.sts(now).caller_identity(by), shape)
}

/// The refusal of a key that nobody has (STS API reference, "Common errors": InvalidClientTokenId).
pub(super) fn unknown_key() -> SimError {
    SimError::new("InvalidClientTokenId", "The security token included in the request is invalid.")
}
