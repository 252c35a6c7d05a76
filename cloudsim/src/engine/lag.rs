//! What readers see, and when.

use serde::{Deserialize, Serialize};

use super::Span;

/// How long after a change a read still sees what was before. EC2 gives no bound; its advice is to keep looking
/// for five minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Lag {
    /// Reads that name ids.
    pub id: Span,
    /// Lists by tag, state, group and the like.
    pub tag: Span,
    /// Lists by client token.
    pub token: Span,
}

impl Lag {
    /// The same for every way of looking.
    pub const fn up_to(span: Span) -> Self {
        Self { id: span, tag: span, token: span }
    }

    /// The longest of all of them.
    pub fn most(self) -> u64 {
        self.id.most().max(self.tag.most()).max(self.token.most())
    }
}

/// Reads that are not monotonic: a call is answered by a replica that is behind, so that it shows an earlier state than
/// a call before it, down to "there is no such id" for an instance that runs.
///
/// EC2 developer guide, "Eventual consistency": `InvalidInstanceID.NotFound` does not mean that the instance is gone;
/// it can still run. hashicorp/terraform-provider-aws#8029, kubernetes-sigs/cluster-api-provider-aws#1351.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Relapse {
    /// Calls that name ids, per thousand; those that change something look up what they name like this too.
    pub id: u32,
    /// Lists by tag, state, group and the like, per thousand.
    pub tag: u32,
    /// Lists by client token, per thousand.
    pub token: u32,
    /// How far back.
    pub by: Span,
}

impl Relapse {
    /// How far back any read can go, on top of its lag.
    pub const fn most(self) -> u64 {
        if self.id | self.tag | self.token == 0 { 0 } else { self.by.most() }
    }
}
