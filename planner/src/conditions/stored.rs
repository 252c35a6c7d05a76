//! Conditions as a stored status holds them, read back.

use api::{ConditionType, Status};
use k8s_openapi::apimachinery::pkg::apis::meta::v1;

use super::{ConditionStatus, Reason};

/// The words of one condition. `None`: this version does not know the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    pub kind: Option<ConditionType>,
    pub status: Option<ConditionStatus>,
    pub reason: Option<Reason>,
}

impl Stored {
    pub fn of(condition: &v1::Condition) -> Self {
        Self {
            kind: ConditionType::parse(&condition.type_),
            status: ConditionStatus::parse(&condition.status),
            reason: Reason::parse(&condition.reason),
        }
    }

    /// Whether a condition of this kind stands in `status` for this reason.
    pub fn is_said(status: &Status, kind: ConditionType, reason: Reason) -> bool {
        let said = status.conditions.iter().map(Self::of);
        said.into_iter().any(|one| one.kind == Some(kind) && one.reason == Some(reason))
    }
}
