//! Files that a program writes and that are committed: a stale one fails the tests.

use std::collections::BTreeMap;
use std::fs;

use crate::{Outcome, Paths, chart, disk, notices, run, say};

/// A file and the example that prints it, or a part of it.
struct Generated {
    file: &'static str,
    example: &'static str,
    part: Part,
}

/// What of a file is printed.
enum Part {
    Whole,
    /// The list behind this key.
    ListAfter(&'static str),
    /// What stands between [`BEGIN`] with a name and [`END`], each once.
    Sections,
}

const BEGIN: &str = "<!-- generated: ";
const END: &str = "<!-- end -->";

const GENERATED: [Generated; 10] = [
    Generated { file: "manifests/crds.yaml", example: "crds", part: Part::Whole },
    // A chart reads only what is below it.
    Generated { file: "charts/clusterbenchmark/files/crds.yaml", example: "crds", part: Part::Whole },
    Generated { file: "docs/report.schema.json", example: "report_schema", part: Part::Whole },
    Generated {
        file: "docs/iam-policy.json",
        example: "instance_types",
        part: Part::ListAfter("\"ec2:InstanceType\": "),
    },
    Generated { file: "planner/src/prices/table.rs", example: "price_table", part: Part::Whole },
    Generated { file: "docs/conditions.md", example: "condition_tables", part: Part::Sections },
    Generated { file: "docs/metrics.md", example: "metric_labels", part: Part::Sections },
    // Archives of text files, whose headers are text as well.
    Generated { file: "examples/corpus.tar", example: "corpus", part: Part::Whole },
    Generated { file: "examples/fastapi.tar", example: "fastapi", part: Part::Whole },
    Generated { file: "examples/flask.tar", example: "flask", part: Part::Whole },
];

impl Generated {
    /// What the file should be, given what it is.
    fn wanted(&self, paths: &Paths, present: &str) -> Result<String, String> {
        // Not by package: that would resolve other features than the workspace does, and compile everything below once more.
        let printed = run::output(&mut run::cargo(paths, &["run", "--quiet", "--example", self.example]))?;
        match self.part {
            Part::Whole => Ok(printed),
            Part::Sections => with_sections(present, &printed).map_err(|why| format!("{}: {why}", self.file)),
            Part::ListAfter(key) => with_list(present, key, printed.trim_end())
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

/// A text with other sections: each that is printed has one place in it, and each place a section.
fn with_sections(text: &str, printed: &str) -> Result<String, String> {
    let mut sections = BTreeMap::new();
    for section in printed.split(BEGIN).skip(1) {
        let name = section.lines().next().unwrap_or_default();
        sections.insert(name, section);
    }
    let mut parts = text.split(BEGIN);
    let mut replaced = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let name = part.lines().next().unwrap_or_default();
        let section = sections.remove(name).ok_or_else(|| format!("nothing is printed for `{BEGIN}{name}`"))?;
        let (_, rest) = part.split_once(END).ok_or_else(|| format!("`{BEGIN}{name}` has no `{END}`"))?;
        let (section, _) = section.split_once(END).ok_or_else(|| format!("what is printed for {name} has no end"))?;
        replaced += &format!("{BEGIN}{section}{END}{rest}");
    }
    match sections.keys().next() {
        Some(name) => Err(format!("`{BEGIN}{name}` has no place")),
        None => Ok(replaced),
    }
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
    if let Some(content) = chart::wanted(paths)? {
        all.push(Wanted { file: chart::FILE, present: present(chart::FILE), content });
    }
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
    use super::{difference, with_list, with_sections};

    #[test]
    fn only_the_list_changes() {
        let text = "{ \"a\": [1, 2], \"b\": [3], \"a\": [\n] }";
        assert_eq!(with_list(text, "\"a\": ", "[9]").unwrap(), "{ \"a\": [9], \"b\": [3], \"a\": [9] }");
        assert_eq!(with_list(text, "\"c\": ", "[9]"), None);
        assert_eq!(with_list("\"a\": 1", "\"a\": ", "[9]"), None);
    }

    #[test]
    fn only_the_sections_change() {
        let section = |name: &str, text: &str| format!("<!-- generated: {name} -->\n{text}<!-- end -->\n");
        let text = format!("head\n{}between\n{}foot\n", section("a", "old\n"), section("b", ""));
        let printed = section("b", "2\n") + &section("a", "1\n");
        let wanted = format!("head\n{}between\n{}foot\n", section("a", "1\n"), section("b", "2\n"));
        assert_eq!(with_sections(&text, &printed).unwrap(), wanted);
        assert!(with_sections(&text, &section("a", "")).unwrap_err().contains("b -->"), "a place without a section");
        assert!(with_sections(&section("a", ""), &printed).unwrap_err().contains("b -->"), "a section without a place");
        assert!(with_sections("<!-- generated: a -->\n", &section("a", "")).is_err(), "a place without an end");
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
