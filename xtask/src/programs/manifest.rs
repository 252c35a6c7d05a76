//! The manifest of the programs: what it says, and of which version it is. `wire::Programs` is its reader.

use super::Architecture;
use crate::json::Json;

/// The manifest's name, beside the files that it names.
pub(crate) const MANIFEST: &str = "manifest.json";

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) architecture: Architecture,
    pub(crate) sha256: String,
    pub(crate) bytes: u64,
}

/// The manifest of these programs.
pub(crate) fn text(programs: &[Program]) -> String {
    let files = programs.iter().map(|program| {
        Json::object([
            ("name", Json::text_of(program.name)),
            ("architecture", Json::text_of(program.architecture.name())),
            ("sha256", Json::text_of(&program.sha256)),
            ("bytes", Json::number(program.bytes)),
        ])
    });
    let version = Json::text_of(env!("CARGO_PKG_VERSION"));
    Json::object([("version", version), ("programs", Json::List(files.collect()))]).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_is_named_with_its_hash_and_size() {
        let program = Program { name: "worker", architecture: Architecture::Arm64, sha256: "ab".repeat(32), bytes: 7 };
        let json = Json::parse(&text(&[program])).unwrap();
        assert_eq!(json.text(&["version"]), Some(env!("CARGO_PKG_VERSION")));
        let Some(Json::List(files)) = json.at(&["programs"]) else { panic!("no list") };
        assert_eq!(files[0].text(&["name"]), Some("worker"));
        assert_eq!(files[0].text(&["architecture"]), Some("arm64"));
        assert_eq!(files[0].text(&["sha256"]), Some(&*"ab".repeat(32)));
        assert_eq!(files[0].at(&["bytes"]), Some(&Json::Word("7".to_owned())));
    }
}
