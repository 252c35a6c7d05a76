//! References in documents lead somewhere: tests that they cite, and files that they link to.

use super::Finding;
use super::tree::Tree;

pub(super) fn findings(tree: &Tree) -> Vec<Finding> {
    let documents = tree.files.iter().filter(|(path, _)| path.ends_with(".md"));
    documents.flat_map(|(path, text)| [cited(tree, path, text), linked(tree, path, text)].concat()).collect()
}

/// `path.rs::name` in backticks cites a test.
fn cited(tree: &Tree, document: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for citation in line.split('`').skip(1).step_by(2) {
            let Some((path, name)) = citation.split_once(".rs::") else { continue };
            let path = format!("{path}.rs");
            let place = format!("{document}:{}", number + 1);
            match tree.files.get(&path) {
                None => findings.push(Finding::new(place, format!("cites a test in {path}, which is not there"))),
                Some(code) if !has_test(code, name) => {
                    findings.push(Finding::new(place, format!("cites {name}, which is no test of {path}")));
                }
                Some(_) => {}
            }
        }
    }
    findings
}

/// Whether `code` holds the function with a test attribute above it.
fn has_test(code: &str, name: &str) -> bool {
    let lines: Vec<&str> = code.lines().map(str::trim).collect();
    let heads = [format!("fn {name}("), format!("async fn {name}(")];
    let at = lines.iter().position(|line| heads.iter().any(|head| line.starts_with(head.as_str())));
    let attributes = at.map(|at| lines[..at].iter().rev().take_while(|line| line.starts_with(['#', '/'])));
    attributes.is_some_and(|mut lines| {
        // `#[test]`, `#[tokio::test]`, `#[tokio::test(start_paused = true)]`
        lines.any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
    })
}

/// `[words](path)` links to a file of the repository, seen from the document.
fn linked(tree: &Tree, document: &str, text: &str) -> Vec<Finding> {
    let directory = document.rsplit_once('/').map_or("", |(directory, _)| directory);
    let mut findings = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for target in line.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            if target.is_empty() || target.contains(':') {
                continue; // a heading of the same document, or another place
            }
            let path = resolve(directory, target);
            let is_there = |file: &String| *file == path || file.starts_with(&format!("{path}/"));
            if !tree.files.keys().any(is_there) {
                let what = format!("links to {target}, which is not there");
                findings.push(Finding::new(format!("{document}:{}", number + 1), what));
            }
        }
    }
    findings
}

fn resolve(directory: &str, target: &str) -> String {
    let mut parts: Vec<&str> = directory.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TESTS: &str = "#[test]\nfn plain() {}\n    #[tokio::test(start_paused = true)]\n    /// Why.\n    async fn \
                         later() {}\n#[test]\nfn other() {}\n\nfn no_test() {}\n";

    fn messages(document: &str) -> Vec<String> {
        let tree = Tree::of([("docs/a.md", document), ("one/tests/it.rs", TESTS), ("README.md", "")]);
        findings(&tree).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn cited_tests_exist() {
        assert_eq!(messages("see `one/tests/it.rs::plain`, `one/tests/it.rs::later` and `one/tests/it.rs`"), [""; 0]);
        assert_eq!(
            messages("x\n`one/tests/it.rs::gone` `one/tests/it.rs::no_test` `two.rs::plain`"),
            [
                "docs/a.md:2: cites gone, which is no test of one/tests/it.rs",
                "docs/a.md:2: cites no_test, which is no test of one/tests/it.rs",
                "docs/a.md:2: cites a test in two.rs, which is not there",
            ]
        );
    }

    #[test]
    fn links_lead_somewhere() {
        assert_eq!(messages("[a](../README.md#x) [b](../one/tests) [c](#x) [d](https://example.com/x)"), [""; 0]);
        assert_eq!(messages("[a](README.md)"), ["docs/a.md:1: links to README.md, which is not there"]);
    }
}
