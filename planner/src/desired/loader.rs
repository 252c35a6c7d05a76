//! The loader: what takes our programs on an instance, until all of them are there.

use askama::Template;
use wire::PROGRAM_LIMIT_BYTES;

use super::invalid::InvalidUserData;
use super::role::CONTROL_PORT;

/// Seconds without a byte after which a loader takes no more from a connection, as the script looks: twice that at most. The
/// operator gives up after as long ([`wire::PROGRAM_SILENCE`]).
const SILENCE_SECONDS: u64 = wire::PROGRAM_SILENCE.as_secs();
/// Seconds that a connection may take in all: the operator's own bound and some more, so that it is the operator that ends.
const LONGEST_SECONDS: u64 = wire::PROGRAM_LONGEST.as_secs() + 60;

/// What of a loader the script writes.
pub(super) struct Loader {
    /// Where it listens: nobody else does before the programs run.
    pub(super) port: u16,
    /// Names of the programs, for people.
    pub(super) names: String,
    pub(super) files: Vec<Brought>,
    /// Seconds that a connection may take in all.
    pub(super) longest: u64,
    /// What takes one program from one connection.
    pub(super) script: String,
}

/// A program that somebody brings.
pub(super) struct Brought {
    pub(super) sha256: String,
    /// Its file beside the boot script.
    pub(super) name: String,
}

#[derive(Template)]
#[template(path = "loader.sh", escape = "none")]
struct Script {
    hashes: String,
    limit: u64,
    silence: u64,
}

impl Loader {
    /// For these programs and hashes; the last one, if it is for a starter, keeps its hash as its name. `None`: there are none.
    pub(super) fn of(
        programs: &[(&'static str, &str)],
        stock: Option<(&'static str, &str)>,
    ) -> Result<Option<Self>, InvalidUserData> {
        let named = programs.iter().map(|(name, sha256)| (*name, *sha256, *name));
        let all: Vec<_> = named.chain(stock.map(|(name, sha256)| (name, sha256, sha256))).collect();
        if all.is_empty() {
            return Ok(None);
        }
        if let Some((_, odd, _)) = all.iter().find(|(_, sha256, _)| !is_hash(sha256)) {
            return Err(InvalidUserData::Sha256((*odd).to_owned()));
        }
        let mut hashes: Vec<&str> = all.iter().map(|(_, sha256, _)| *sha256).collect();
        hashes.sort_unstable();
        hashes.dedup();
        let script = Script { hashes: hashes.join(" "), limit: PROGRAM_LIMIT_BYTES, silence: SILENCE_SECONDS };
        let brought =
            |(_, sha256, file): &(&str, &str, &str)| Brought { sha256: (*sha256).to_owned(), name: (*file).to_owned() };
        Ok(Some(Self {
            port: CONTROL_PORT,
            names: all.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", "),
            files: all.iter().map(brought).collect(),
            longest: LONGEST_SECONDS,
            // Rendering into a String fails only when a field's Display does; these are a string and an integer.
            script: script.render().unwrap_or_default(),
        }))
    }
}

/// Whether a text is spelt as SHA-256 are here, and so may stand in a script.
pub(super) fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
