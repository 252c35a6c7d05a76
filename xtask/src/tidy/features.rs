//! One feature set per dependency, whatever is built: otherwise cargo compiles it, and all above it, once more.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use super::tree::Tree;
use crate::{Outcome, Paths, run};

/// `serde v1.0.0` -> each set of features it is built with (one for the target, perhaps another for build scripts).
type Features = BTreeMap<String, BTreeSet<String>>;

/// What takes over six minutes to compile, and again for every feature set of anything it is built on.
const COSTLY: &str = "aws-sdk-ec2";

pub(super) fn findings(paths: &Paths) -> Outcome<Vec<Finding>> {
    let whole = tree(paths, &["-e", "normal,build", "--workspace"])?;
    // Tests add dev-dependencies; they must not add features.
    let tests = tree(paths, &["-e", "normal,build,dev", "--workspace"])?;
    let mut findings = compare("cargo test --workspace", &tests, &whole);
    // The operator alone may compile small things once more (clap's terminal size), never what the SDK is built on.
    let costly = tree(paths, &["-e", "normal,build", "-p", COSTLY])?;
    let mut operator = tree(paths, &["-e", "normal,build", "-p", "operator"])?;
    operator.retain(|package, _| costly.contains_key(package));
    findings.extend(compare("cargo build -p operator", &operator, &whole));
    Ok(findings)
}

fn tree(paths: &Paths, selection: &[&str]) -> Outcome<Features> {
    let arguments = [&["tree", "--locked", "--prefix", "none", "-f", "{p}\t{f}"], selection].concat();
    let features = parse(&run::output(&mut run::cargo(paths, &arguments))?);
    // A format that changed must not look like a clean tree.
    if features.is_empty() { Err("`cargo tree` printed no package".to_owned()) } else { Ok(features) }
}

fn parse(text: &str) -> Features {
    let mut features = Features::new();
    for (package, rest) in text.lines().filter_map(|line| line.split_once('\t')) {
        // `(*)` marks a package whose dependencies were printed before.
        let set = rest.trim_end_matches("(*)").trim();
        features.entry(package.trim_end_matches(" (*)").to_owned()).or_default().insert(set.to_owned());
    }
    features
}

/// Packages of the whole workspace that `selection` builds with features the workspace does not build them with.
fn compare(selection: &str, features: &Features, whole: &Features) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (package, sets) in features {
        let Some(known) = whole.get(package) else { continue };
        for set in sets.difference(known) {
            let words = |set: &str| set.split(',').map(str::to_owned).collect::<BTreeSet<_>>();
            let nearest =
                known.iter().map(|known| words(known)).max_by_key(|known| known.intersection(&words(set)).count());
            let nearest = nearest.unwrap_or_default();
            let differing: Vec<_> = words(set).symmetric_difference(&nearest).cloned().collect();
            findings.push(Finding::new(
                "Cargo.toml",
                format!(
                    "`{selection}` compiles {package} again, features that differ from the workspace's: {}; \
                     give it one feature set in [workspace.dependencies]",
                    differing.join(", ")
                ),
            ));
        }
    }
    findings
}

/// Cargo's commands that build with the profile of the gate, which a package on its own must not be given to.
const BUILDING: [&str; 6] = ["test", "check", "clippy", "run", "build", "insta"];

/// Nobody is told to build a part with `-p`: beside kube alone tokio and hyper have fewer features than beside all that
/// we link, no table of dependencies can change that, and cargo compiles them and everything above for minutes. The
/// whole workspace is asked for, and targets are chosen by name (`xtask/src/suite.rs`).
pub(super) fn commands(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    // What xtask itself says of packages is not said to people.
    let is_read = |path: &str| (path.ends_with(".md") || path.ends_with(".rs")) && !path.starts_with("xtask/");
    for (path, text) in tree.files.iter().filter(|(path, _)| is_read(path)) {
        for (number, line) in text.lines().enumerate() {
            if let Some(command) = package_command(line) {
                findings.push(Finding::new(
                    format!("{path}:{}", number + 1),
                    format!(
                        "`{command}` resolves other features than the workspace and compiles dependencies once more: \
                         `cargo xtask test CRATE`, or `--workspace` and the name of a target"
                    ),
                ));
            }
        }
    }
    findings
}

/// A command of cargo's on this line that selects a package, in the gate's profile.
fn package_command(line: &str) -> Option<&str> {
    let (_, at) = line.match_indices("cargo ").find_map(|(at, word)| {
        let rest = &line[at + word.len()..];
        let command = rest.split(' ').next()?.trim_end_matches('`');
        BUILDING.contains(&command).then_some((command, at))
    })?;
    let command = line[at..].split(['`', '#', '"']).next().unwrap_or_default();
    let mut words = command.split_whitespace();
    let selects = words.clone().any(|word| matches!(word, "-p" | "--package"));
    // Another profile is compiled on its own in any case.
    let is_apart = words.any(|word| matches!(word, "--release" | "--package=xtask"));
    (selects && !is_apart).then(|| command.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_on_its_own_is_found_in_what_people_are_told() {
        assert_eq!(
            package_command("    cargo test -p planner --test it   # fails"),
            Some("cargo test -p planner --test it")
        );
        assert_eq!(
            package_command("run `cargo insta test --accept -p planner`"),
            Some("cargo insta test --accept -p planner")
        );
        assert_eq!(package_command("cargo build --release -p balancer"), None);
        assert_eq!(package_command("cargo test --workspace --test it"), None);
        assert_eq!(package_command("cargo xtask test planner"), None);
        assert_eq!(package_command("mkdir -p x && cargo test"), None);
        let tree = Tree::of([("a.md", "x\ncargo check --package a"), ("b.toml", "cargo test -p a")]);
        let places: Vec<String> = commands(&tree).into_iter().map(|one| one.place).collect();
        assert_eq!(places, ["a.md:2"]);
    }

    #[test]
    fn equal_sets_are_silent_and_different_ones_are_found() {
        let whole = parse("tokio v1.0.0\tfs,net\nserde v1.0.0\tderive (*)\nserde v1.0.0\tstd\n");
        assert_eq!(compare("x", &parse("serde v1.0.0\tstd\nmine v0.1.0\t\n"), &whole), []);
        let findings = compare("cargo build -p x", &parse("tokio v1.0.0\tfs,net,time\n"), &whole);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].what.contains("tokio v1.0.0") && findings[0].what.contains(": time;"), "{}", findings[0]);
    }

    #[test]
    fn another_version_is_another_package() {
        assert_eq!(compare("x", &parse("tokio v2.0.0\tfs\n"), &parse("tokio v1.0.0\tnet\n")), []);
    }
}
