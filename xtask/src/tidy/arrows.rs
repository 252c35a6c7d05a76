//! The arrows between crates: a table of who may know whom.

use std::collections::BTreeSet;

use super::Finding;
use super::manifest::Crate;
use super::tree::Tree;

/// Crate, what its code may use, what its tests may use besides. This table is the architecture: an arrow that is
/// not here is a decision, and is made in the design first.
const ARROWS: &[(&str, &[&str], &[&str])] = &[
    ("say", &[], &[]),
    ("http1", &[], &[]),
    ("wire", &[], &[]),
    ("stats", &["wire"], &[]),
    ("report", &["wire", "stats"], &[]),
    ("api", &["wire"], &[]),
    ("planner", &["wire", "api"], &["stats"]),
    ("cloudsim", &["wire", "api", "planner"], &[]),
    ("cloud", &["wire", "api", "planner"], &["cloudsim", "lab", "queue"]),
    ("controller", &["wire", "api", "planner", "stats", "report"], &["cloudsim"]),
    ("operator", &["say", "wire", "api", "planner", "controller", "cloud"], &[]),
    ("agent", &["wire"], &[]),
    ("balancer", &["http1", "wire", "agent"], &[]),
    ("worker", &["wire"], &[]),
    ("starter", &["wire", "agent"], &[]),
    ("queue", &["wire", "agent"], &[]),
    ("loadgen", &["http1", "wire", "agent", "stats", "report"], &[]),
    ("cli", &["say", "wire", "api", "stats", "report"], &[]),
    ("lab", &["say", "wire", "report", "planner", "cloudsim"], &[]),
    ("xtask", &[], &[]),
];

/// Dependencies from outside that only some crates may have, by prefix: who, and why.
const KEPT: &[(&str, &[&str], &str)] = &[
    (
        "aws-",
        &["cloud", "queue"],
        "only `cloud` and `queue` link AWS SDKs: everything above them would wait for minutes",
    ),
    (
        "kube",
        &["controller", "cli", "api", "lab"],
        "of what is deployed only `controller` talks to Kubernetes; `cli` and the lab's kubelet are clients, `api` uses kube's derive",
    ),
    (
        "k8s-openapi",
        &["controller", "cli", "api", "planner"],
        "Kubernetes' types belong to `controller`, `cli`, `api` and `planner`",
    ),
];

/// Crates that read no clock, draw no lots and do no I/O. What that forbids is in clippy.toml; a crate that is none of
/// these is allowed all of it.
const PURE: &[&str] = &["planner", "stats", "cloudsim"];

/// What stands on top of the lib.rs of a pure crate.
const WARNING: &str = "#![warn(clippy::disallowed_methods, clippy::disallowed_types)]";

/// Pure crates that do not ask to be held to it.
pub(super) fn pure(tree: &Tree) -> Vec<Finding> {
    let heads = PURE.iter().map(|name| format!("{name}/src/lib.rs"));
    let missing = heads.filter(|path| tree.files.get(path).is_some_and(|text| !text.contains(WARNING)));
    missing.map(|path| Finding::new(path, format!("is of a pure crate and does not say `{WARNING}`"))).collect()
}

/// Arrows between our crates that are not allowed, and crates that are not in the table.
pub(super) fn findings(crates: &[Crate]) -> Vec<Finding> {
    let ours: BTreeSet<&str> = crates.iter().map(|one| one.name.as_str()).collect();
    let mut findings = Vec::new();
    for one in crates {
        let Some((_, code, tests)) = ARROWS.iter().find(|(name, ..)| *name == one.name) else {
            findings.push(Finding::new(&one.path, format!("`{}` is not in the table of arrows: add it", one.name)));
            continue;
        };
        let mut judge = |dependencies: &BTreeSet<String>, allowed: &dyn Fn(&str) -> bool, kind: &str| {
            let wrong = dependencies.iter().filter(|name| ours.contains(name.as_str()) && !allowed(name));
            findings.extend(wrong.map(|name| {
                Finding::new(
                    &one.path,
                    format!("`{}` must not {kind} `{name}`: move the code or change the design", one.name),
                )
            }));
        };
        judge(&one.dependencies, &|name| code.contains(&name), "depend on");
        let itself = one.name.as_str();
        let for_tests = |name: &str| name == itself || name == "wire" || code.contains(&name) || tests.contains(&name);
        judge(&one.dev_dependencies, &for_tests, "be tested with");
    }
    findings
}

/// Dependencies from outside that are kept to some crates.
pub(super) fn outside(crates: &[Crate]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for one in crates {
        for name in one.dependencies.union(&one.dev_dependencies) {
            if let Some((.., why)) =
                KEPT.iter().find(|(prefix, who, _)| name.starts_with(prefix) && !who.contains(&one.name.as_str()))
            {
                findings.push(Finding::new(&one.path, format!("`{name}` may not be used here: {why}")));
            }
        }
        if one.name == "xtask" && !(one.dependencies.is_empty() && one.dev_dependencies.is_empty()) {
            findings.push(Finding::new(&one.path, "xtask uses the standard library only: remove the dependencies"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::manifest::crates;
    use super::*;

    const WIRE: (&str, &str) = ("wire/Cargo.toml", "[package]\nname = \"wire\"\n");
    const PLANNER: (&str, &str) = ("planner/Cargo.toml", "[package]\nname = \"planner\"\n");
    const CLOUDSIM: (&str, &str) = ("cloudsim/Cargo.toml", "[package]\nname = \"cloudsim\"\n");

    fn messages(findings: Vec<Finding>) -> Vec<String> {
        findings.iter().map(Finding::to_string).collect()
    }

    #[test]
    fn an_allowed_arrow_is_silent_and_its_reverse_is_found() {
        let good = Tree::of([
            WIRE,
            ("planner/Cargo.toml", "[package]\nname = \"planner\"\n[dependencies]\nwire.workspace = true\n"),
        ]);
        assert_eq!(findings(&crates(&good)), []);
        let bad = Tree::of([
            PLANNER,
            ("wire/Cargo.toml", "[package]\nname = \"wire\"\n[dependencies]\nplanner.workspace = true\n"),
        ]);
        assert_eq!(
            messages(findings(&crates(&bad))),
            ["wire/Cargo.toml: `wire` must not depend on `planner`: move the code or change the design"]
        );
    }

    #[test]
    fn what_tests_may_use_is_not_allowed_to_the_code() {
        let controller = |section: &str| {
            Tree::of([
                CLOUDSIM,
                (
                    "controller/Cargo.toml",
                    &format!("[package]\nname = \"controller\"\n[{section}]\ncloudsim.workspace = true\n"),
                ),
            ])
        };
        assert_eq!(findings(&crates(&controller("dev-dependencies"))), []);
        assert_eq!(findings(&crates(&controller("dependencies"))).len(), 1);
        let planner = Tree::of([
            CLOUDSIM,
            ("planner/Cargo.toml", "[package]\nname = \"planner\"\n[dev-dependencies]\ncloudsim.workspace = true\n"),
        ]);
        assert_eq!(
            messages(findings(&crates(&planner))),
            ["planner/Cargo.toml: `planner` must not be tested with `cloudsim`: move the code or change the design"]
        );
    }

    #[test]
    fn a_crate_that_nobody_decided_about_is_found() {
        let tree = Tree::of([("extra/Cargo.toml", "[package]\nname = \"extra\"\n")]);
        assert_eq!(
            messages(findings(&crates(&tree))),
            ["extra/Cargo.toml: `extra` is not in the table of arrows: add it"]
        );
    }

    #[test]
    fn a_pure_crate_says_so() {
        let with = |head: &str| pure(&Tree::of([("planner/src/lib.rs", head), ("worker/src/lib.rs", "mod a;")])).len();
        assert_eq!(with("//! Pure.\n#![warn(clippy::disallowed_methods, clippy::disallowed_types)]\nmod a;"), 0);
        assert_eq!(with("//! Pure.\nmod a;"), 1);
    }

    #[test]
    fn sdk_and_client_stay_where_they_belong() {
        let with = |name: &str, dependency: &str| {
            let text = format!("[package]\nname = \"{name}\"\n[dependencies]\n{dependency} = \"1\"\n");
            outside(&crates(&Tree::of([(&format!("{name}/Cargo.toml"), &text)]))).len()
        };
        assert_eq!(with("cloud", "aws-sdk-ec2"), 0);
        assert_eq!(with("operator", "aws-sdk-ec2"), 1);
        assert_eq!(with("operator", "aws-config"), 1);
        assert_eq!(with("controller", "kube"), 0);
        assert_eq!(with("planner", "kube"), 1);
        assert_eq!(with("lab", "k8s-openapi"), 1);
        assert_eq!(with("xtask", "serde"), 1);
        assert_eq!(with("lab", "serde"), 0);
    }
}
