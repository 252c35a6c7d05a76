//! The checksum that tells a status that the operator wrote from one that somebody edited.
//!
//! A person may write status: a line that is taken out of the ledger there would be launched again, an edited region
//! would hide what runs. The seal is no secret and no defence against malice; it finds accidents and good intentions.

use api::{Launch, Placement, Status};
use serde::Serialize;
use wire::sha256_hex;

/// Seal over what decisions depend on, for the object with this uid.
pub fn seal(uid: &str, placement: Option<&Placement>, launches: &[Launch]) -> String {
    #[derive(Serialize)]
    struct Sealed<'a> {
        version: u32,
        uid: &'a str,
        placement: Option<&'a Placement>,
        launches: &'a [Launch],
    }
    if placement.is_none() && launches.is_empty() {
        return String::new();
    }
    // Plain structs: serialisation cannot fail. An empty document would only match another empty one.
    sha256_hex(&serde_json::to_vec(&Sealed { version: 1, uid, placement, launches }).unwrap_or_default())
}

/// Whether placement and launches are as the operator wrote them. A status without a seal counts as whole: an older
/// resource definition drops the field, and nothing may be torn down for that.
pub(crate) fn is_whole(uid: &str, status: &Status) -> bool {
    status.seal.is_empty() || status.seal == seal(uid, status.placement.as_ref(), &status.launches)
}
