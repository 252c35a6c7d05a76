//! EC2 on the wire.

mod catalog;
mod groups;
mod instance_xml;
mod instances;
mod network;
mod shapes;
mod volumes;

use cloudsim::ec2::Action;
use cloudsim::{Outcome, SimError};

use crate::aws::exchange::{Exchange, Sent};
use crate::aws::protocol::{Api, Protocol};

pub(super) const API: Api =
    Api { protocol: Protocol::Ec2Query, version: "2016-11-15", namespace: "http://ec2.amazonaws.com/doc/2016-11-15/" };

pub(super) fn answer(action: Action, exchange: Exchange<'_>) -> Outcome<Sent> {
    match action {
        Action::RunInstances => instances::run(exchange),
        Action::DescribeInstances => instances::describe(exchange),
        Action::StartInstances => instances::start(exchange),
        Action::StopInstances => instances::stop(exchange),
        Action::TerminateInstances => instances::terminate(exchange),
        Action::GetConsoleOutput => instances::console(exchange),
        Action::CreateSecurityGroup => groups::create(exchange),
        Action::DescribeSecurityGroups => groups::describe(exchange),
        Action::AuthorizeSecurityGroupIngress => groups::authorize(exchange),
        Action::RevokeSecurityGroupIngress => groups::revoke(exchange),
        Action::DeleteSecurityGroup => groups::delete(exchange),
        Action::DescribeNetworkInterfaces => network::interfaces(exchange),
        Action::DescribeVolumes => volumes::describe(exchange),
        Action::DescribeVpcs => network::vpcs(exchange),
        Action::DescribeSubnets => network::subnets(exchange),
        Action::DescribeRouteTables => network::route_tables(exchange),
        Action::DescribeRegions => network::regions(exchange),
        Action::DescribeImages => catalog::images(exchange),
        Action::DescribeInstanceTypes => catalog::instance_types(exchange),
        Action::DescribeInstanceTypeOfferings => catalog::offerings(exchange),
    }
}

/// The refusal of a key that nobody has (EC2 error codes, AuthFailure).
pub(super) fn unknown_key() -> SimError {
    SimError::new("AuthFailure", "AWS was not able to validate the provided access credentials")
}
