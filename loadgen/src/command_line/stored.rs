//! Report that was stored: alone, or within the Kubernetes object that keeps it. Pure.

use anyhow::{Context, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use wire::{CloudWatch, REPORT_SCHEMA, Report};

/// A report with what was added to it later.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) report: Report,
    pub(crate) cloud_watch: Option<CloudWatch>,
}

impl Stored {
    /// Reads a report as a generator gives it, or a BenchmarkReport as `kubectl get -o json` prints it.
    ///
    /// # Errors
    /// What is wrong with the document, and where.
    pub(crate) fn read(text: &str) -> anyhow::Result<Self> {
        let document: Value = serde_json::from_str(text).context("it is no JSON")?;
        if document["items"].is_array() {
            bail!("it is a list: name one BenchmarkReport (kubectl get benchmarkreport NAME -o json)");
        }
        let spec = &document["spec"];
        Ok(match &spec["report"] {
            Value::Null if document["kind"].is_string() => {
                bail!("the object holds no spec.report: it has to be a BenchmarkReport, not a {}", document["kind"])
            }
            Value::Null => Self { report: report(&document)?, cloud_watch: None },
            stored => Self {
                report: report(stored).context("spec.report")?,
                cloud_watch: match &spec["cloudWatch"] {
                    Value::Null => None,
                    cloud_watch => Some(value(cloud_watch).context("spec.cloudWatch")?),
                },
            },
        })
    }
}

/// The schema comes first: one of another may lack what this one has.
fn report(document: &Value) -> anyhow::Result<Report> {
    let document = value::<Value>(document)?;
    match document["schema"].as_str() {
        Some(schema) if schema != REPORT_SCHEMA => {
            bail!(
                "it has schema {schema:?}, this program reads {REPORT_SCHEMA}: take loadgen of the version that wrote it"
            )
        }
        _ => Ok(Report::deserialize(&document)?),
    }
}

/// A document, or the text of one: the object keeps the very bytes that its hash is of.
fn value<T: DeserializeOwned>(value: &Value) -> serde_json::Result<T> {
    match value {
        Value::String(text) => serde_json::from_str(text),
        value => T::deserialize(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(text: &str) -> String {
        format!("{:#}", Stored::read(text).unwrap_err())
    }

    #[test]
    fn what_is_no_report_is_said_in_words() {
        assert!(why("report").starts_with("it is no JSON: "));
        assert!(why(r#"{"kind": "List", "items": []}"#).starts_with("it is a list: name one BenchmarkReport"));
        let benchmark = why(r#"{"kind": "ClusterBenchmark", "spec": {}}"#);
        assert_eq!(
            benchmark,
            r#"the object holds no spec.report: it has to be a BenchmarkReport, not a "ClusterBenchmark""#
        );
        assert!(
            why(r#"{"kind": "BenchmarkReport", "spec": {"report": "{}"}}"#).starts_with("spec.report: missing field")
        );
        assert!(why("{}").starts_with("missing field"));
        let newer = r#"{"schema": "clusterbench.dev/report/v2", "result": []}"#;
        assert_eq!(
            why(newer),
            r#"it has schema "clusterbench.dev/report/v2", this program reads clusterbench.dev/report/v1: take loadgen of the version that wrote it"#
        );
        let kept = serde_json::json!({"kind": "BenchmarkReport", "spec": {"report": newer}}).to_string();
        assert!(why(&kept).starts_with("spec.report: it has schema"), "{}", why(&kept));
        assert!(why("{\"schema\": \"clusterbench.dev/rep").starts_with("it is no JSON"), "cut in half");
    }
}
