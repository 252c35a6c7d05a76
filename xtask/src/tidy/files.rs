//! Names, sizes and contents of files.

use super::Finding;
use super::tree::Tree;

/// Words that say nothing about what is in a file.
const EMPTY_WORDS: [&str; 8] = ["manager", "handler", "helper", "util", "common", "service", "base", "misc"];

/// Longer files are split: nobody reads them from top to bottom.
const LINES: usize = 500;

const CODE: [&str; 4] = ["rs", "go", "sh", "py"];

fn is_code(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, extension)| CODE.contains(&extension))
}

/// Files and modules named after nothing.
pub(super) fn names(tree: &Tree) -> Vec<Finding> {
    let code = tree.files.keys().filter(|path| is_code(path));
    let empty = |word: &&str| EMPTY_WORDS.iter().any(|empty| word == empty || word.strip_suffix('s') == Some(empty));
    code.filter_map(|path| {
        let word = path.split(['/', '_', '-', '.']).find(empty)?;
        Some(Finding::new(path, format!("`{word}` in a name says nothing: name the file after what it does")))
    })
    .collect()
}

pub(super) fn sizes(tree: &Tree) -> Vec<Finding> {
    let code = tree.files.iter().filter(|(path, _)| is_code(path));
    code.filter_map(|(path, text)| {
        let lines = text.lines().count();
        (lines > LINES).then(|| Finding::new(path, format!("{lines} lines: split it at {LINES}")))
    })
    .collect()
}

/// Where the campaign writes what it found.
const FAILURES: &str = "controller/tests/campaign/failures/";

/// Seeds that failed and would be lost: their files are not in git.
pub(super) fn lost_failures(tree: &Tree) -> Vec<Finding> {
    let lost = tree.unknown.iter().filter(|path| path.starts_with(FAILURES));
    lost.map(|path| Finding::new(path, "a seed that failed is not in git: add it with what mends it, or remove it"))
        .collect()
}

/// Paths that exist on one person's computer only, and those of the checkout that a program was compiled in: clones share one
/// target directory, and a test that was compiled in another one would read the files of that.
pub(super) fn absolute_paths(tree: &Tree) -> Vec<Finding> {
    // Written in two parts: this file is searched as well.
    let roots = [concat!("/", "home/"), concat!("/", "root/"), concat!("/", "Users/"), concat!("/", "work/")];
    let compiled_in = concat!("env!(\"CARGO_", "MANIFEST_DIR\")");
    let mut findings = Vec::new();
    for (path, text) in &tree.files {
        for (number, line) in text.lines().enumerate() {
            if line.contains(compiled_in) {
                let what = "the checkout that this was compiled in may be another one, or gone: begin at the working directory, which is the package's in tests";
                findings.push(Finding::new(format!("{path}:{}", number + 1), what.to_owned()));
            }
            if let Some(root) = roots.iter().find(|root| has_path(line, root)) {
                let place = format!("{path}:{}", number + 1);
                findings
                    .push(Finding::new(place, format!("a path below `{root}` exists on one computer only: remove it")));
            }
        }
    }
    findings
}

/// Whether `root` stands at the start of a path and not in the middle of one (`/var/home/`, `${HOME}/work/`).
fn has_path(line: &str, root: &str) -> bool {
    line.match_indices(root).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "._-/}~$*)".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(findings: &[Finding]) -> Vec<&str> {
        findings.iter().map(|one| one.place.as_str()).collect()
    }

    #[test]
    fn empty_names_are_found_in_files_and_directories() {
        let tree = Tree::of([
            ("a/src/utils.rs", ""),
            ("a/src/helper/mod.rs", ""),
            ("a/src/pool_manager.rs", ""),
            ("a/src/database.rs", ""), // `base` inside a word is a word
            ("a/src/utilisation.rs", ""),
            ("charts/templates/service.yaml", ""), // not ours to name
        ]);
        assert_eq!(places(&names(&tree)), ["a/src/helper/mod.rs", "a/src/pool_manager.rs", "a/src/utils.rs"]);
    }

    #[test]
    fn long_code_is_found_and_long_data_is_not() {
        let tree = Tree::of([
            ("a/src/long.rs", &"\n".repeat(501)),
            ("a/src/short.rs", &"\n".repeat(500)),
            ("crds.yaml", &"\n".repeat(2000)),
        ]);
        assert_eq!(places(&sizes(&tree)), ["a/src/long.rs"]);
    }

    #[test]
    fn a_failure_that_nobody_added_is_found() {
        let file = format!("{FAILURES}all-7.json");
        let mut tree = Tree::of([(&file, "{}"), ("a/src/new.rs", "")]);
        assert_eq!(places(&lost_failures(&tree)), [""; 0]);
        tree.unknown.extend([file.clone(), "a/src/new.rs".to_owned()]);
        assert_eq!(places(&lost_failures(&tree)), [file]);
    }

    #[test]
    fn paths_of_one_computer_are_found() {
        let found = |line: &str| !absolute_paths(&Tree::of([("a.md", line)])).is_empty();
        for root in ["home", "root", "Users", "work"] {
            assert!(found(&format!("see /{root}/somebody/file")), "{root}");
            assert!(found(&format!("DIR=/{root}/x")), "{root}");
        }
        assert!(found(concat!("Path::new(env!(\"CARGO_", "MANIFEST_DIR\"))")));
        assert!(!found(concat!("env::var_os(\"CARGO_", "MANIFEST_DIR\")")));
        assert!(!found("${HOME}/work/x"));
        assert!(!found("var/home/x"));
        assert!(!found("https://example.com/work/x"));
    }
}
