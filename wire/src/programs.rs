//! The manifest of programs for instances: which file of which architecture has which hash. What builds them writes it;
//! operator and lab read it.

use serde::{Deserialize, Serialize};

/// All programs of one build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Programs {
    /// Version that they all have.
    pub version: String,
    /// Files, each name at most once for an architecture.
    pub programs: Vec<ProgramFile>,
}

/// One program for one architecture. Beside the manifest it is `{sha256}/{name}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProgramFile {
    /// Name, such as `worker`.
    pub name: String,
    /// Architecture in EC2's words: `x86_64` or `arm64`.
    pub architecture: String,
    /// Hash of the file: 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Size of the file.
    pub bytes: u64,
}

/// Why a text is no manifest.
#[derive(Debug, thiserror::Error)]
pub enum InvalidPrograms {
    /// It is no JSON of this form.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A field says what it cannot say.
    #[error("programs[{index}].{field}: {value:?} {fault}")]
    Field {
        /// Place in the list, from 0.
        index: usize,
        /// Name of the field.
        field: &'static str,
        /// What it says.
        value: String,
        /// What is wrong with that.
        fault: &'static str,
    },
}

impl Programs {
    /// Reads a manifest. What it returns names only files below its own directory, and none twice.
    ///
    /// # Errors
    /// Where the text is no JSON of this form; or the field that is wrong.
    pub fn parse(text: &[u8]) -> Result<Self, InvalidPrograms> {
        let found: Self = serde_json::from_slice(text)?;
        for (index, file) in found.programs.iter().enumerate() {
            let wrong = |field, value: &str, fault| {
                Err(InvalidPrograms::Field { index, field, value: value.to_owned(), fault })
            };
            if file.name.is_empty() || !file.name.bytes().all(|byte| byte.is_ascii_lowercase()) {
                return wrong("name", &file.name, "is not a word of lower-case letters");
            }
            if !["x86_64", "arm64"].contains(&file.architecture.as_str()) {
                return wrong("architecture", &file.architecture, "is neither x86_64 nor arm64");
            }
            if file.sha256.len() != 64 || !file.sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
                return wrong("sha256", &file.sha256, "is not 64 lower-case hexadecimal digits");
            }
            let same = |other: &ProgramFile| (&other.name, &other.architecture) == (&file.name, &file.architecture);
            if found.programs[..index].iter().any(same) {
                return wrong("name", &file.name, "is there twice for its architecture");
            }
        }
        Ok(found)
    }

    /// The file of a program for an architecture.
    #[must_use]
    pub fn file(&self, name: &str, architecture: &str) -> Option<&ProgramFile> {
        self.programs.iter().find(|file| file.name == name && file.architecture == architecture)
    }
}

impl ProgramFile {
    /// Its path beside the manifest, and below the base URL of a mirror.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}", self.sha256, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(files: &[(&str, &str, &str)]) -> String {
        let files = files.iter().map(|(name, architecture, sha256)| {
            serde_json::json!({ "name": name, "architecture": architecture, "sha256": sha256, "bytes": 7 })
        });
        serde_json::json!({ "version": "1", "programs": files.collect::<Vec<_>>() }).to_string()
    }

    #[test]
    fn files_are_found_by_name_and_architecture() {
        let (one, other) = ("1".repeat(64), "a".repeat(64));
        let text = manifest(&[("worker", "x86_64", &one), ("worker", "arm64", &other)]);
        let programs = Programs::parse(text.as_bytes()).unwrap();
        assert_eq!(programs.file("worker", "arm64").unwrap().path(), format!("{other}/worker"));
        assert_eq!(programs.file("worker", "riscv"), None);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let hash = "1".repeat(64);
        let error = |files: &[_]| Programs::parse(manifest(files).as_bytes()).unwrap_err().to_string();
        let first = ("worker", "x86_64", &*hash);
        assert_eq!(
            error(&[first, ("front", "riscv", &hash)]),
            r#"programs[1].architecture: "riscv" is neither x86_64 nor arm64"#
        );
        assert_eq!(
            error(&[("front", "arm64", "AB")]),
            r#"programs[0].sha256: "AB" is not 64 lower-case hexadecimal digits"#
        );
        assert_eq!(
            error(&[("../x", "arm64", &hash)]),
            r#"programs[0].name: "../x" is not a word of lower-case letters"#
        );
        assert_eq!(error(&[first, first]), r#"programs[1].name: "worker" is there twice for its architecture"#);
        let misspelt = manifest(&[first]).replace("bytes", "byte");
        assert!(Programs::parse(misspelt.as_bytes()).unwrap_err().to_string().contains("unknown field `byte`"));
    }
}
