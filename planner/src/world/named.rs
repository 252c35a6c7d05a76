//! The memory of a resource that is created by name.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::effect::Kind;

/// What is remembered of one resource that is created by name. Losing it only delays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// When it was first looked for in vain, after its settling time.
    pub absent_since: Option<Timestamp>,
    /// When it was first looked for without a placement that says until when it may have been created.
    pub sought_since: Option<Timestamp>,
    /// Whether it was seen and its deletion answered: no list has to prove its absence a second time.
    pub is_deleted: bool,
    /// When its deletion was answered last. Lists may show it for a while after that.
    pub deleted_at: Option<Timestamp>,
    /// The cloud does not let it go, because something depends on it.
    pub held: Option<Since>,
    /// Since when the cloud refuses to do this to it or to a part of it, by id, although lists show it: see
    /// [`crate::Outcome::of`]. The listener of a load balancer and each of its rules are such parts.
    pub refused: BTreeMap<(Kind, String), Timestamp>,
    /// Whether it was emptied and nothing was seen in it since: only then it is deleted. Of a bucket.
    pub is_empty: bool,
    /// When the cloud first refused to create it because its name is taken, although no list shows it as ours.
    pub taken_since: Option<Timestamp>,
}

/// A state of the resource with this id: another one of its name begins anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Since {
    pub id: String,
    pub at: Timestamp,
}

impl Since {
    /// The state goes on, or begins now.
    pub(crate) fn begin(state: &mut Option<Self>, id: &str, now: Timestamp) {
        if state.as_ref().is_none_or(|since| since.id != id) {
            *state = Some(Self { id: id.to_owned(), at: now });
        }
    }

    /// The state is over, if it was this resource's.
    pub(crate) fn end(state: &mut Option<Self>, id: &str) {
        state.take_if(|since| since.id == id);
    }

    /// For how long it has been so, if it is this resource's state.
    pub(crate) fn lasts(state: Option<&Self>, id: &str, now: Timestamp) -> Option<SignedDuration> {
        state.filter(|since| since.id == id).map(|since| now.duration_since(since.at))
    }
}

/// Time for which lists may show a queue whose deletion was answered (API reference, DeleteQueue: "up to 60 seconds").
const GOING: SignedDuration = SignedDuration::from_secs(60);

impl Named {
    /// Whether lists may still show a queue that is not there any more.
    pub(crate) fn is_going(&self, now: Timestamp) -> bool {
        self.deleted_at.is_some_and(|at| now.duration_since(at) < GOING)
    }

    /// The proof of absence begins anew: lists were not looked at for a while.
    pub(crate) fn forget_absence(&mut self) {
        (self.absent_since, self.sought_since) = (None, None);
    }

    /// It is about to be created: whatever was proven of an earlier one of its name is void.
    pub(crate) fn forget_proof(&mut self) {
        self.forget_absence();
        (self.is_deleted, self.deleted_at, self.is_empty) = (false, None, false);
    }
}
