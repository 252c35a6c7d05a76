//! The settings of a lab's operator: the shipped Deployment with values that a user of the chart may give as well. Nothing tells it that
//! it is in a lab; what differs are addresses, credentials and times.

use anyhow::Context as _;
use lab::aws::{OPERATOR_ACCESS_KEY, SECRET_KEY};
use serde_json::{Value, json};

use crate::kubernetes::install::Values;
use crate::state::State;
use crate::supervisor::artifacts::MANIFEST;
use crate::supervisor::{INSTALLATION, SETTLE_SECONDS};

/// Name of its container, and of its log.
pub(super) const CONTAINER: &str = "operator";

/// Credentials of AWS, as the keys of the Secret.
pub(super) const CREDENTIALS: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", OPERATOR_ACCESS_KEY), ("AWS_SECRET_ACCESS_KEY", SECRET_KEY)];

pub(super) fn values(state: &State, region: &str, endpoint: &str) -> anyhow::Result<Values> {
    let settle = SETTLE_SECONDS.to_string();
    let manifest = state.path(MANIFEST);
    let manifest = manifest.to_str().context("the path of the state is no text")?;
    let fixed = |(name, value): (&str, &str)| json!({ "name": name, "value": value });
    let mut variables: Vec<Value> = [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        // The image has it at a path that is nobody's here.
        ("OPERATOR_PROGRAMS", manifest),
        // Proofs of absence need not wait for minutes here.
        ("OPERATOR_SETTLE_SECONDS", &settle),
        ("OPERATOR_PROOF_GAP_SECONDS", "2"),
        // A deletion waits until nothing that was asked for can still be made: seconds here, two minutes in AWS.
        ("OPERATOR_LAUNCH_WINDOW_SECONDS", "20"),
    ]
    .map(fixed)
    .into();
    // Pods of a lab share its machine: each listens at its own address.
    variables.push(json!({ "name": "POD_IP", "valueFrom": { "fieldRef": { "fieldPath": "status.podIP" } } }));
    variables.push(fixed(("OPERATOR_ADMIN_LISTEN", "$(POD_IP):8080")));
    // The node has an address in the VPC of the lab's cloud: no value says where the operator is.
    Ok(Values { region: region.to_owned(), installation: INSTALLATION.to_owned(), variables })
}
