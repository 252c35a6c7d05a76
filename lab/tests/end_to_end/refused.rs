//! Specs that the API server cannot judge and the cloud refuses: said with the field and the way out, nothing launched.

use serde_json::{Value, json};

use crate::bench::{Bench, condition, holds, spec};
use crate::lab::shared;

/// An architecture that this machine's programs are not for: (its reason in words, a small type of it).
const FOREIGN_TYPE: (&str, &str) =
    if cfg!(target_arch = "aarch64") { ("x86_64", "c7i.large") } else { ("arm64", "c7g.large") };
const IMAGE_FOR_X86: &str = "ami-0a120230000000861";
/// Zone c offers no t2.
const SUBNET_WITHOUT_T2: &str = "subnet-0de0fa170000000c0";

fn with(path: &str, value: Value) -> Value {
    let mut spec = spec(6, 1000);
    *spec.pointer_mut(path).expect("a field of the object that all cases change") = value;
    spec
}

fn and(section: &str, value: Value) -> Value {
    let mut spec = spec(6, 1000);
    spec[section] = value;
    spec
}

#[test]
fn what_the_cloud_does_not_have_is_refused_with_the_field_and_launches_nothing() {
    let Some(lab) = shared("refused by the cloud") else { return };
    let (architecture, foreign) = FOREIGN_TYPE;
    let mut mixed = and("image", json!({ "id": IMAGE_FOR_X86 }));
    mixed["clusters"][1]["instanceType"] = json!("t4g.micro");
    let cases: [(&str, Value, &str, &[&str]); 10] = [
        (
            "unknown-subnet",
            and("network", json!({ "subnetIds": ["subnet-0bad"] })),
            "UnknownSubnet",
            &["network.subnetIds", "subnet-0bad", "create it with subnets that exist in eu-west-1"],
        ),
        (
            "unknown-image",
            and("image", json!({ "id": "ami-0bad" })),
            "UnknownImage",
            &["image.id", "ami-0bad", "create it with one that exists"],
        ),
        (
            "unknown-alias",
            and("image", json!({ "alias": "windows95" })),
            "UnknownImage",
            &["image.alias", "windows95", "create it with one that exists"],
        ),
        (
            "unknown-type",
            with("/clusters/1/instanceType", json!("t9.huge")),
            "UnknownInstanceType",
            &["clusters[1].instanceType", "t9.huge", "describe-instance-types"],
        ),
        (
            "not-offered",
            and("network", json!({ "subnetIds": [SUBNET_WITHOUT_T2] })),
            "NotOffered",
            &["clusters[0].instanceType t2.micro", "eu-west-1c", "choose other instance types"],
        ),
        (
            "zone-as-region",
            and("region", json!("eu-west-1a")),
            "UnknownRegion",
            &["region: eu-west-1a is a zone of eu-west-1", "create it with region eu-west-1"],
        ),
        ("no-region", and("region", json!("eu-west-99")), "UnknownRegion", &["region: there is no region eu-west-99"]),
        ("not-enabled", and("region", json!("ap-east-1")), "RegionNotEnabled", &["region: ap-east-1", "enable it"]),
        ("mixed", mixed, "WrongArchitecture", &["image.id", "arm64", "create it with image.alias"]),
        (
            "foreign",
            with("/clusters/0/instanceType", json!(foreign)),
            "NoArtifact",
            &[foreign, architecture, "no worker for it", "choose a type of another architecture"],
        ),
    ];
    let benches = cases.map(|(name, spec, reason, words)| (Bench::apply(lab, name, spec), reason, words));
    for (bench, reason, words) in &benches {
        let seen = bench.wait_until("it is refused", |object| condition(object, "Accepted").0 == "False");
        let (_, found, message) = condition(&seen, "Accepted");
        assert_eq!(&found, reason, "{message}");
        for word in *words {
            assert!(message.contains(word), "{}: {word:?} is not in {message:?}", bench.name);
        }
        assert!(holds(&seen, "Stalled") && condition(&seen, "Reconciling").0.is_empty(), "{seen:#}");
        assert_eq!(condition(&seen, "Ready"), ("False".to_owned(), found, message));
    }
    for (bench, ..) in &benches {
        // Nothing was made, so nothing has to be proved.
        let took = bench.delete();
        assert!(took.as_secs() < 10, "{} took {took:?} to be deleted", bench.name);
        bench.launched(0);
    }
}

#[test]
fn an_object_that_was_refused_works_once_it_is_mended() {
    let Some(lab) = shared("mended") else { return };
    let bench = Bench::apply(lab, "mended", with("/clusters/1/instanceType", json!("t9.huge")));
    bench.wait_until("it is refused", |object| holds(object, "Stalled"));
    bench.apply_spec(spec(6, 1000));
    let seen = bench.wait_until("it is no longer refused", |object| !holds(object, "Stalled"));
    assert!(holds(&seen, "Accepted"), "{seen:#}");
    bench.ready();
    bench.delete();
}
