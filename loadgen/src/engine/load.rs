//! Load of one phase on one cluster: the same for every thread that drives it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use wire::{GeneratorLimit, OpenLoop, Slice};

use super::addresses::Addresses;
use super::counted::Counted;
use super::expected::Expected;
use super::request::Template;
use super::wall_clock::WallClock;
use super::zones::Zones;
use crate::Target;
use crate::mutant::Mutation;

#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) target: Arc<Target>,
    /// Where it leads, in this round.
    pub(crate) addresses: Arc<Addresses>,
    pub(crate) template: Template,
    pub(crate) expected: Expected,
    /// Zones of the members that answer.
    pub(crate) zones: Arc<Zones>,
    /// Whether connections are used again.
    pub(crate) keeps_connections: bool,
    pub(crate) plan: Plan,
    /// On the monotonic clock.
    pub(crate) starts_nanos: u64,
    /// The wall clock, as the run reads it.
    pub(crate) wall: WallClock,
    /// How long a request may take from its planned start to the end of its answer.
    pub(crate) limit_nanos: u64,
    /// How long open requests are waited for when nothing is sent any more.
    pub(crate) drain_nanos: u64,
    /// How long a connection may have been idle when load begins.
    pub(crate) idle_nanos: u64,
    /// How long the target may let nobody in.
    pub(crate) give_up_nanos: u64,
    /// What of it counts, where that is not all. `None`: everything does.
    pub(crate) counted: Option<Counted>,
    /// Number of the first request: numbers count on from phase to phase.
    pub(crate) first_index: u64,
    /// Whether every send is told, and not only how many were how late.
    pub(crate) notes_sends: bool,
    /// Whether every wrong answer is told, and not only the first ones.
    pub(crate) notes_wrong: bool,
    pub(crate) life: Life,
    pub(crate) mutation: Mutation,
}

/// When requests begin.
#[derive(Debug)]
pub(crate) enum Plan {
    Open {
        load: OpenLoop,
        seed: u64,
        phase: u64,
        slice: Slice,
        /// At the same time, of all threads.
        most_connections: usize,
        /// Why not more; `None`: so many were asked for.
        limit: Option<GeneratorLimit>,
    },
    Closed(Closed),
}

impl Load {
    /// Moves it, so that it begins at another moment.
    pub(crate) fn begin_at(&mut self, starts_nanos: u64) {
        if let Plan::Closed(Closed { ends_nanos: Some(end), .. }) = &mut self.plan {
            *end = (*end + starts_nanos).saturating_sub(self.starts_nanos);
        }
        self.starts_nanos = starts_nanos;
    }

    /// Whether a request counts that is planned at this moment.
    pub(super) fn counts(&self, planned_nanos: u64) -> bool {
        let counted = self.counted.as_ref();
        counted.is_none_or(|counted| planned_nanos >= self.starts_nanos + counted.after_nanos)
    }

    /// Connections that one thread may have at the same time.
    pub(crate) fn connections_of(&self, thread: u32, threads: u32) -> usize {
        let all = match &self.plan {
            Plan::Open { most_connections, .. } => *most_connections,
            Plan::Closed(closed) => closed.users as usize,
        };
        part(all, thread, threads)
    }
}

/// Part of `all` for one thread: the parts are as equal as whole numbers can be.
pub(crate) fn part(all: usize, thread: u32, threads: u32) -> usize {
    all / threads as usize + usize::from((thread as usize) < all % threads as usize)
}

/// Users that each have one request open.
#[derive(Debug)]
pub(crate) struct Closed {
    /// Users of this generator.
    pub(crate) users: u32,
    pub(crate) slice: Slice,
    /// Requests begun so far.
    pub(crate) begun: AtomicU64,
    /// Requests of this generator, at most.
    pub(crate) most: u64,
    /// No request begins at or after this moment.
    pub(crate) ends_nanos: Option<u64>,
}

impl Closed {
    /// The number of the next request within its phase, until there is none.
    pub(crate) fn claim(&self, now_nanos: u64) -> Option<u64> {
        if self.ends_nanos.is_some_and(|end| now_nanos >= end) {
            return None;
        }
        // Relaxed: the number is all that is shared.
        let begun = self.begun.fetch_add(1, Ordering::Relaxed);
        let of_slice = || u64::from(self.slice.index) + begun * u64::from(self.slice.count);
        (begun < self.most).then(of_slice)
    }
}

/// Whether the target is there, and whether to go on; shared by all threads.
#[derive(Debug, Default)]
pub(crate) struct Life {
    answers: AtomicBool,
    gave_up: AtomicBool,
    cut: AtomicBool,
    refused: OnceLock<String>,
}

impl Life {
    /// A connection was made, or an answer came.
    pub(crate) fn shown(&self) {
        self.answers.store(true, Ordering::Relaxed);
    }

    pub(crate) fn was_shown(&self) -> bool {
        self.answers.load(Ordering::Relaxed)
    }

    pub(crate) fn give_up(&self) {
        self.gave_up.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_given_up(&self) -> bool {
        self.gave_up.load(Ordering::Relaxed)
    }

    /// Going on is useless, because of the server: the first reason is kept.
    pub(crate) fn refuse(&self, why: String) {
        self.refused.get_or_init(|| why);
        self.give_up();
    }

    pub(crate) fn refused(&self) -> Option<&str> {
        self.refused.get().map(String::as_str)
    }

    /// Nobody waits for the result any more.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_split_is_split_evenly_and_is_not_more_than_there_was() {
        assert_eq!((0..3).map(|thread| part(100, thread, 3)).collect::<Vec<_>>(), [34, 33, 33]);
        assert_eq!((0..4).map(|thread| part(1, thread, 4)).collect::<Vec<_>>(), [1, 0, 0, 0]);
        assert_eq!((0..4).map(|thread| part(8, thread, 4)).sum::<usize>(), 8);
    }
}
