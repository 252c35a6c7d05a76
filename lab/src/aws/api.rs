//! The interface of each service: its protocol, and its actions.

use cloudsim::{Action, Outcome, ServiceName, SimError};

use super::exchange::{Exchange, Sent};
use super::protocol::Api;
use super::{ec2, sts};

/// The protocol, version and namespace of a service.
pub(super) fn of(service: ServiceName) -> Api {
    match service {
        ServiceName::Ec2 => ec2::API,
        ServiceName::Sts => sts::API,
    }
}

pub(super) fn answer(exchange: Exchange<'_>) -> Outcome<Sent> {
    match exchange.action {
        Action::Ec2(action) => ec2::answer(action, exchange),
        Action::Sts(action) => sts::answer(action, exchange),
    }
}

/// The refusal of a key that nobody has, in the service's own words.
pub(super) fn unknown_key(service: ServiceName) -> SimError {
    match service {
        ServiceName::Ec2 => ec2::unknown_key(),
        ServiceName::Sts => sts::unknown_key(),
    }
}
