//! Files that a program writes and that are committed: a stale one fails the tests.

use std::fs;

use crate::{Outcome, Paths, build, run, say};

/// Each generated file with the cargo command that prints it. Not by package: that would resolve other features than the
/// workspace does, and compile everything below once more.
const GENERATED: [(&str, &[&str]); 2] = [
    ("manifests/crds.yaml", &["run", "--quiet", "--example", "crds"]),
    ("docs/report.schema.json", &["run", "--quiet", "--example", "report_schema"]),
];

pub(crate) fn write(paths: &Paths) -> Outcome {
    for (name, arguments) in GENERATED {
        let content = run::output(&mut run::cargo(paths, arguments))?;
        let path = paths.root.join(name);
        if let Some(directory) = path.parent() {
            build::create(directory)?;
        }
        if fs::read_to_string(&path).is_ok_and(|present| present == content) {
            say::line(format_args!("{name} is up to date"));
            continue;
        }
        fs::write(&path, content).map_err(|error| format!("{name} cannot be written: {error}"))?;
        say::line(format_args!("{name} written"));
    }
    Ok(())
}

pub(crate) fn check(paths: &Paths) -> Outcome {
    let mut stale = Vec::new();
    for (name, arguments) in GENERATED {
        let content = run::output(&mut run::cargo(paths, arguments))?;
        let present = fs::read_to_string(paths.root.join(name)).unwrap_or_default();
        if let Some(difference) = difference(&present, &content) {
            stale.push(format!("{name} is stale ({difference})"));
        }
    }
    if stale.is_empty() { Ok(()) } else { Err(format!("{}: run `cargo xtask gen`", stale.join(", "))) }
}

/// Where two texts differ first.
fn difference(present: &str, wanted: &str) -> Option<String> {
    if present == wanted {
        return None;
    }
    let (mut present, mut wanted) = (present.lines(), wanted.lines());
    for line in 1.. {
        match (present.next(), wanted.next()) {
            (None, None) => return Some("line endings differ".to_owned()),
            (old, new) if old == new => {}
            (None, Some(new)) => return Some(format!("line {line}: missing `{}`", new.trim())),
            (Some(old), None) => return Some(format!("line {line}: `{}` is too much", old.trim())),
            (Some(old), Some(new)) => {
                return Some(format!("line {line}: `{}` should be `{}`", old.trim(), new.trim()));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn the_first_difference_is_shown() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(difference("a\nb\n", "a\nc\n").unwrap(), "line 2: `b` should be `c`");
        assert_eq!(difference("a\n", "a\nc\n").unwrap(), "line 2: missing `c`");
        assert_eq!(difference("a\nb\n", "a\n").unwrap(), "line 2: `b` is too much");
        assert_eq!(difference("a\nb", "a\nb\n").unwrap(), "line endings differ");
    }
}
