//! `--wrong FILE`: every wrong answer to a file, as CSV.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use wire::WrongAnswer;

/// A file that wrong answers are written into.
#[derive(Debug)]
pub struct WrongLog(Mutex<Result<BufWriter<File>, String>>);

impl WrongLog {
    /// Begins the file with its head.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut file = BufWriter::new(File::create(path)?);
        file.write_all(b"stem,expected,got,request_id,instance,cluster\r\n")?;
        Ok(Self(Mutex::new(Ok(file))))
    }

    /// Writes a line for each. One that cannot be written is reported at the end.
    pub(crate) fn write(&self, cluster: &str, wrong: &[WrongAnswer]) {
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(file) = guard.as_mut() else { return };
        for answer in wrong {
            if let Err(error) = file.write_all(line(cluster, answer).as_bytes()) {
                *guard = Err(error.to_string());
                return;
            }
        }
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// Why the file is not complete.
    pub fn finish(&self) -> Result<(), String> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Ok(file) => file.flush().map_err(|error| error.to_string()),
            Err(error) => Err(error.clone()),
        }
    }
}

/// One record of RFC 4180.
fn line(cluster: &str, answer: &WrongAnswer) -> String {
    let WrongAnswer { file, expected, got, request_id, instance } = answer;
    let cells = [file, expected, got, request_id, instance].map(|cell| quoted(cell));
    format!("{},{}\r\n", cells.join(","), quoted(cluster))
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\r', '\n']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_cells_whatever_is_in_them() {
        let answer = WrongAnswer {
            file: "a,b".into(),
            expected: "heron".into(),
            got: "say \"no\"\n".into(),
            request_id: String::new(),
            instance: "i-1".into(),
        };
        assert_eq!(line("blue", &answer), "\"a,b\",heron,\"say \"\"no\"\"\n\",,i-1,blue\r\n");
    }
}
