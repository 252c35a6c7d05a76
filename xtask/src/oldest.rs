//! Our definitions, judged by the validation of the oldest Kubernetes that README promises (lab/oldest, Go).

use std::process::Command;

use crate::go::{self, Program};
use crate::{Outcome, Paths, run};

const DEFINITIONS: &str = "manifests/crds.yaml";

const OLDEST: Program = Program {
    parent: "lab",
    name: "oldest",
    label: "the validation of the oldest Kubernetes",
    takes: "a minute or two on two cores",
    link_flags: "-s -w",
    otherwise: "",
};

/// Skipped with a word where there is no Go, a failure where `CI` is `true`.
pub(crate) fn check(paths: &Paths) -> Outcome {
    let skipped = format!("{DEFINITIONS} was NOT checked against the oldest Kubernetes: there is no `go` on the PATH");
    if !go::is_there(&skipped)? {
        return Ok(());
    }
    let binary = OLDEST.provide(paths)?;
    let mut command = Command::new(binary);
    run::step("definitions in the oldest Kubernetes", command.arg(paths.root.join(DEFINITIONS))).map_err(|error| {
        format!("{error}: the version in lab/oldest/go.mod refuses {DEFINITIONS}, for the reasons above; write the rule otherwise")
    })
}
