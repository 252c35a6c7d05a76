//! Clippy for every crate and every target; a warning is an error.

use crate::{Outcome, Paths, run};

pub(crate) fn lint(paths: &Paths) -> Outcome {
    let arguments = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    run::step("clippy", &mut run::cargo(paths, &arguments))
}
