//! Table of the right answers: CSV with a head (RFC 4180). Pure.

use std::collections::BTreeMap;

use super::files::NoFiles;

/// Right answers by the name of a file, with its suffix or without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table(BTreeMap<String, String>);

impl Table {
    /// Reads a table. `columns`: names of the columns of the file and of its right answer; `None`: the first two.
    ///
    /// # Errors
    /// The line that is wrong, and the way out.
    pub(crate) fn parse(bytes: &[u8], columns: Option<&[String; 2]>) -> Result<Self, NoFiles> {
        let wrong = |why: String| NoFiles::Table(why);
        let text = std::str::from_utf8(bytes).map_err(|error| wrong(format!("it is not UTF-8: {error}")))?;
        let mut records = records(text.trim_start_matches('\u{feff}')).map_err(wrong)?.into_iter();
        let Some((_, head)) = records.next() else {
            return Err(wrong("it is empty: begin with a head, such as file,result".to_owned()));
        };
        let place = |name: &String| {
            let found = head.iter().position(|column| column.trim() == name.trim());
            found.ok_or_else(|| wrong(format!("it has no column {name:?}: its head is {}", head.join(","))))
        };
        let [key, value] = match columns {
            Some([key, value]) => [place(key)?, place(value)?],
            None => [0, 1],
        };
        let mut rows = BTreeMap::new();
        for (line, record) in records {
            let cell = |place: usize, what: &str| match record.get(place).map(|cell| cell.trim()) {
                Some(cell) if !cell.is_empty() => Ok(cell.to_owned()),
                _ => Err(wrong(format!("line {line} has no {what}: write FILE,RESULT"))),
            };
            let (key, value) = (cell(key, "name of a file")?, cell(value, "result")?);
            if rows.insert(key.clone(), value).is_some() {
                return Err(wrong(format!("line {line} names {key} once more: remove one of the rows")));
            }
        }
        Ok(Self(rows))
    }

    /// The right answer to the file `name`.
    pub(crate) fn right(&self, name: &str) -> Option<&str> {
        self.0.get(name).or_else(|| self.0.get(stem(name))).map(String::as_str)
    }
}

/// A name without its suffix.
pub(crate) fn stem(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => name,
    }
}

/// The records of a text with the lines that they begin in, empty lines left out.
fn records(text: &str) -> Result<Vec<(usize, Vec<String>)>, String> {
    let (mut records, mut record, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut line, mut began, mut is_quoted) = (1, 1, false);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if is_quoted && characters.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' if is_quoted => is_quoted = false,
            '"' if cell.is_empty() => is_quoted = true,
            ',' if !is_quoted => record.push(std::mem::take(&mut cell)),
            '\r' if !is_quoted && characters.peek() == Some(&'\n') => {}
            '\n' if !is_quoted => {
                record.push(std::mem::take(&mut cell));
                let record = std::mem::take(&mut record);
                if record.iter().any(|cell| !cell.trim().is_empty()) {
                    records.push((began, record));
                }
                line += 1;
                began = line;
            }
            character => {
                line += usize::from(character == '\n');
                cell.push(character);
            }
        }
    }
    if is_quoted {
        return Err(format!("line {began} has a quote that does not end"));
    }
    record.push(cell);
    if record.iter().any(|cell| !cell.trim().is_empty()) {
        records.push((began, record));
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, columns: Option<[&str; 2]>) -> Result<Table, String> {
        let columns = columns.map(|columns| columns.map(str::to_owned));
        Table::parse(text.as_bytes(), columns.as_ref()).map_err(|error| error.to_string())
    }

    #[test]
    fn rows_are_found_by_name_or_stem() {
        let table =
            parse("\u{feff}Image,Result\r\ntest_01, Paul \r\n\r\n\"b,1.png\",\"say \"\"x\"\"\ny\"", None).unwrap();
        assert_eq!(table.right("test_01.jpg"), Some("Paul"));
        assert_eq!(table.right("test_01"), Some("Paul"));
        assert_eq!(table.right("b,1.png"), Some("say \"x\"\ny"));
        assert_eq!(table.right("b,1.jpg"), None);
        let both = parse("f,r\na,stem\na.png,name\n", None).unwrap();
        assert_eq!((both.right("a.png"), both.right("a.jpg")), (Some("name"), Some("stem")));
        assert_eq!(["a.b.c", ".profile", "a", "a."].map(stem), ["a.b", ".profile", "a", "a"]);
    }

    #[test]
    fn columns_are_chosen_by_name() {
        let text = "id,Results,Image\n1,Paul,a\n";
        assert_eq!(parse(text, Some(["Image", "Results"])).unwrap().right("a.jpg"), Some("Paul"));
        assert_eq!(
            parse(text, Some(["Image", "Name"])).unwrap_err(),
            "the table: it has no column \"Name\": its head is id,Results,Image"
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, why) in [
            ("", "the table: it is empty"),
            ("f,r\n\na\n", "the table: line 3 has no result"),
            ("f,r\na,\n", "the table: line 2 has no result"),
            ("f,r\n,b\n", "the table: line 2 has no name of a file"),
            ("f,r\na,b\nc,d\na,b\n", "the table: line 4 names a once more"),
            ("f,r\n\"a,b\n", "the table: line 2 has a quote that does not end"),
        ] {
            assert!(parse(text, None).unwrap_err().starts_with(why), "{text:?}: {:?}", parse(text, None));
        }
        assert!(
            Table::parse(b"f,r\n\xff,a\n", None).unwrap_err().to_string().starts_with("the table: it is not UTF-8")
        );
    }
}
