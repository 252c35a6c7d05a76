//! Specs with networks and zones that the API server must refuse.

use serde_json::{Value, json};

use crate::bad_specs::with;

/// Name of the case, its spec, and what the refusal must say.
pub(crate) fn cases() -> Vec<(&'static str, Value, &'static [&'static str])> {
    vec![
        (
            "open to the internet",
            with(|spec| spec["network"] = json!({ "ingressCidrs": ["0.0.0.0/0"] })),
            &[
                "spec.network.ingressCidrs",
                "each entry is an IPv4 network such as 203.0.113.0/24",
                "the whole internet is not accepted",
            ],
        ),
        (
            "no CIDR",
            with(|spec| spec["network"] = json!({ "ingressCidrs": ["203.0.113.300/24"] })),
            &["spec.network.ingressCidrs", "each entry is an IPv4 network such as 203.0.113.0/24"],
        ),
        (
            "bits behind the prefix",
            with(|spec| spec["network"] = json!({ "ingressCidrs": ["203.0.113.7/24"] })),
            &["spec.network.ingressCidrs", "without bits set behind the prefix"],
        ),
        (
            "an uneven spread over zones",
            with(|spec| {
                spec["clusters"][0]["count"] = json!(3);
                spec["network"] = json!({ "zoneCount": 2 });
            }),
            &[
                "spec.clusters",
                "each count must be a multiple of the number of zones",
                "change count, or network.zones",
            ],
        ),
        (
            "zones and their number",
            with(|spec| spec["network"] = json!({ "zones": ["eu-west-1a"], "zoneCount": 1 })),
            &["spec.network", "set zones or zoneCount, and not both"],
        ),
        (
            "a zone twice",
            with(|spec| spec["network"] = json!({ "zones": ["eu-west-1a", "eu-west-1a"] })),
            &["spec.network.zones", "a zone is named twice"],
        ),
        (
            "four zones",
            with(|spec| spec["network"] = json!({ "zoneCount": 4 })),
            &["spec.network.zoneCount", "less than or equal to 3"],
        ),
        (
            "no subnet",
            with(|spec| spec["network"] = json!({ "subnetIds": ["vpc-0123"] })),
            &["spec.network.subnetIds", "each entry is the id of a subnet, such as subnet-0123456789abcdef0"],
        ),
    ]
}
