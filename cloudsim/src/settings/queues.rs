//! Behaviour of queues.

use serde::{Deserialize, Serialize};

use crate::engine::span::Span;
use crate::engine::visibility::Lag;

/// Knobs of SQS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Queues {
    /// Lag of queues, their attributes and their tags; [`super::Settings::lag`] when absent. A list of queues reads by
    /// [`Lag::tag`], a call that names a queue by [`Lag::id`].
    pub lag: Option<Lag>,
    /// Time from CreateQueue until calls find the queue.
    pub creation: Span,
    /// The time after creation in which a queue that calls find already shows no tags.
    pub tags_late: Span,
    /// Time from DeleteQueue until calls, and lists for themselves, find the queue no more.
    pub deletion: Span,
    /// Time from PurgeQueue until messages go, those that were sent meanwhile among them.
    pub purge: Span,
    /// The age of the counts that GetQueueAttributes shows, each for itself.
    pub count_lag: Span,
    /// Messages of which a copy is left when they are received, per thousand: it is delivered again, also after the
    /// message was deleted.
    pub duplicate_per_mille: u32,
    /// Time from the first delivery to that of the copy.
    pub duplicate_by: Span,
    /// Receives without a wait that find nothing although something is there, per thousand.
    pub empty_receive_per_mille: u32,
    /// The effect of a repeated create with other tags.
    pub repeated_tags: RepeatedTags,
    /// From one change by hand to the next; [`Span::NONE`]: never.
    pub manual_changes: Span,
}

impl Default for Queues {
    fn default() -> Self {
        Self {
            lag: None,
            // API reference, CreateQueue: one second; DeleteQueue and PurgeQueue: up to sixty.
            creation: Span { least_millis: 0, most_millis: 1_000 },
            tags_late: Span::NONE,
            deletion: Span::seconds(0, 60),
            purge: Span::seconds(0, 60),
            count_lag: Span::NONE,
            duplicate_per_mille: 0,
            duplicate_by: Span::seconds(0, 30),
            empty_receive_per_mille: 0,
            repeated_tags: RepeatedTags::Kept,
            manual_changes: Span::NONE,
        }
    }
}

impl Queues {
    /// The time after its creation in which a queue can appear with its tags, on top of what `others` lag.
    pub(super) fn latest_appearance_millis(&self, others: Lag) -> u64 {
        self.lag.unwrap_or(others).most().max(self.creation.most()) + self.tags_late.most()
    }
}

/// The effect of a CreateQueue call whose name and attributes exist, and whose tags are others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RepeatedTags {
    /// The queue keeps those that it has.
    #[default]
    Kept,
    /// It gets those of the call, beside its own.
    Taken,
    /// The call is refused.
    Refused,
}

impl RepeatedTags {
    pub const ALL: [Self; 3] = [Self::Kept, Self::Taken, Self::Refused];

    /// Its name as a value of a knob.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Taken => "taken",
            Self::Refused => "refused",
        }
    }
}
