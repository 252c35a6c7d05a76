//! Flags of files that are sent in turn, and the figures that a run with them ends with.

use std::path::PathBuf;

use clap::Args;
use loadgen::{Files, NoFiles};
use wire::ClusterReport;

#[derive(Debug, Args)]
pub(crate) struct FilesArguments {
    /// Sends the files of this directory in turn, in the order of their names, with POST unless --method says otherwise. Each is
    /// the body of a request, with the type that its suffix says.
    #[arg(long, value_name = "DIR", requires = "expect_csv", conflicts_with_all = ["body", "expect_body"])]
    pub(crate) files: Option<PathBuf>,
    /// Uploads each file in this field of a form (multipart/form-data) instead.
    #[arg(long, value_name = "NAME", requires = "files")]
    field: Option<String>,
    /// Table of the right answers, CSV with a head: the name of a file, with its suffix or without, and the result. An answer is
    /// right that is the result, or the name without suffix, a colon and the result.
    #[arg(long, value_name = "FILE", requires = "files")]
    expect_csv: Option<PathBuf>,
    /// Columns of the table by their names in its head; when absent, the first two.
    #[arg(long, value_name = "FILE,RESULT", requires = "expect_csv", value_parser = columns)]
    expect_columns: Option<Columns>,
    /// Writes every wrong answer into this file, as CSV: stem, expected, got, request id, instance.
    #[arg(long, value_name = "FILE", requires = "files")]
    pub(crate) wrong: Option<PathBuf>,
}

/// Names of the columns of a file and of its right answer.
#[derive(Clone, Debug)]
struct Columns([String; 2]);

fn columns(text: &str) -> Result<Columns, String> {
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    match parts[..] {
        [file, result] if !file.is_empty() && !result.is_empty() => Ok(Columns([file.to_owned(), result.to_owned()])),
        _ => Err("give the names of two columns, such as Image,Results".to_owned()),
    }
}

impl FilesArguments {
    /// The files, if any are to be sent.
    ///
    /// # Errors
    /// What is wrong with the files or the table, and the way out.
    pub(crate) fn read(&self) -> Result<Option<Files>, NoFiles> {
        let (Some(files), Some(table)) = (&self.files, &self.expect_csv) else { return Ok(None) };
        let columns = self.expect_columns.as_ref().map(|Columns(columns)| columns);
        Files::read(files, table, columns, self.field.as_deref()).map(Some)
    }

    /// The flag that is to blame for files that cannot be sent.
    pub(crate) fn flag(&self, error: &NoFiles) -> String {
        let (flag, path) = match error {
            NoFiles::Table(_) | NoFiles::NoRow(_) => ("--expect-csv", &self.expect_csv),
            _ => ("--files", &self.files),
        };
        path.as_ref().map_or(flag.to_owned(), |path| format!("{flag} {}", path.display()))
    }
}

/// All requests in one line, for people and scripts: `total 100, completed 99, failed 1, right 98, wrong 1, seconds 12.3`.
/// Completed are those that got an answer of a good status, right or wrong; failed are all others.
pub(crate) fn closing(all: &ClusterReport) -> String {
    let (right, wrong) = (all.right.unwrap_or_default(), all.failures.wrong_answer);
    let completed = right + wrong;
    let failed = all.requests.saturating_sub(completed);
    let tenths = all.load_micros.div_ceil(100_000);
    format!(
        "total {}, completed {completed}, failed {failed}, right {right}, wrong {wrong}, seconds {}.{}\n",
        all.requests,
        tenths / 10,
        tenths % 10
    )
}

#[cfg(test)]
mod tests {
    use wire::Failures;

    use super::*;

    #[test]
    fn the_figures_add_up() {
        let all = ClusterReport {
            requests: 100,
            open_at_end: 2,
            right: Some(90),
            failures: Failures { wrong_answer: 5, timeout: 3, ..Failures::default() },
            load_micros: 12_340_001,
            ..ClusterReport::default()
        };
        assert_eq!(closing(&all), "total 100, completed 95, failed 5, right 90, wrong 5, seconds 12.4\n");
        assert_eq!(columns("Image, Results").unwrap().0, ["Image", "Results"]);
        assert!(["", "a", "a,", "a,b,c"].iter().all(|text| columns(text).is_err()));
    }
}
