//! The interface of each service: its protocol, and its actions.

use cloudsim::{Action, Outcome, ServiceName, SimError};

use super::exchange::{Answered, Exchange, Sent};
use super::protocol::{Api, Asked, Request};
use super::{cloudwatch, ec2, elb, pricing, s3, sqs, sts};

/// The protocol, version and namespace of a service; of one that speaks several protocols, those of this request.
pub(super) fn of(service: ServiceName, request: &Request<'_>) -> Api {
    match service {
        ServiceName::Ec2 => ec2::API,
        ServiceName::Sts => sts::API,
        ServiceName::Elb => elb::API,
        ServiceName::CloudWatch => cloudwatch::api(request),
        ServiceName::Pricing => pricing::API,
        ServiceName::S3 => s3::API,
        ServiceName::Sqs => sqs::API,
    }
}

/// The action that a request names, and its parameters.
pub(super) fn read(service: ServiceName, api: &Api, request: &Request<'_>) -> Outcome<Asked> {
    if service == ServiceName::S3 { s3::read(request) } else { api.read(request) }
}

pub(super) fn answer(exchange: Exchange<'_>) -> Outcome<Answered> {
    let sent: Outcome<Sent> = match exchange.action {
        Action::Sqs(action) => return sqs::answer(action, exchange),
        Action::Ec2(action) => ec2::answer(action, exchange),
        Action::Sts(action) => sts::answer(action, exchange),
        Action::Elb(action) => elb::answer(action, exchange),
        Action::CloudWatch(action) => cloudwatch::answer(action, exchange),
        Action::Pricing(action) => pricing::answer(action, exchange),
        Action::S3(action) => s3::answer(action, exchange),
    };
    sent.map(Answered::Now)
}

/// The refusal of temporary credentials that have run out (EC2: aws-sdk-java#1443; others: STS API reference, "Common
/// errors").
pub(super) fn expired_token(service: ServiceName) -> SimError {
    match service {
        ServiceName::Ec2 => SimError::new("RequestExpired", "Request has expired."),
        _ => SimError::new("ExpiredToken", "The security token included in the request is expired"),
    }
}

/// The refusal of a key that nobody has, in the service's own words.
pub(super) fn unknown_key(service: ServiceName) -> SimError {
    match service {
        ServiceName::Ec2 => ec2::unknown_key(),
        // Common errors of the Query APIs.
        ServiceName::Pricing => pricing::unknown_key(),
        ServiceName::S3 => cloudsim::s3::unknown_key(),
        ServiceName::Sts | ServiceName::Elb | ServiceName::CloudWatch | ServiceName::Sqs => sts::unknown_key(),
    }
}
