//! Corpus of a run, the files that its requests send, and the wrong answers to them, of which a report names the first.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A tar archive of files and of `expected.csv`, whose first column is the name of a file, with or without its suffix, and
/// whose second is the right answer. Which file a request sends follows from the seed of the round and its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Corpus {
    /// URL of the archive.
    pub url: String,
    /// SHA-256 of the archive.
    pub sha256: String,
    /// Field of the form that the file is uploaded in. Absent: the file is the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

/// Wrong answers that a report names of a cluster, and of it in a round: enough to look for the cause. All of them are counted.
pub const WRONG_ANSWERS: usize = 10;

/// A wrong answer to a file of the corpus.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WrongAnswer {
    /// Name of the file, without its suffix.
    pub file: String,
    /// Right answer.
    pub expected: String,
    /// Answer that came, its first 200 characters.
    pub got: String,
    /// What `x-request-id` of the answer said. Empty: nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub request_id: String,
    /// Instance that answered, by `x-backend`. Empty: the answer named none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub instance: String,
}

impl WrongAnswer {
    /// Characters of an answer that are kept.
    pub const GOT_CHARS: usize = 200;
}
