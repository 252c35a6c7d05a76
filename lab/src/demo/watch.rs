//! Every state of one object, as `kubectl get --watch` prints them. A watch costs nothing while nothing changes;
//! asking again and again would take CPU time from the very load that is being measured.

use std::process::Stdio;

use anyhow::Context;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

use crate::kubernetes::kubectl::Kubectl;

pub(super) struct Watch {
    _child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    document: String,
}

impl Watch {
    pub(super) fn start(kubectl: &Kubectl, namespace: &str, name: &str) -> anyhow::Result<Self> {
        let arguments = ["get", "clusterbenchmark", name, "--namespace", namespace, "--watch", "--output=json"];
        let mut command = kubectl.command(&arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().context("kubectl cannot be started")?;
        let output = child.stdout.take().context("kubectl has no output")?;
        Ok(Self { _child: child, lines: BufReader::new(output).lines(), document: String::new() })
    }

    /// The next state; `None` when the watch ended, as watches do: start another. Loses nothing when cancelled.
    pub(super) async fn next(&mut self) -> anyhow::Result<Option<Value>> {
        while let Some(line) = self.lines.next_line().await? {
            self.document.push_str(&line);
            self.document.push('\n');
            // Objects are indented, so only the last line of one is a lone brace.
            if line == "}" {
                let object = serde_json::from_str(&self.document).context("kubectl printed broken JSON");
                self.document.clear();
                return object.map(Some);
            }
        }
        Ok(None)
    }
}
