//! Short ways to say things in these tests.

use std::sync::Arc;

use cloudsim::ec2::{Instance, InterfaceRequest, RunInstances, Shutdown};
use cloudsim::{Outcome, Query, Settings, Sim, Span};
use jiff::Timestamp;

pub(crate) const X86_IMAGE: &str = "ami-0a120230000000861";
pub(crate) const SUBNET_A: &str = "subnet-0de0fa170000000a0";
pub(crate) const SUBNET_B: &str = "subnet-0de0fa170000000b0";
pub(crate) const SUBNET_C: &str = "subnet-0de0fa170000000c0";
pub(crate) const VPC: &str = "vpc-0de0fa17000000010";

/// Seconds after the beginning of the test.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// Boots in ten seconds, stops in twenty, lets interfaces linger for thirty: all exact.
pub(crate) fn exact() -> Settings {
    Settings {
        boot: Span::seconds(10, 10),
        stop: Span::seconds(20, 20),
        interface_linger: Span::seconds(30, 30),
        ..Settings::default()
    }
}

pub(crate) fn sim(settings: Settings) -> Sim {
    Sim::new(7, settings).unwrap()
}

pub(crate) fn request(count: u32, token: &str) -> RunInstances {
    request_in(SUBNET_A, count, token)
}

pub(crate) fn request_in(subnet: &str, count: u32, token: &str) -> RunInstances {
    RunInstances {
        image_id: X86_IMAGE.into(),
        instance_type: "t3.micro".into(),
        min_count: count,
        max_count: count,
        client_token: Some(token.into()),
        interface: Some(InterfaceRequest {
            subnet_id: Some(subnet.into()),
            associate_public_address: Some(true),
            ..InterfaceRequest::default()
        }),
        tags: vec![("instance".into(), [("owner".to_owned(), "us".to_owned())].into())],
        shutdown: Shutdown::Terminate,
        ..RunInstances::default()
    }
}

pub(crate) fn ids(instances: &[Arc<Instance>]) -> Vec<String> {
    instances.iter().map(|instance| instance.id.clone()).collect()
}

/// Launches and returns the ids.
pub(crate) fn launch(sim: &mut Sim, count: u32, token: &str, second: i64) -> Vec<String> {
    ids(&sim.ec2(at(second)).run_instances(&request(count, token)).unwrap())
}

pub(crate) fn code<T: std::fmt::Debug>(outcome: Outcome<T>) -> String {
    outcome.unwrap_err().code
}

/// State names in the order of the ids, as a reader by id sees them.
pub(crate) fn states(sim: &mut Sim, ids: &[String], second: i64) -> Vec<&'static str> {
    let page = sim.ec2(at(second)).describe_instances(&Query::ids(ids)).unwrap();
    let state = |id: &String| page.items.iter().find(|instance| instance.id == *id).unwrap().state.name();
    ids.iter().map(state).collect()
}
