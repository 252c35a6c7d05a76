//! The files of a corpus as they are sent, each with its right answer. Pure.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;

use wire::WrongAnswer;

use super::body::{form, media_type};
use super::table::{Table, stem};
use super::{MOST_BYTES, MOST_FILES, MOST_OF_A_FRONT, MOST_OF_A_PULLER, TABLE, archive, directory};

/// Files in the order of their names. None is without a right answer, and there is at least one.
#[derive(Debug)]
pub struct Files(Vec<File>);

/// A file, ready to be sent.
#[derive(Debug)]
pub(crate) struct File {
    name: String,
    /// Name without its suffix.
    stem: String,
    /// Right answer.
    right: String,
    /// Media type of the body.
    pub(crate) media_type: String,
    /// Body of the request: the file, or a form with it.
    pub(crate) body: Vec<u8>,
}

/// Why files cannot be sent, with the way out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoFiles {
    #[error("{0}")]
    Unreadable(String),
    #[error("there is no file besides the table: add those that are to be sent")]
    Empty,
    #[error("there are more than {MOST_FILES} files, or more than {} MiB: take fewer", MOST_BYTES >> 20)]
    TooMuch,
    #[error("{0} has no row in the table: add one that begins with {name:?} or {0:?}", name = stem(.0))]
    NoRow(String),
    #[error("there are two files with the name {0}: rename one")]
    SameName(String),
    #[error("the table: {0}")]
    Table(String),
    #[error("the archive: {0}")]
    Archive(String),
}

impl Files {
    /// Files by name, and the table of their right answers. `field`: the field of the form that each is uploaded in; `None`:
    /// the file is the body.
    pub(crate) fn new(mut files: Vec<(String, Vec<u8>)>, table: &Table, field: Option<&str>) -> Result<Self, NoFiles> {
        if files.is_empty() {
            return Err(NoFiles::Empty);
        }
        files.sort();
        let mut names = BTreeSet::new();
        let ready = |(name, content): (String, Vec<u8>)| {
            let right = table.right(&name).ok_or_else(|| NoFiles::NoRow(name.clone()))?.to_owned();
            let stem = stem(&name).to_owned();
            let media_type = media_type(&name);
            let (media_type, body) = match field {
                Some(field) => form(field, &name, media_type, &content),
                None => (media_type.to_owned(), content),
            };
            if names.insert(name.clone()) {
                Ok(File { name, stem, right, media_type, body })
            } else {
                Err(NoFiles::SameName(name))
            }
        };
        Ok(Self(files.into_iter().map(ready).collect::<Result<_, _>>()?))
    }

    /// Reads all files of a directory, but for the table, what is below it, and names that begin with a dot.
    ///
    /// `columns`: names of the columns of the table that hold the file and its right answer; `None`: the first two.
    ///
    /// # Errors
    /// What is wrong with the files or with the table, and the way out.
    pub fn read(
        directory: &Path,
        table: &Path,
        columns: Option<&[String; 2]>,
        field: Option<&str>,
    ) -> Result<Self, NoFiles> {
        let text = directory::table(table)?;
        Self::new(directory::files(directory, table)?, &Table::parse(&text, columns)?, field)
    }

    /// Reads a plain tar archive of files and of `expected.csv`.
    ///
    /// # Errors
    /// What is wrong with the archive, with the files or with the table, and the way out.
    pub(crate) fn unpack(bytes: &[u8], field: Option<&str>) -> Result<Self, NoFiles> {
        let mut files = archive::files(bytes)?;
        let Some(table) = files.iter().position(|(name, _)| name == TABLE) else {
            return Err(NoFiles::Archive(format!("it holds no {TABLE}: add the table of the right answers")));
        };
        let (_, table) = files.swap_remove(table);
        Self::new(files, &Table::parse(&table, None)?, field)
    }

    pub(crate) fn get(&self, number: usize) -> Option<&File> {
        self.0.get(number)
    }

    /// Why they cannot be sent to a cluster behind queues, if a file or its right answer is longer than what gets through; and the
    /// way out.
    pub(crate) fn unfit_for_queues(&self) -> Option<String> {
        const WAY_OUT: &str =
            "take it out of the files, make it smaller, or measure it with balancer.kind Custom or Application";
        self.0.iter().find_map(|File { name, right, body, .. }| {
            let (sent, answered) = (body.len(), right.len());
            if sent > MOST_OF_A_FRONT {
                return Some(format!(
                    "{name} is sent as {sent} bytes, and behind queues a request has at most {MOST_OF_A_FRONT}: {WAY_OUT}"
                ));
            }
            (answered > MOST_OF_A_PULLER).then(|| {
                format!(
                    "the right answer to {name} has {answered} bytes, and behind queues it has at most {MOST_OF_A_PULLER}: {WAY_OUT}"
                )
            })
        })
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}

impl File {
    /// Whether `answer` is the right one: the result, or the file's stem, a colon and the result. Space around it does not count,
    /// nor do the quotes around a JSON string, which FastAPI makes of a `str`.
    pub(crate) fn is_right(&self, answer: &[u8]) -> bool {
        let Ok(text) = std::str::from_utf8(answer.trim_ascii()) else { return false };
        let said = match text.strip_prefix('"').and_then(|_| serde_json::from_str::<String>(text).ok()) {
            Some(string) => Cow::Owned(string.trim().to_owned()),
            None => Cow::Borrowed(text),
        };
        let of_stem = said.strip_prefix(self.stem.as_str()).and_then(|rest| rest.strip_prefix(':'));
        *said == self.right || of_stem == Some(self.right.as_str())
    }

    /// The wrong answer that came to it.
    pub(crate) fn wrong(&self, got: &[u8], request_id: &[u8], instance: &[u8]) -> WrongAnswer {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        // No character takes more than four bytes.
        let start = got.get(..4 * WrongAnswer::GOT_CHARS).unwrap_or(got);
        WrongAnswer {
            file: self.stem.clone(),
            expected: self.right.clone(),
            got: text(start).trim().chars().take(WrongAnswer::GOT_CHARS).collect(),
            request_id: text(request_id),
            instance: text(instance),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str]) -> Vec<(String, Vec<u8>)> {
        names.iter().map(|name| ((*name).to_owned(), b"x".to_vec())).collect()
    }

    fn table(rows: &str) -> Table {
        Table::parse(format!("file,name\n{rows}").as_bytes(), None).unwrap()
    }

    #[test]
    fn files_are_in_the_order_of_their_names_and_have_a_row_each() {
        let files = Files::new(named(&["b.png", "a.png"]), &table("a,one\nb.png,two\nc,three\n"), None).unwrap();
        let of = |number| files.get(number).map(|file: &File| (file.stem.as_str(), file.right.as_str()));
        assert_eq!([of(0), of(1), of(2)], [Some(("a", "one")), Some(("b", "two")), None]);
        let why = |names: &[&str], rows: &str| Files::new(named(names), &table(rows), None).unwrap_err().to_string();
        assert_eq!(
            why(&["a.png"], "b,one\n"),
            "a.png has no row in the table: add one that begins with \"a\" or \"a.png\""
        );
        assert_eq!(why(&["a.png", "a.png"], "a,one\n"), "there are two files with the name a.png: rename one");
        assert_eq!(Files::new(Vec::new(), &table("a,one\n"), None).unwrap_err(), NoFiles::Empty);
    }

    #[test]
    fn what_is_too_long_for_queues_is_named_with_its_size_and_the_limit() {
        let file = |name: &str, body: usize, right: usize| File {
            name: name.to_owned(),
            stem: stem(name).to_owned(),
            right: "r".repeat(right),
            media_type: String::new(),
            body: vec![b'x'; body],
        };
        let unfit = |body, right| Files(vec![file("b.png", 1, 1), file("a.png", body, right)]).unfit_for_queues();
        let begins = |said: Option<String>, with: &str| {
            assert!(said.as_ref().is_some_and(|it| it.starts_with(with)), "{said:?}")
        };
        assert_eq!(unfit(MOST_OF_A_FRONT, MOST_OF_A_PULLER), None);
        begins(
            unfit(MOST_OF_A_FRONT + 1, 1),
            "a.png is sent as 5242881 bytes, and behind queues a request has at most 5242880: take it out",
        );
        begins(
            unfit(1, MOST_OF_A_PULLER + 1),
            "the right answer to a.png has 16777217 bytes, and behind queues it has at most 16777216: take it out",
        );
        // With the form around it.
        let longest = vec![("a.png".to_owned(), vec![b'x'; MOST_OF_A_FRONT])];
        let in_a_form = Files::new(longest, &table("a,one\n"), Some("f")).unwrap();
        begins(in_a_form.unfit_for_queues(), "a.png is sent as 52430");
    }

    #[test]
    fn an_answer_is_right_with_or_without_its_stem_spaces_and_quotes() {
        let files = Files::new(named(&["test_01.jpg"]), &table("test_01,Paul \u{c4}rmel\n"), None).unwrap();
        let file = files.get(0).unwrap();
        for right in [
            "Paul \u{c4}rmel",
            " Paul \u{c4}rmel\r\n",
            "test_01:Paul \u{c4}rmel",
            "\"Paul \\u00c4rmel\"\n",
            "\"test_01:Paul \u{c4}rmel\"",
        ] {
            assert!(file.is_right(right.as_bytes()), "{right}");
        }
        for wrong in [
            "",
            "Paul",
            "paul \u{c4}rmel",
            "test_02:Paul \u{c4}rmel",
            "test_01.jpg:Paul \u{c4}rmel",
            "test_01:",
            "\"Paul \u{c4}rmel",
            "{}",
        ] {
            assert!(!file.is_right(wrong.as_bytes()), "{wrong}");
        }
        assert!(!file.is_right(b"\xff"));
    }

    #[test]
    fn of_a_wrong_answer_the_beginning_is_kept() {
        let files = Files::new(named(&["a"]), &table("a,one\n"), None).unwrap();
        let wrong = files.get(0).unwrap().wrong("\u{20ac}".repeat(5_000).as_bytes(), b"r-1", b"");
        assert_eq!(wrong.got, "\u{20ac}".repeat(200));
        assert_eq!((wrong.request_id.as_str(), wrong.instance.as_str()), ("r-1", ""));
    }
}
