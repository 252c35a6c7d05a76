//! The mirror that the programs of instances come from.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use planner::ports::Architecture;
use planner::world::Artifacts;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    version: String,
    base_url: String,
    /// Hashes by program name, then architecture.
    sha256: BTreeMap<String, BTreeMap<String, String>>,
}

pub(crate) fn read(path: &Path) -> anyhow::Result<Artifacts> {
    let text = std::fs::read(path).with_context(|| format!("--artifacts {}", path.display()))?;
    parse(&text).with_context(|| format!("--artifacts {}", path.display()))
}

fn parse(text: &[u8]) -> anyhow::Result<Artifacts> {
    let file: File = serde_json::from_slice(text)?;
    let mut sha256 = BTreeMap::new();
    for (name, architectures) in file.sha256 {
        for (architecture, digest) in architectures {
            let architecture = match architecture.as_str() {
                "x86_64" => Architecture::X86_64,
                "arm64" => Architecture::Arm64,
                other => bail!("sha256.{name}: architecture {other:?} is neither x86_64 nor arm64"),
            };
            if digest.len() != 64 || !digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
                bail!("sha256.{name}: {digest:?} is not 64 lower-case hexadecimal digits");
            }
            sha256.insert((name.clone(), architecture), digest);
        }
    }
    Ok(Artifacts { version: file.version, base_url: file.base_url, sha256 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_programs_by_architecture() {
        let text = format!(
            r#"{{"version":"1","baseUrl":"https://x","sha256":{{"worker":{{"arm64":"{}"}}}}}}"#,
            "0".repeat(64)
        );
        let artifacts = parse(text.as_bytes()).unwrap();
        assert_eq!(artifacts.sha256[&("worker".to_owned(), Architecture::Arm64)], "0".repeat(64));
    }

    #[test]
    fn names_what_is_wrong() {
        let error = |text: &str| parse(text.as_bytes()).unwrap_err().to_string();
        let odd = r#"{"version":"1","baseUrl":"https://x","sha256":{"worker":{"riscv":"00"}}}"#;
        assert_eq!(error(odd), r#"sha256.worker: architecture "riscv" is neither x86_64 nor arm64"#);
        let short = r#"{"version":"1","baseUrl":"https://x","sha256":{"worker":{"arm64":"00"}}}"#;
        assert_eq!(error(short), r#"sha256.worker: "00" is not 64 lower-case hexadecimal digits"#);
    }
}
