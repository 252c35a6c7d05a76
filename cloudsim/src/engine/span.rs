//! Lengths of time that are drawn each time they are needed.

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::random::Stream;

/// A length of time, drawn evenly from `least..=most` each time it is needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Span {
    pub least_millis: u64,
    pub most_millis: u64,
}

impl Span {
    pub const NONE: Self = Self { least_millis: 0, most_millis: 0 };

    pub const fn seconds(least: u64, most: u64) -> Self {
        Self { least_millis: least * 1000, most_millis: most * 1000 }
    }

    /// The longest it can be.
    pub const fn most(self) -> u64 {
        if self.most_millis > self.least_millis { self.most_millis } else { self.least_millis }
    }

    pub(crate) fn draw(self, random: &mut Stream) -> u64 {
        random.random_range(self.least_millis..=self.most())
    }
}
