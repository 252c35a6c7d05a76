//! References in documents lead somewhere: tests that they cite, and files that they link to. The tour leads to every sample,
//! and quotes what they say.

use super::Finding;
use super::tree::Tree;

pub(super) fn findings(tree: &Tree) -> Vec<Finding> {
    let documents = tree.files.iter().filter(|(path, _)| path.ends_with(".md"));
    let references = documents.flat_map(|(path, text)| [cited(tree, path, text), linked(tree, path, text)].concat());
    references.chain(toured(tree)).collect()
}

const TOUR: &str = "docs/tour.md";
const SAMPLES: &str = "manifests/samples/";

/// Every sample is linked to from the tour: one that nobody is led to is not read. That the links lead somewhere is [`linked`]'s.
fn toured(tree: &Tree) -> Vec<Finding> {
    let tour = tree.files.get(TOUR).map(String::as_str).unwrap_or_default();
    let samples = tree.files.keys().filter(|path| path.starts_with(SAMPLES));
    let missing = samples.filter(|path| !tour.contains(&format!("](../{path})")));
    let missing = missing.map(|path| {
        Finding::new(path, format!("{TOUR} does not lead to this sample: link to it there, or to where it is told"))
    });
    missing.chain(quoted(tree, tour)).collect()
}

/// Every block of YAML in the tour stands so in a sample.
fn quoted(tree: &Tree, tour: &str) -> Vec<Finding> {
    let samples = || tree.files.iter().filter(|(path, _)| path.starts_with(SAMPLES)).map(|(_, text)| text);
    let mut findings = Vec::new();
    for (at, _) in tour.match_indices("```yaml\n") {
        let block = tour[at..].split_once('\n').map_or("", |(_, rest)| rest);
        let block = block.split_once("```").map_or(block, |(block, _)| block);
        if !samples().any(|sample| sample.contains(block)) {
            let place = format!("{TOUR}:{}", tour[..at].lines().count() + 1);
            findings.push(Finding::new(place, "quotes YAML that stands in no sample: copy it from there"));
        }
    }
    findings
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
    fn a_sample_that_the_tour_passes_by_is_found() {
        let tree = |tour| Tree::of([(TOUR, tour), ("manifests/samples/a.yaml", ""), ("manifests/samples/b.yaml", "")]);
        let said = |tour| findings(&tree(tour)).iter().map(Finding::to_string).collect::<Vec<_>>();
        assert_eq!(said("[a](../manifests/samples/a.yaml), [b](../manifests/samples/b.yaml)"), [""; 0]);
        assert_eq!(
            said("[a](../manifests/samples/a.yaml), manifests/samples/b.yaml"),
            [
                "manifests/samples/b.yaml: docs/tour.md does not lead to this sample: link to it there, or to where it is told"
            ]
        );
        let quoting = |block: &str| {
            let tour = format!("[a](../manifests/samples/a.yaml)\n```yaml\n{block}```\n");
            let tree = Tree::of([(TOUR, tour.as_str()), ("manifests/samples/a.yaml", "spec:\n  a: 1\n  b: 2\n")]);
            findings(&tree).iter().map(Finding::to_string).collect::<Vec<_>>()
        };
        assert_eq!(quoting("  a: 1\n"), [""; 0]);
        assert_eq!(quoting("  a: 2\n"), ["docs/tour.md:2: quotes YAML that stands in no sample: copy it from there"]);
    }

    #[test]
    fn links_lead_somewhere() {
        assert_eq!(messages("[a](../README.md#x) [b](../one/tests) [c](#x) [d](https://example.com/x)"), [""; 0]);
        assert_eq!(messages("[a](README.md)"), ["docs/a.md:1: links to README.md, which is not there"]);
    }
}
