//! The first thing an instance runs: a bash script, a pure function of its arguments.
//!
//! No secret and no other time than the expiry is in it, so it can be rebuilt byte for byte from a ledger line.

use jiff::Timestamp;

/// EC2's limit on user data, in raw bytes.
pub const LIMIT: usize = 16_384;

/// What an instance is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    Worker,
    Balancer,
    Generator,
}

/// What the script is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserData<'a> {
    pub role: Role,
    /// When the instance shuts itself down, whatever happens to the operator.
    pub expires_at: Timestamp,
    pub artifact_url: &'a str,
    pub artifact_sha256: &'a str,
    /// Where the program serves requests (worker, balancer).
    pub port: Option<u16>,
    /// Where the program serves its control API (balancer, generator), with the key that may change it.
    pub control: Option<Control<'a>>,
    /// Further environment of the program, such as `CLUSTER`, `CLUSTER_PATH` or `WORK`.
    pub environment: &'a [(&'a str, String)],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Control<'a> {
    pub port: u16,
    pub public_key: &'a str,
}
