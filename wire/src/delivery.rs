//! Programs on their way to instances: what takes them there, and how a relay hands them to members.
//!
//! An instance that waits for programs runs a loader, a script that answers `PUT` of [`PROGRAMS_PATH`]`/{sha256}` with 201
//! once it has exactly those bytes, and every `GET` with 503 and a [`Loading`]. The operator brings programs to the loaders
//! of balancer, front and generators itself. It dials no worker: it puts a program on a relay, by the same path and signed,
//! and names there the members that are to have it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// `PUT` of this, `/` and a hash takes a program: at a loader from anybody, at a relay signed as a request without a body,
/// because the hash says what the body is.
pub const PROGRAMS_PATH: &str = "/v1/programs";
/// Path of a relay that takes [`Deliveries`] and answers with a [`Loading`] for each member that has a loader, by id.
pub const DELIVERIES_PATH: &str = "/v1/deliveries";
/// Longest program that a loader or a relay takes.
pub const PROGRAM_LIMIT_BYTES: u64 = 64 << 20;
/// Time without a byte after which a program on its way is given up, at either end: a network that was away comes back within, and
/// TCP sends again.
pub const PROGRAM_SILENCE: Duration = Duration::from_secs(30);
/// Longest way of a program: 6 MB at 4 kB/s, and slower than that nobody measures anything.
pub const PROGRAM_LONGEST: Duration = Duration::from_secs(1800);

/// What a loader says, and what a relay says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Loading {
    /// Hashes of the programs that it waits for.
    pub missing: Vec<String>,
    /// Those of them that the relay is handing over now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coming: Vec<String>,
    /// Why the relay could not hand one over, the last time it tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// What a relay is to do: to ask members what they wait for, and to hand one program to them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deliveries {
    /// Hash of the program that they are to have. Absent: they are only asked. A relay that does not hold it answers 404.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// The members.
    pub members: Vec<Receiver>,
}

/// A member, and where its loader is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Receiver {
    /// Id of the member.
    pub id: String,
    /// IP address and port of its loader.
    pub address: String,
}

/// The answer to [`Deliveries`]: what has no loader, or gives no answer, is not in it.
pub type Loaders = BTreeMap<String, Loading>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_loader_says_is_read() {
        let said: Loading = serde_json::from_str(r#"{"missing":["aa","bb"]}"#).unwrap();
        assert_eq!(said, Loading { missing: vec!["aa".into(), "bb".into()], ..Loading::default() });
    }
}
