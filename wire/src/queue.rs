//! The queues of a cluster, as the front between clients and workers sees them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// State of the queues of one cluster. Counts of requests are the front's own, since its process started, and exact; those of
/// messages are SQS's, and approximate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QueueStatus {
    /// Name of the cluster.
    pub cluster: String,
    /// Requests that were put into the queue.
    pub accepted: u64,
    /// Those of them that got an answer of a worker, whatever its status.
    pub answered: u64,
    /// Those of them that got none in time, or whose client went away.
    pub failed: u64,
    /// Those of them that no answer came to, whether or not a client still waits: they lie in the queue, or a worker has them.
    pub open: u64,
    /// Messages in the request queue that this process did not send or has forgotten, such as those of a front before it: as
    /// many as SQS's counts prove. See [`Self::unanswered`].
    pub inherited: u64,
    /// The same, of which there may be some and nothing is proven: while the process is too young to know what SQS speaks of.
    pub unclear: u64,
    /// SQS has not counted the messages yet, or not of late: there may be some that this process did not send.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_uncounted: bool,
    /// Answers to requests that had one already.
    pub duplicates: u64,
    /// Answers to requests that this front did not send, or had given up.
    pub unknown: u64,
    /// Messages in the request queue that no worker has taken (ApproximateNumberOfMessages).
    pub waiting: u64,
    /// Messages that workers have taken and not deleted (ApproximateNumberOfMessagesNotVisible).
    pub in_flight: u64,
    /// Messages in the answer queue.
    pub answers_waiting: u64,
    /// Objects put under `in/`, one for each request.
    pub inputs: u64,
    /// Objects put under `out/` of which an answer told.
    pub outputs: u64,
    /// Age of the oldest request that a client waits for, in milliseconds. 0: nobody waits.
    pub oldest_millis: u64,
    /// Requests that were accepted in each of the last six stretches of ten seconds, the newest last.
    pub arrivals: Vec<u64>,
    /// Mean time that a slot of a worker was busy with one request, over the last 50 answers, in microseconds: from the receive
    /// of the message to its deletion. Absent: there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_micros: Option<u64>,
    /// Workers that take requests: not those that were told to take no more.
    pub running: u64,
    /// How it is with the instances of a cluster whose number follows its queue. Absent: it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scaling: Option<ScalingStatus>,
    /// Calls of SQS and S3 for this cluster, by the front and by its workers, since the front's process started.
    pub calls: QueueCalls,
}

/// What a front is told of a cluster whose number of instances follows its queue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterScaling {
    /// Fewest instances: as many are there at rest.
    pub least: u32,
    /// Instances on their way to be members: launched or started and not running yet.
    pub starting: u32,
    /// Instances that its rule wants and that cannot be had.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lacking: u32,
    /// Members that are to take no more requests and to finish what they have, by their ids.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub drain: BTreeSet<String>,
    /// Start of the present boot of each member, as EC2 tells it, in seconds since 1970. Another one is another boot.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub since: BTreeMap<String, i64>,
}

/// The instances of a cluster whose number follows its queue. Counts are since the front's process started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScalingStatus {
    /// Fewest instances, as the operator says.
    pub least: u32,
    /// Instances on their way to be members, as the operator says.
    pub starting: u32,
    /// Members that are to take no more requests and still work on some, or have not said yet that they do not.
    pub draining: BTreeSet<String>,
    /// Members that take no requests and work on none, by their own word since they were told.
    pub drained: BTreeSet<String>,
    /// Members that are not well and have not said that they are drained, and for how long they have been silent, in milliseconds:
    /// since then neither their puller answered a check nor an answer of theirs came.
    pub silent: BTreeMap<String, u64>,
    /// Instances that its rule wants and that cannot be had, as the operator says.
    pub lacking: u32,
    /// Boots of instances that became members. One that is no member for a while and then again is the same boot.
    pub starts: u64,
    /// Time of all of these boots, each from its start as EC2 tells it to the moment it was no member any more, or to now, and
    /// 60 seconds at least, in milliseconds.
    pub instance_millis: u64,
    /// Boots that were members no more before they were drained, and restarts of pullers or programs within a boot.
    pub lost: u64,
    /// Times at which instances began to lack.
    pub lacks: u64,
}

/// Calls of SQS and S3 as they were sent, successful or not: repetitions by the SDK are calls as well. S3 does not charge what it
/// refuses with 503 (S3 user guide, "Billing for Amazon S3 error responses"): this is what is charged, or a little more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct QueueCalls {
    /// Requests to SQS, one for each 64 KiB of a call or part of it (SQS pricing).
    pub sqs: u64,
    /// PUT, COPY, POST and LIST requests to S3.
    pub s3_puts: u64,
    /// GET and all other requests to S3.
    pub s3_gets: u64,
}

impl QueueCalls {
    /// Calls after `earlier`, which is a count of the same process.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            sqs: self.sqs.saturating_sub(earlier.sqs),
            s3_puts: self.s3_puts.saturating_sub(earlier.s3_puts),
            s3_gets: self.s3_gets.saturating_sub(earlier.s3_gets),
        }
    }
}

impl AddAssign for QueueCalls {
    fn add_assign(&mut self, more: Self) {
        self.sqs += more.sqs;
        self.s3_puts += more.s3_puts;
        self.s3_gets += more.s3_gets;
    }
}

/// What a cluster behind queues used for its answers, and what that costs: in one round from its first request to its last
/// answer, and where its number of instances follows its queue from rest to rest; or in all rounds that count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct QueueCost {
    /// Time that it is for, in milliseconds, pauses included.
    pub millis: u64,
    /// Time of all its instances, in milliseconds. Where their number follows the queue: of each boot from its start to its end,
    /// 60 seconds at least; a boot that never became a member is not among them.
    pub instance_millis: u64,
    /// Boots of its instances. 0: their number is fixed, or none was needed.
    pub starts: u64,
    /// Calls of SQS and S3, by the front and by its instances.
    pub calls: QueueCalls,
    /// All of it, in billionths of a US dollar: instances with their volumes and addresses, stopped ones by their volumes, and
    /// calls. Divided by the right answers it is millionths of a US dollar for a thousand of them. Absent: a price is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usd_nanos: Option<u64>,
    /// The calls among it. Absent: their prices are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls_usd_nanos: Option<u64>,
    /// It is an upper bound: surplus credits are in it as if instances were always busy.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_at_most: bool,
}

impl QueueStatus {
    /// Requests without an answer: those that no worker has taken, and those that one has. They are what a rule counts, what rest
    /// is without, and what people are shown.
    ///
    /// How many there are is the front's own count, which is exact and immediate, and what it inherited. How they divide is SQS's
    /// count. That one is late ("may not achieve consistency until at least 1 minute after the producers stop sending messages",
    /// SQS API reference, GetQueueAttributes), so the front believes of it only what was not its own at any moment that SQS may
    /// speak of.
    pub fn unanswered(&self) -> (u64, u64) {
        let all = self.all_unanswered();
        let taken = self.in_flight.min(all);
        (all - taken, taken)
    }

    /// How many there are, taken or not.
    pub fn all_unanswered(&self) -> u64 {
        // A front of an earlier version does not say `open`: at least those that clients wait for are.
        let waited_for = self.accepted.saturating_sub(self.answered).saturating_sub(self.failed);
        self.open.max(waited_for).saturating_add(self.inherited)
    }

    /// Whether nothing is without an answer, and nothing may be: what rest begins with. A rule starts nobody for what only may be.
    pub fn is_empty(&self) -> bool {
        self.all_unanswered() + self.unclear == 0 && !self.is_uncounted
    }
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_since_an_earlier_count_are_never_negative() {
        let (earlier, now) =
            (QueueCalls { sqs: 7, s3_puts: 2, s3_gets: 1 }, QueueCalls { sqs: 9, s3_puts: 2, s3_gets: 0 });
        let mut sum = now.since(earlier);
        assert_eq!(sum, QueueCalls { sqs: 2, ..QueueCalls::default() });
        sum += earlier;
        assert_eq!(sum, QueueCalls { sqs: 9, s3_puts: 2, s3_gets: 1 });
    }

    #[test]
    fn counts_of_sqs_from_a_minute_ago_add_nothing() {
        let status =
            |open, waiting, in_flight| QueueStatus { open, waiting, in_flight, ..QueueStatus::default() }.unanswered();
        assert_eq!(status(0, 18, 2), (0, 0), "all are answered, whatever is said of a moment ago");
        assert_eq!(status(100, 0, 0), (100, 0), "nothing is said of them yet");
        assert_eq!(status(40, 18, 4), (36, 4));
    }

    #[test]
    fn what_clients_gave_up_and_what_was_inherited_has_no_answer_either() {
        let status =
            QueueStatus { accepted: 5, failed: 5, open: 5, inherited: 2, in_flight: 1, ..QueueStatus::default() };
        assert_eq!((status.unanswered(), status.all_unanswered(), status.is_empty()), ((6, 1), 7, false));
        let unclear = QueueStatus { waiting: 3, unclear: 3, ..QueueStatus::default() };
        assert_eq!(
            (unclear.all_unanswered(), unclear.is_empty()),
            (0, false),
            "nobody is started for it, and it is no rest"
        );
        let answered = QueueStatus { accepted: 5, answered: 5, ..QueueStatus::default() };
        assert!(answered.is_empty());
        assert!(!QueueStatus { is_uncounted: true, ..answered }.is_empty(), "nobody has looked into the queue");
    }
}
