//! Series of a run: what the generator sent and what was answered, by second and by UTC minute.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The course of the load on one cluster, from the generator's own counts.
///
/// Warm-up, voided rounds and unfinished ones are in it, because whoever counts on the way (CloudWatch) cannot tell them
/// apart. `spans` say which second belongs to what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Series {
    /// Name of the cluster.
    pub cluster: String,
    /// Members that serve it at the same time. 0: not known.
    #[serde(default)]
    pub members: u32,
    /// Requests whose first byte was sent, all of them: those of warm-up, voided and unfinished rounds as well.
    pub sent: u64,
    /// Begin of a UTC minute: step 0 of all columns, and millisecond 0 of all spans.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub start: Timestamp,
    /// Steps of one second. Absent: left out, because the report was too long, or because a part of the run lacks them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<Columns>,
    /// Steps of one UTC minute. Absent: as with `seconds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<Columns>,
    /// What the front said of the cluster's queue. Absent: it is behind none, several generators measured it, or it was left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueColumns>,
    /// Warm-ups, rounds and pauses, each in the order of time. Empty: left out, because the report was too long.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spans: Vec<Span>,
}

/// A queue over time: columns of equal length, a value for each look at it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct QueueColumns {
    /// When it was looked at, in milliseconds from `start`, ascending.
    pub at_millis: Vec<u64>,
    /// Requests without an answer that no worker has taken.
    pub waiting: Vec<u64>,
    /// Requests without an answer that a worker has taken.
    pub taken: Vec<u64>,
    /// Workers that take requests.
    pub running: Vec<u64>,
    /// Instances on their way to be such. Empty: their number is fixed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub starting: Vec<u64>,
}

/// Columns of equal length, a value for each step in which load was on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Columns {
    /// Length of a step: 1 or 60.
    pub step_seconds: u32,
    /// Numbers of the steps, counted from `start`, ascending. A step that is not here is a gap: nothing was sent. One that is
    /// here with 0 answers is one in which nobody answered.
    pub at: Vec<u32>,
    /// Requests whose first byte was sent in this step.
    pub sent: Vec<u64>,
    /// Requests whose good answer was whole in this step.
    pub answered: Vec<u64>,
    /// Requests that failed in this step. Empty: none in any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<u64>,
    /// Requests that were still open when their load ended, in this step. Empty: none in any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open_at_end: Vec<u64>,
    /// Time of this step that load was on; with several generators that of the one that sent longest.
    pub load_micros: Vec<u64>,
    /// Mean time of the requests answered in this step, from their planned start. `null`: none was.
    pub mean_micros: Vec<Option<u64>>,
    /// Median of the same. `null`: none was answered, or several generators' answers are in this step: quantiles cannot be
    /// added up.
    pub p50_micros: Vec<Option<u64>>,
    /// 99th percentile of the same.
    pub p99_micros: Vec<Option<u64>>,
    /// Whole answers by member, failures among them, where answers name it. By minute only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<MemberColumn>,
}

/// Answers of one member.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberColumn {
    /// Empty: answers that did not name their member.
    pub id: String,
    /// Whole answers in each step.
    pub answers: Vec<u64>,
}

/// One step of all columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Number of the step.
    pub at: u32,
    /// Requests sent.
    pub sent: u64,
    /// Requests answered.
    pub answered: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Requests still open at the end.
    pub open_at_end: u64,
    /// Time that load was on.
    pub load_micros: u64,
    /// Mean time of the answers.
    pub mean_micros: Option<u64>,
    /// Median time of the answers.
    pub p50_micros: Option<u64>,
    /// 99th percentile of the time of the answers.
    pub p99_micros: Option<u64>,
}

impl Columns {
    /// Columns of these steps, which ascend.
    pub fn of(step_seconds: u32, rows: impl IntoIterator<Item = Row>) -> Self {
        let mut columns = Self { step_seconds, ..Self::default() };
        for row in rows {
            columns.at.push(row.at);
            columns.sent.push(row.sent);
            columns.answered.push(row.answered);
            columns.failed.push(row.failed);
            columns.open_at_end.push(row.open_at_end);
            columns.load_micros.push(row.load_micros);
            columns.mean_micros.push(row.mean_micros);
            columns.p50_micros.push(row.p50_micros);
            columns.p99_micros.push(row.p99_micros);
        }
        for column in [&mut columns.failed, &mut columns.open_at_end] {
            if column.iter().all(|count| *count == 0) {
                column.clear();
            }
        }
        columns
    }

    /// The steps one by one. A value that a column lacks is 0, or absent.
    pub fn rows(&self) -> impl Iterator<Item = Row> {
        let count = |column: &[u64], index: usize| column.get(index).copied().unwrap_or(0);
        let time = |column: &[Option<u64>], index: usize| column.get(index).copied().flatten();
        self.at.iter().enumerate().map(move |(index, at)| Row {
            at: *at,
            sent: count(&self.sent, index),
            answered: count(&self.answered, index),
            failed: count(&self.failed, index),
            open_at_end: count(&self.open_at_end, index),
            load_micros: count(&self.load_micros, index),
            mean_micros: time(&self.mean_micros, index),
            p50_micros: time(&self.p50_micros, index),
            p99_micros: time(&self.p99_micros, index),
        })
    }
}

/// A stretch of time on one cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    /// What was on.
    pub kind: SpanKind,
    /// Number of the round that it belongs to. 0: of none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub round: u32,
    /// Place of that round in the report's `rounds`, from 0: voided rounds have the number of the one that repeats them.
    /// Absent: it is not among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// When it began, in milliseconds from `start`.
    pub from_millis: u64,
    /// When it ended.
    pub to_millis: u64,
    /// Requests whose first byte was sent. In a pause: 0, as all counts.
    #[serde(default, skip_serializing_if = "is_none_sent")]
    pub sent: u64,
    /// Requests with a good answer.
    #[serde(default, skip_serializing_if = "is_none_sent")]
    pub answered: u64,
    /// Requests that failed.
    #[serde(default, skip_serializing_if = "is_none_sent")]
    pub failed: u64,
    /// Requests that were still open at its end.
    #[serde(default, skip_serializing_if = "is_none_sent")]
    pub open_at_end: u64,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn is_none_sent(number: &u64) -> bool {
    *number == 0
}

/// What was on in a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum SpanKind {
    /// Load that counts nowhere.
    WarmUp,
    /// The load of one round that counts, pauses within it included.
    Counted,
    /// The same of a round that was voided.
    Voided,
    /// The same of a round that the end of the run cut.
    #[default]
    Unfinished,
    /// No load, as the round asks for.
    Pause,
}
