//! Resources of one benchmark as the lists of its region show them. A kind of resource that is added is a field here.

use jiff::Timestamp;

use super::facet::Facet;
use crate::failure::Unknown;
use crate::ports::{Group, Instance};

/// Resources of one benchmark, a complete list for each kind.
#[derive(Clone, Debug, PartialEq)]
pub struct CloudView {
    /// When the lists were begun. They may be older than this pass, because all objects of a region share them: what they
    /// do not show is measured against this time, never against `now`.
    pub listed_at: Timestamp,
    /// By owner tags, by the tokens of open launches and by the ids in the ledger, each a complete list; dead ones
    /// included.
    pub instances: Facet<Vec<Instance>>,
    /// By owner tags.
    pub groups: Facet<Vec<Group>>,
}

impl CloudView {
    /// Nothing is known of any kind, for one reason.
    pub fn unseen(listed_at: Timestamp, why: &Unknown) -> Self {
        Self { listed_at, instances: Facet::Unknown(why.clone()), groups: Facet::Unknown(why.clone()) }
    }

    /// Why a kind is not known, the first of them in the order of teardown.
    pub fn unknown(&self) -> Option<&Unknown> {
        let Self { listed_at: _, instances, groups } = self;
        instances.unknown().or(groups.unknown())
    }
}
