//! The networks of a benchmark: by default those that the operator is in; and its way to public addresses.

use serde_json::json;

use crate::bench::{Bench, condition, spec};
use crate::lab::{Lab, is_possible, shared};

/// What a public address costs an hour, in millionths of a dollar (docs/aws.md).
const ADDRESS: i64 = 5_000;

/// The lab's Kubernetes cluster lies in the VPC of its cloud, as that of EKS does, and the operator was told neither VPC nor
/// networks.
#[test]
fn by_default_it_is_the_vpc_that_the_operator_is_in() {
    let Some(lab) = shared("own VPC") else { return };
    let bench = Bench::apply(lab, "own-vpc", spec(1, 50));
    let object = bench.ready();
    let placement = &object["status"]["placement"];
    assert_eq!(placement["vpcChosenBy"], "OperatorAddress", "{placement:#}");
    assert_eq!(placement["controlSources"], json!([lab.record()["network"]]), "{placement:#}");
    let (status, reason, message) = condition(&object, "Accepted");
    assert_eq!((status.as_str(), reason.as_str()), ("True", "Placed"), "{message}");
    let vpc = placement["vpcId"].as_str().unwrap();
    assert!(message.contains(&format!("in {vpc}, which the operator is in")), "{message}");
    bench.delete();
}

/// Nothing is paid for where the operator would not reach what it pays for.
#[test]
fn public_control_without_addresses_to_let_in_is_refused_with_the_way_out() {
    let Some(lab) = shared("control refused") else { return };
    let mut asked = spec(1, 50);
    asked["network"] = json!({ "control": "Public" });
    let bench = Bench::apply(lab, "control-refused", asked);
    let object = bench.wait_until("it is refused", |object| condition(object, "Accepted").0 == "False");
    let (_, reason, message) = condition(&object, "Accepted");
    assert_eq!(reason, "NoControlSources", "{message}");
    assert!(message.contains("network.control") && message.contains("controlSources"), "{message}");
    let (instances, groups) = bench.made();
    assert!(instances.is_empty() && groups.is_empty(), "{instances:?} {groups:?}");
    bench.delete();
}

/// A lab of its own, whose operator dials from outside of the VPC.
#[test]
fn an_operator_outside_of_the_vpc_dials_public_addresses_of_all_but_workers() {
    if !is_possible("public control") {
        return;
    }
    let up = ["up", "--operator-arg=--control-sources=127.0.0.1/32", "--operator-arg=--proof-gap-seconds=1"];
    Lab::new("public-control").while_up(&up, |lab| {
        let mut asked = spec(1, 50);
        asked["network"] = json!({ "control": "Public", "addressing": "Private" });
        let bench = Bench::apply(lab, "outside", asked);
        let object = bench.ready();
        let status = &object["status"];
        assert_eq!(status["placement"]["control"], "Public", "{status:#}");
        assert_eq!(status["placement"]["controlSources"], json!(["127.0.0.1/32"]));
        let launches = status["launches"].as_array().unwrap();
        let extras = |is_of: &dyn Fn(&str) -> bool| -> Vec<i64> {
            let of = launches.iter().filter(|line| is_of(line["pool"].as_str().unwrap()));
            of.map(|line| line["extrasUsdMicros"].as_i64().unwrap()).collect()
        };
        let is_dialled = |pool: &str| ["balancer", "generator"].contains(&pool);
        let (dialled, workers) = (extras(&is_dialled), extras(&|pool| !is_dialled(pool)));
        assert!(!dialled.is_empty() && !workers.is_empty(), "{launches:#?}");
        // Without the address it is the volume alone, which is the same for all.
        assert!(dialled.iter().all(|extra| *extra == workers[0] + ADDRESS), "{dialled:?} {workers:?}");
        assert!(workers.iter().all(|extra| *extra == workers[0]), "{workers:?}");
        bench.delete();
    });
}
