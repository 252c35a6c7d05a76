//! Files that a program writes and that are committed: a stale one fails the tests.

use std::fs;

use crate::{Outcome, Paths, disk, notices, run, say};

/// A file and the example that prints it, or a part of it.
struct Generated {
    file: &'static str,
    example: &'static str,
    /// What the printed list stands behind; `None`: the whole file is printed.
    list_after: Option<&'static str>,
}

const GENERATED: [Generated; 3] = [
    Generated { file: "manifests/crds.yaml", example: "crds", list_after: None },
    Generated { file: "docs/report.schema.json", example: "report_schema", list_after: None },
    Generated { file: "docs/iam-policy.json", example: "instance_types", list_after: Some("\"ec2:InstanceType\": ") },
];

impl Generated {
    /// What the file should be, given what it is.
    fn wanted(&self, paths: &Paths, present: &str) -> Result<String, String> {
        // Not by package: that would resolve other features than the workspace does, and compile everything below once more.
        let printed = run::output(&mut run::cargo(paths, &["run", "--quiet", "--example", self.example]))?;
        match self.list_after {
            None => Ok(printed),
            Some(key) => with_list(present, key, printed.trim_end())
                .ok_or_else(|| format!("{}: there is no list after `{}`", self.file, key.trim_end())),
        }
    }
}

/// A text with another list, from `[` to `]`, wherever `key` stands before one. `None`: it stands nowhere.
fn with_list(text: &str, key: &str, list: &str) -> Option<String> {
    let mut parts = text.split(key);
    let mut replaced = parts.next()?.to_owned();
    let mut is_there = false;
    for part in parts {
        let (_, rest) = part.strip_prefix('[')?.split_once(']')?;
        replaced += &format!("{key}{list}{rest}");
        is_there = true;
    }
    is_there.then_some(replaced)
}

/// A file that should have this content, beside what it has.
struct Wanted {
    file: &'static str,
    present: String,
    content: String,
}

fn wanted(paths: &Paths) -> Outcome<Vec<Wanted>> {
    let present = |file| fs::read_to_string(paths.root.join(file)).unwrap_or_default();
    let printed = GENERATED.iter().map(|generated| {
        let present = present(generated.file);
        Ok(Wanted { file: generated.file, content: generated.wanted(paths, &present)?, present })
    });
    let mut all: Vec<Wanted> = printed.collect::<Outcome<_>>()?;
    all.push(Wanted { file: notices::FILE, present: present(notices::FILE), content: notices::wanted(paths)? });
    Ok(all)
}

pub(crate) fn write(paths: &Paths) -> Outcome {
    for Wanted { file, present, content } in wanted(paths)? {
        let path = paths.root.join(file);
        if let Some(directory) = path.parent() {
            disk::create(directory)?;
        }
        if present == content {
            say::line(format_args!("{file} is up to date"));
            continue;
        }
        fs::write(&path, content).map_err(|error| format!("{file} cannot be written: {error}"))?;
        say::line(format_args!("{file} written"));
    }
    Ok(())
}

pub(crate) fn check(paths: &Paths) -> Outcome {
    let stale = wanted(paths)?.into_iter().filter_map(|Wanted { file, present, content }| {
        let difference = difference(&present, &content)?;
        Some(format!("{file} is stale ({difference})"))
    });
    let stale: Vec<String> = stale.collect();
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
    use super::{difference, with_list};

    #[test]
    fn only_the_list_changes() {
        let text = "{ \"a\": [1, 2], \"b\": [3], \"a\": [\n] }";
        assert_eq!(with_list(text, "\"a\": ", "[9]").unwrap(), "{ \"a\": [9], \"b\": [3], \"a\": [9] }");
        assert_eq!(with_list(text, "\"c\": ", "[9]"), None);
        assert_eq!(with_list("\"a\": 1", "\"a\": ", "[9]"), None);
    }

    #[test]
    fn the_first_difference_is_shown() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(difference("a\nb\n", "a\nc\n").unwrap(), "line 2: `b` should be `c`");
        assert_eq!(difference("a\n", "a\nc\n").unwrap(), "line 2: missing `c`");
        assert_eq!(difference("a\nb\n", "a\n").unwrap(), "line 2: `b` is too much");
        assert_eq!(difference("a\nb", "a\nb\n").unwrap(), "line endings differ");
    }
}
