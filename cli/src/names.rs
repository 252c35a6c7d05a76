//! Names as the command line takes them: none that Kubernetes could not have reaches a path or a label selector. Pure.

/// Longest name of an object (RFC 1123, as Kubernetes' "Object Names and IDs" has it).
const LONGEST_NAME: usize = 253;
/// Longest runId (the definition's own limit).
pub(crate) const LONGEST_RUN: usize = 40;

/// Name of a benchmark or of a BenchmarkReport.
///
/// # Errors
/// The form that names have.
pub(crate) fn name(text: &str) -> Result<String, String> {
    if text.len() <= LONGEST_NAME && text.split('.').all(is_label) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "names of Kubernetes are lower-case letters, digits, inner hyphens and inner dots, at most {LONGEST_NAME} characters"
    ))
}

/// The runId of a run, as the definition has it.
///
/// # Errors
/// The form that it has.
pub(crate) fn run(text: &str) -> Result<String, String> {
    if text.len() <= LONGEST_RUN && is_label(text) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "a runId is lower-case letters, digits and inner hyphens, such as 2 or nightly-2026-11-29, at most {LONGEST_RUN} characters"
    ))
}

/// Letters, digits, and hyphens in between.
fn is_label(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(is_inner) && !text.starts_with('-') && !text.ends_with('-')
}

/// A report: the newest of a benchmark, that of a run, or a BenchmarkReport itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OfRun {
    pub(crate) name: String,
    pub(crate) run: Option<String>,
}

/// `NAME` or `NAME@RUNID`.
impl std::str::FromStr for OfRun {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (named, of_run) = match text.split_once('@') {
            Some((named, of_run)) => (named, Some(run(of_run)?)),
            None => (text, None),
        };
        Ok(Self { name: name(named)?, run: of_run })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_that_kubernetes_could_have() {
        for right in ["a", "1", "micro-vs-large", "a.b-c.9", &"a".repeat(253)] {
            assert_eq!(name(right).as_deref(), Ok(right));
        }
        let long = "a".repeat(254);
        for wrong in
            ["", "A", "a_b", "-a", "a-", "a..b", ".a", "a.", "a/b", "../b", "a,b=c", "a b", "a?x=y", "ä", &long]
        {
            assert!(name(wrong).unwrap_err().starts_with("names of Kubernetes are lower-case letters"), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_after_the_sign_is_a_run_id() {
        let parsed = |text: &str| text.parse::<OfRun>();
        let of_run = |name: &str, run: Option<&str>| OfRun { name: name.to_owned(), run: run.map(str::to_owned) };
        assert_eq!(parsed("a"), Ok(of_run("a", None)));
        assert_eq!(parsed("a.b@nightly-2"), Ok(of_run("a.b", Some("nightly-2"))));
        assert_eq!(run(&"9".repeat(40)), Ok("9".repeat(40)));
        for wrong in ["a@", "a@1.2", "a@A", "a@-1", "a@1@2", "a@1/2", &format!("a@{}", "9".repeat(41))] {
            assert!(parsed(wrong).unwrap_err().starts_with("a runId is lower-case letters"), "{wrong}");
        }
        assert!(parsed("@1").unwrap_err().starts_with("names of Kubernetes"), "no name");
    }
}
