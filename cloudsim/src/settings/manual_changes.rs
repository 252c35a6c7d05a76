//! Changes that people make by hand meanwhile.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::engine::span::Span;

/// Somebody with a console of their own, who now and then does something to an instance that a call made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ManualChanges {
    /// From one change to the next; [`Span::NONE`]: never.
    pub every: Span,
    /// Kinds of changes that they make; empty: [`ManualChange::USUAL`].
    pub kinds: BTreeSet<ManualChange>,
}

/// One change made by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ManualChange {
    /// StopInstances: the volumes go on costing.
    Stop,
    /// TerminateInstances (kubermatic/machine-controller#381: three new ones came for it).
    Terminate,
    /// DeleteTags of one of its tags: whose it is can no longer be seen (kubernetes-sigs/cluster-api-provider-aws#4629).
    Untag,
    /// CreateTags that gives one of its tags another value.
    Retag,
    /// ModifyInstanceAttribute that sets DisableApiTermination: nobody can terminate it by a call any more. A shutdown from
    /// inside still does (EC2 user guide, "Change instance termination protection").
    Protect,
    /// StartInstances of one that is stopped.
    Start,
}

impl ManualChange {
    pub const ALL: [Self; 6] = [Self::Stop, Self::Terminate, Self::Untag, Self::Retag, Self::Protect, Self::Start];
    /// All that take something from whoever launched the instance. Start gives back what may have been replaced.
    pub const USUAL: [Self; 5] = [Self::Stop, Self::Terminate, Self::Untag, Self::Retag, Self::Protect];
}
