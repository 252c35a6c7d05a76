//! Knobs of queues.

use super::{Kind, Knob};
use crate::settings::RepeatedTags;

const DELIVERY: &str = "SQS developer guide, \"Standard queues\": at-least-once delivery";

pub(super) const KNOBS: &[Knob] = &[
    Knob {
        name: "queue-lag",
        says: "queues, their attributes and their tags appear and change this much later",
        source: "SQS API reference, SetQueueAttributes: a change can take up to 60 seconds",
        kind: Kind::OwnLag(|settings| &mut settings.queues.lag),
    },
    Knob {
        name: "queue-creation",
        says: "a new queue is unknown to calls that name it for this long",
        source: "SQS API reference, CreateQueue: wait at least one second",
        kind: Kind::Span(|settings| &mut settings.queues.creation),
    },
    Knob {
        name: "queue-tags-late",
        says: "a new queue that calls find already shows no tags for this long",
        source: "not documented by AWS: tags are a call of their own (ListQueueTags)",
        kind: Kind::Span(|settings| &mut settings.queues.tags_late),
    },
    Knob {
        name: "queue-deletion",
        says: "calls, and lists for themselves, find a deleted queue this much longer, and sends to it succeed",
        source: "SQS API reference, DeleteQueue: up to 60 seconds",
        kind: Kind::Span(|settings| &mut settings.queues.deletion),
    },
    Knob {
        name: "queue-purge",
        says: "PurgeQueue takes this long, and eats some of what is sent meanwhile",
        source: "SQS API reference, PurgeQueue: up to 60 seconds",
        kind: Kind::Span(|settings| &mut settings.queues.purge),
    },
    Knob {
        name: "queue-count-lag",
        says: "approximate counts of messages are this old, each for itself",
        source: "SQS API reference, GetQueueAttributes: at least a minute to be consistent",
        kind: Kind::Span(|settings| &mut settings.queues.count_lag),
    },
    Knob {
        name: "queue-duplicates",
        says: "so many received messages are delivered once more, also after they were deleted",
        source: DELIVERY,
        kind: Kind::Rate(|settings| &mut settings.queues.duplicate_per_mille),
    },
    Knob {
        name: "queue-duplicate-by",
        says: "how much later the second delivery can be",
        source: DELIVERY,
        kind: Kind::Span(|settings| &mut settings.queues.duplicate_by),
    },
    Knob {
        name: "queue-empty-receives",
        says: "so many receives without a wait find nothing although something is there",
        source: "SQS developer guide, \"Short and long polling\": a sample of the servers",
        kind: Kind::Rate(|settings| &mut settings.queues.empty_receive_per_mille),
    },
    Knob {
        name: "queue-repeated-tags",
        says: "what a repeated create with other tags does to them",
        source: "not documented by AWS: three imitations of SQS do three things",
        kind: Kind::Other {
            form: "kept, taken or refused",
            show: |settings| settings.queues.repeated_tags.name().to_owned(),
            take: |settings, text, _| {
                settings.queues.repeated_tags = RepeatedTags::ALL.into_iter().find(|one| one.name() == text)?;
                Some(())
            },
        },
    },
    Knob {
        name: "queue-by-hand",
        says: "somebody takes a tag from a queue or deletes one, and again after so long",
        source: "any account that several people use",
        kind: Kind::Span(|settings| &mut settings.queues.manual_changes),
    },
];
