//! Rules of the repository that no compiler checks. Each is a function from files to findings, and each has a test
//! in which it fails.

mod arrows;
mod chart;
mod documents;
mod features;
mod files;
mod imports;
mod language;
mod manifest;
mod policy;
mod tree;

use std::fmt;
use std::time::Instant;

use crate::{Outcome, Paths, generated, run, say};
use tree::Tree;

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// `path` or `path:line`
    place: String,
    /// What is wrong and what to do.
    what: String,
}

impl Finding {
    fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

pub(crate) fn tidy(paths: &Paths) -> Outcome {
    let started = Instant::now();
    let tree = Tree::load(&paths.root)?;
    let mut findings = rules(&tree);
    findings.extend(features::findings(paths)?);
    if let Err(stale) = generated::check(paths) {
        findings.push(Finding::new("manifests", stale));
    }
    if findings.is_empty() {
        eprintln!("xtask: tidy: {} files clean, {}", tree.files.len(), run::duration(started.elapsed()));
        return Ok(());
    }
    findings.sort();
    for finding in &findings {
        eprintln!("{finding}");
    }
    Err(format!(
        "tidy found {}",
        if findings.len() == 1 { "1 thing".into() } else { format!("{} things", findings.len()) }
    ))
}

/// Prints the circles of imports of every crate.
pub(crate) fn circles(paths: &Paths) -> Outcome {
    let tree = Tree::load(&paths.root)?;
    say::text(imports::report(&tree, &manifest::crates(&tree)));
    Ok(())
}

/// The rules that need nothing but the files.
fn rules(tree: &Tree) -> Vec<Finding> {
    let crates = manifest::crates(tree);
    [
        arrows::findings(&crates),
        arrows::outside(&crates),
        arrows::pure(tree),
        manifest::lints(&crates),
        manifest::unused(tree, &crates),
        imports::findings(tree, &crates),
        files::names(tree),
        files::sizes(tree),
        files::lost_failures(tree),
        files::absolute_paths(tree),
        chart::findings(tree),
        documents::findings(tree),
        features::commands(tree),
        language::findings(tree),
        policy::findings(tree),
    ]
    .concat()
}
