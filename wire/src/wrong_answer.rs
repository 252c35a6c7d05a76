//! Wrong answers to requests that each have a right one, of which a report names the first.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
