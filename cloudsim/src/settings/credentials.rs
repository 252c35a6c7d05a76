//! Credentials that calls are signed with.

use serde::{Deserialize, Serialize};

/// Whether calls are signed as they should be. Nothing that is refused for it has an effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Credentials {
    #[default]
    Good,
    /// Temporary ones that have run out: `RequestExpired` of EC2 (aws/aws-sdk-java#1443), `ExpiredToken` of STS.
    Expired,
    /// Signed by a clock that is wrong by more than five minutes: `AuthFailure` of EC2, which has no code for it
    /// (aws/aws-sdk-java#519), `SignatureDoesNotMatch` of STS.
    ClockSkew,
    /// A key that was deleted: `AuthFailure` of EC2, `InvalidClientTokenId` of STS.
    Unknown,
}
