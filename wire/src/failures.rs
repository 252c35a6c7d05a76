//! Requests without a good answer, by what went wrong.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Requests without a good answer, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failures {
    /// No connection.
    pub connect: u64,
    /// The connection was reset by the other side.
    #[serde(default)]
    pub reset: u64,
    /// No answer within the time limit.
    pub timeout: u64,
    /// The connection ended or broke the protocol before the answer was whole.
    pub broken: u64,
    /// An answer of 4xx.
    pub client_error: u64,
    /// An answer of 5xx.
    pub server_error: u64,
    /// A good status with an answer that is not the right one: another cluster's, or not the expected body.
    #[serde(default)]
    pub wrong_answer: u64,
}

impl Failures {
    /// Requests of all kinds together.
    pub fn total(&self) -> u64 {
        self.kinds().iter().map(|(_, count)| count).sum()
    }

    /// Adds the counts of `other`.
    pub fn add(&mut self, other: &Failures) {
        self.connect += other.connect;
        self.reset += other.reset;
        self.timeout += other.timeout;
        self.broken += other.broken;
        self.client_error += other.client_error;
        self.server_error += other.server_error;
        self.wrong_answer += other.wrong_answer;
    }

    /// Every kind with its name for people.
    pub fn kinds(&self) -> [(&'static str, u64); 7] {
        [
            ("connect", self.connect),
            ("reset", self.reset),
            ("timeout", self.timeout),
            ("broken", self.broken),
            ("4xx", self.client_error),
            ("5xx", self.server_error),
            ("wrong answer", self.wrong_answer),
        ]
    }
}

/// The status of all answers that were no good ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum FailedStatus {
    /// There was no such answer.
    #[default]
    None,
    /// All had this one.
    Each(u16),
    /// There were different ones.
    Several,
}

impl FailedStatus {
    /// Status of both together.
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::None, one) | (one, Self::None) => one,
            (one, same) if one == same => one,
            _ => Self::Several,
        }
    }

    /// Whether there was no such answer.
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }
}
