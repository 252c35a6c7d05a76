//! The queues of a cluster, as the front between clients and workers sees them.

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
    /// Age of the oldest request that is not answered, in milliseconds. 0: all are answered.
    pub oldest_millis: u64,
    /// Requests that were accepted in each of the last six stretches of ten seconds, the newest last.
    pub arrivals: Vec<u64>,
    /// Mean time that the program took for the last 50 answers, in microseconds. Absent: there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_micros: Option<u64>,
    /// Workers that take requests.
    pub running: u64,
}

impl QueueStatus {
    /// Requests without an answer: those that no worker has taken, and those that one has. How many there are is the front's
    /// own count; how they divide is SQS's.
    pub fn unanswered(&self) -> (u64, u64) {
        let open = self.accepted.saturating_sub(self.outputs);
        let taken = self.in_flight.min(open);
        (open - taken, taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_sqs_from_a_minute_ago_add_nothing() {
        let status = |accepted, outputs, waiting, in_flight| {
            QueueStatus { accepted, outputs, waiting, in_flight, ..QueueStatus::default() }.unanswered()
        };
        assert_eq!(status(100, 100, 18, 2), (0, 0), "all are answered, whatever is said of a moment ago");
        assert_eq!(status(100, 0, 0, 0), (100, 0), "nothing is said of them yet");
        assert_eq!(status(100, 60, 18, 4), (36, 4));
        assert_eq!(status(5, 6, 1, 1), (0, 0), "a request that was given up before it was known to be sent");
    }
}
