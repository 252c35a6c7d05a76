//! As much of `Cargo.toml` as the rules need: names, sections and the keys in them.

use std::collections::BTreeSet;

use super::Finding;
use super::tree::Tree;

/// One member of the workspace.
#[derive(Debug, Default)]
pub(super) struct Crate {
    pub(super) name: String,
    /// Path of its `Cargo.toml`.
    pub(super) path: String,
    pub(super) dependencies: BTreeSet<String>,
    pub(super) dev_dependencies: BTreeSet<String>,
    lints_of_workspace: bool,
}

/// All packages of the workspace. One below it that is a workspace of its own (a fuzz target) is none of them.
pub(super) fn crates(tree: &Tree) -> Vec<Crate> {
    let is_apart = |text: &str| text.lines().any(|line| line.trim() == "[workspace]");
    let manifests = tree.files.iter().filter(|(path, text)| path.ends_with("/Cargo.toml") && !is_apart(text));
    manifests.map(|(path, text)| parse(path, text)).filter(|found| !found.name.is_empty()).collect()
}

fn parse(path: &str, text: &str) -> Crate {
    let mut found = Crate { path: path.to_owned(), ..Crate::default() };
    let mut section = String::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            section = name.trim_matches('[').trim().to_owned();
            // `[dependencies.serde]` names its dependency in the heading.
            if let Some((table, dependency)) = section.rsplit_once("dependencies.") {
                let table = format!("{table}dependencies");
                found.depend(&table, dependency.trim_matches('"'));
            }
            continue;
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        let (key, value) = (key.trim(), value.trim());
        match section.as_str() {
            "package" if key == "name" => found.name = value.trim_matches('"').to_owned(),
            "lints" if key == "workspace" => found.lints_of_workspace = value == "true",
            table if table.ends_with("dependencies") => {
                let name = key.split('.').next().unwrap_or(key).trim_matches('"');
                found.depend(table, name);
            }
            _ => {}
        }
    }
    found
}

impl Crate {
    /// `table` may be one of a target: `target.'cfg(unix)'.dependencies`.
    fn depend(&mut self, table: &str, name: &str) {
        let kind =
            if table.ends_with("dev-dependencies") { &mut self.dev_dependencies } else { &mut self.dependencies };
        kind.insert(name.to_owned());
    }
}

/// Every crate takes the workspace's lints: one that forgets them may hold unsafe code.
pub(super) fn lints(crates: &[Crate]) -> Vec<Finding> {
    let without = crates.iter().filter(|one| !one.lints_of_workspace);
    without.map(|one| Finding::new(&one.path, "has no `[lints] workspace = true`: add it")).collect()
}

/// Dependencies that no code of the crate names: each costs everybody its compile time.
pub(super) fn unused(tree: &Tree, crates: &[Crate]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for one in crates {
        let directory = one.path.trim_end_matches("Cargo.toml");
        let code = |below: &str| {
            let prefix = format!("{directory}{below}");
            let files = tree.files.iter().filter(move |(path, _)| path.starts_with(&prefix) && path.ends_with(".rs"));
            files.map(|(_, text)| text.as_str()).collect::<Vec<_>>()
        };
        let (product, mut all) = (code("src/"), code(""));
        for borrowed in borrowed(tree, directory) {
            let files = tree.files.iter().filter(|(path, _)| path.starts_with(&borrowed));
            all.extend(files.map(|(_, text)| text.as_str()));
        }
        for name in &one.dependencies {
            if !is_named(&all, name) {
                findings.push(Finding::new(&one.path, format!("`{name}` is used nowhere: remove it")));
            } else if !is_named(&product, name) {
                findings.push(Finding::new(&one.path, format!("only tests use `{name}`: make it a dev-dependency")));
            }
        }
        let unused = one.dev_dependencies.iter().filter(|name| !is_named(&all, name));
        findings.extend(unused.map(|name| Finding::new(&one.path, format!("no test uses `{name}`: remove it"))));
    }
    findings
}

/// Directories of other crates whose files a crate takes as its own, by `#[path = "../../other/tests/support/mod.rs"]`.
fn borrowed(tree: &Tree, directory: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree.files.iter().filter(|(path, _)| path.starts_with(directory) && path.ends_with(".rs")) {
        for given in text.split("#[path = \"").skip(1).filter_map(|rest| rest.split('"').next()) {
            let mut parts: Vec<&str> = path.split('/').collect();
            parts.pop();
            for part in given.split('/') {
                match part {
                    ".." => parts.truncate(parts.len().saturating_sub(1)),
                    name => parts.push(name),
                }
            }
            parts.pop();
            found.push(format!("{}/", parts.join("/")));
        }
    }
    found
}

/// Packages whose library has another name.
const RENAMED: [(&str, &str); 1] = [("md-5", "md5")];

/// Whether a crate's name stands in some file as a word.
fn is_named(files: &[&str], name: &str) -> bool {
    let renamed = RENAMED.iter().find(|(package, _)| *package == name).map(|(_, library)| *library);
    let name = renamed.unwrap_or(name).replace('-', "_");
    let is_part = |sign: Option<char>| sign.is_some_and(|sign| sign.is_alphanumeric() || sign == '_');
    files.iter().any(|text| {
        text.match_indices(&name)
            .any(|(at, _)| !is_part(text[..at].chars().next_back()) && !is_part(text[at + name.len()..].chars().next()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_a_test_takes_from_another_crate_use_its_dependencies() {
        let manifest = "[package]\nname = \"a\"\n[dev-dependencies]\nrand = \"1\"";
        let test = ("a/tests/it.rs", "#[path = \"../../b/tests/support/mod.rs\"]\nmod support;");
        let used = Tree::of([("a/Cargo.toml", manifest), test, ("b/tests/support/noise.rs", "use rand::Rng;")]);
        assert_eq!(unused(&used, &crates(&used)), []);
        let unused_there = Tree::of([("a/Cargo.toml", manifest), test, ("b/tests/other/noise.rs", "use rand::Rng;")]);
        assert_eq!(unused(&unused_there, &crates(&unused_there)).len(), 1);
    }

    #[test]
    fn a_workspace_of_its_own_is_not_ours() {
        let tree = Tree::of([
            ("one/Cargo.toml", "[package]\nname = \"one\""),
            ("one/fuzz/Cargo.toml", "[package]\nname = \"one-fuzz\"\n[workspace]"),
        ]);
        assert_eq!(crates(&tree).iter().map(|found| found.name.as_str()).collect::<Vec<_>>(), ["one"]);
    }

    #[test]
    fn every_form_of_dependency_is_seen() {
        let text = r#"
            [package]
            name = "one"
            [lints]
            workspace = true
            [dependencies]
            a.workspace = true
            b = { path = "../b" } # a comment
            [dependencies.c]
            version = "1"
            [target.'cfg(unix)'.dependencies]
            d = "1"
            [build-dependencies]
            e = "1"
            [dev-dependencies]
            f = "1"
        "#;
        let found = parse("one/Cargo.toml", text);
        assert_eq!(found.name, "one");
        assert_eq!(found.dependencies.iter().map(String::as_str).collect::<String>(), "abcde");
        assert_eq!(found.dev_dependencies.iter().map(String::as_str).collect::<String>(), "f");
        assert!(found.lints_of_workspace);
    }

    #[test]
    fn a_crate_without_lints_is_found() {
        let tree = Tree::of([
            ("a/Cargo.toml", "[package]\nname = \"a\"\n[lints]\nworkspace = true\n"),
            ("b/Cargo.toml", "[package]\nname = \"b\"\n"),
            ("c/Cargo.toml", "[package]\nname = \"c\"\n[lints]\nworkspace = false\n"),
        ]);
        let findings = lints(&crates(&tree));
        assert_eq!(findings.iter().map(|one| one.place.as_str()).collect::<Vec<_>>(), ["b/Cargo.toml", "c/Cargo.toml"]);
    }

    #[test]
    fn a_dependency_that_nobody_names_is_found() {
        let manifest = "[package]\nname = \"a\"\n[dependencies]\nb-c = \"1\"\nd = \"1\"\ne = \"1\"\n[dev-dependencies]\nf = \"1\"\ng = \"1\"";
        let tree = Tree::of([
            ("a/Cargo.toml", manifest),
            ("a/src/lib.rs", "use b_c::D;\nfn dd(d_e: u8) {}"),
            ("a/tests/it.rs", "e::f(); use f::h;"),
        ]);
        let found: Vec<String> = unused(&tree, &crates(&tree)).iter().map(Finding::to_string).collect();
        assert_eq!(
            found,
            [
                "a/Cargo.toml: `d` is used nowhere: remove it",
                "a/Cargo.toml: only tests use `e`: make it a dev-dependency",
                "a/Cargo.toml: no test uses `g`: remove it",
            ]
        );
        let renamed = "[package]\nname = \"a\"\n[dependencies]\nmd-5 = \"0.11\"";
        let with = |code| Tree::of([("a/Cargo.toml", renamed), ("a/src/lib.rs", code)]);
        let of = |tree: &Tree| unused(tree, &crates(tree)).len();
        assert_eq!((of(&with("use md5::Md5;")), of(&with("use sha2::Sha256;"))), (0, 1));
    }
}
