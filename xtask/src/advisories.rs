//! `cargo deny`: licences, bans, sources, and advisories about what we depend on.

use std::process::Stdio;

use crate::{Outcome, Paths, run};

/// Skipped with a word where the tool is not there, in continuous integration as well: it is no part of Rust, takes
/// minutes to compile, and an advisory that is published today is no fault of the commit that is tested.
pub(crate) fn check(paths: &Paths) -> Outcome {
    if !run::in_path("cargo-deny") {
        eprintln!("xtask: SKIPPED: dependencies were NOT checked for advisories: cargo install cargo-deny");
        return Ok(());
    }
    let mut command = run::cargo(paths, &["deny", "check", "licenses", "bans", "sources", "advisories"]);
    run::step("cargo deny", command.stdin(Stdio::null()))
}
