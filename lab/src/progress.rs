//! Progress of a starting lab, as JSON lines on the supervisor's standard output.

use std::io::Write;
use std::time::Instant;

use serde::{Deserialize, Serialize};

/// One line.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Progress {
    Step {
        text: String,
        millis: u64,
    },
    Ready {
        millis: u64,
    },
    /// `part`: whose log says more.
    Failed {
        text: String,
        part: Option<String>,
    },
}

/// The writing end.
pub(crate) struct Steps {
    started: Instant,
    output: std::io::Stdout,
}

impl Steps {
    pub(crate) fn to_standard_output() -> Self {
        Self { started: Instant::now(), output: std::io::stdout() }
    }

    /// A step that is done. An error when nobody reads: then the starter was killed, and the lab should not start.
    pub(crate) fn done(&mut self, text: &str) -> anyhow::Result<()> {
        tracing::info!("{text}");
        let written = self.write(&Progress::Step { text: text.to_owned(), millis: self.millis() });
        written.map_err(|_| anyhow::anyhow!("whoever started the lab is gone"))
    }

    /// The last line of a lab that is up; nobody has to read it.
    pub(crate) fn ready(&mut self) {
        let _ = self.write(&Progress::Ready { millis: self.millis() });
    }

    /// The last line of a lab that could not start; nobody has to read it. Gives the text back.
    pub(crate) fn failed(&mut self, text: &str, part: Option<&str>) -> String {
        let _ = self.write(&Progress::Failed { text: text.to_owned(), part: part.map(str::to_owned) });
        text.to_owned()
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn write(&mut self, progress: &Progress) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(progress)?;
        line.push(b'\n');
        self.output.write_all(&line)?;
        self.output.flush()
    }
}
