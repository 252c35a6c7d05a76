//! Comments that document begin with the thing they are about, so that a reader who searches for it finds the sentence.

use super::Finding;
use super::tree::Tree;

/// Directories below which it does not hold yet. The way is out of this list.
const NOT_YET: [&str; 14] = [
    "agent/",
    "api/",
    "balancer/",
    "cloud/",
    "cloudsim/",
    "controller/",
    "http1/",
    "lab/",
    "loadgen/",
    "operator/",
    "planner/",
    "stats/",
    "wire/",
    "worker/",
];

/// Words with which a module's head asks instead of saying: "What came of it." for "The results of a pass."
const ASKING: [&str; 11] = ["What", "Who", "Whose", "Where", "When", "Which", "How", "Why", "Whether", "Would", "Does"];

/// Words with which a sentence begins in its middle: "Of the client." for "The client's timeout."
const BARE: [&str; 4] = ["Of", "By", "As", "In"];

pub(super) fn findings(tree: &Tree) -> Vec<Finding> {
    let code = tree.files.iter().filter(|(path, _)| path.ends_with(".rs"));
    let held = code.filter(|(path, _)| !NOT_YET.iter().any(|directory| path.starts_with(directory)));
    held.flat_map(|(path, text)| in_file(path, text)).collect()
}

fn in_file(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut before = "";
    for (number, line) in text.lines().map(str::trim).enumerate() {
        let place = || format!("{path}:{}", number + 1);
        if let Some(head) = begins(before, line, "//!").filter(|_| !before.starts_with("//!"))
            && (ASKING.contains(&first(head)) || head.ends_with('?'))
        {
            let what = format!("the module's head asks (`{}`): say what the module is, subject first", first(head));
            findings.push(Finding::new(place(), what));
        }
        if let Some(sentence) = begins(before, line, "///").filter(|sentence| BARE.contains(&first(sentence))) {
            let what =
                format!("the comment begins with a bare `{}`: begin with the thing it is about", first(sentence));
            findings.push(Finding::new(place(), what));
        }
        before = line;
    }
    findings
}

/// What a comment of this kind says on `line`, if it begins there and not on the line before.
fn begins<'a>(before: &str, line: &'a str, sign: &str) -> Option<&'a str> {
    let is_start = !before.starts_with(sign) || before == sign;
    line.strip_prefix(sign).filter(|_| is_start).map(str::trim)
}

fn first(sentence: &str) -> &str {
    sentence.split(|sign: char| !sign.is_alphanumeric()).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        let found = findings(&Tree::of([("a/src/b.rs", text), ("a/src/c.md", "//! What is this?")]));
        found.into_iter().map(|one| one.place.trim_start_matches("a/src/b.rs:").to_owned()).collect()
    }

    #[test]
    fn a_head_that_asks_is_found_and_a_sentence_is_not() {
        assert_eq!(lines("//! What came of it.\n//! What else.\n"), ["1"]);
        assert_eq!(lines("//! Is it safe?\n"), ["1"]);
        assert_eq!(lines("//! State shared by all connections.\n//!\n//! What is more.\n"), [""; 0]);
    }

    #[test]
    fn a_comment_that_begins_in_its_middle_is_found() {
        assert_eq!(lines("/// Of the client.\nfn a() {}\n    /// By name.\n"), ["1", "3"]);
        assert_eq!(lines("/// The end\n/// Of the client.\n/// Offers.\n"), [""; 0]);
        assert_eq!(lines("/// The end.\n///\n/// In order.\n"), ["3"]);
    }
}
