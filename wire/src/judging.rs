//! Rules of judging a run: when it is looked at, what is compared, what is asked of the result.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Metric, Threshold};

/// Counted rounds after which [`Looks::Auto`] looks at a run. A gap of 10 % mostly ends at the first look, one of 5 % at
/// the second.
pub const AUTO_LOOKS: [u32; 3] = [10, 20, 40];

/// Last of [`AUTO_LOOKS`]: a run that decides itself measures no more rounds.
pub const AUTO_ROUNDS: u32 = AUTO_LOOKS[AUTO_LOOKS.len() - 1];

/// Rules by which the rounds are judged, and by which there are enough of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Judging {
    /// When the rounds are looked at.
    pub looks: Looks,
    /// Metric of the headline.
    pub metric: Metric,
    /// Clusters that are compared with each other.
    pub pairs: Pairs,
    /// Gap in percent that the report says the needed rounds for.
    pub gap_percent: u32,
    /// Limits on the result; the report has the outcome of each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<Threshold>,
}

impl Default for Judging {
    fn default() -> Self {
        let (looks, metric, pairs) = (Looks::default(), Metric::default(), Pairs::default());
        Self { looks, metric, pairs, gap_percent: 5, thresholds: Vec::new() }
    }
}

impl Judging {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// When the rounds are looked at, and the run may end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Looks {
    /// Once, after `rounds.count` rounds, a number that was fixed before.
    #[default]
    AtTheEnd,
    /// After 10, 20 and 40 rounds, whichever decides first; never more than `rounds.count`.
    Auto,
}

/// Clusters that are compared. Every comparison more costs power: all are corrected together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Pairs {
    /// Each cluster with the first.
    #[default]
    AgainstFirst,
    /// Each cluster with each other.
    All,
}
