//! The Price List.

use serde::{Deserialize, Serialize};

/// What of the Price List is not as one would like it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Pricing {
    /// Products that the filters should have left out are in every answer: dedicated, hosts, reservations, nothing, other
    /// regions and currencies.
    pub decoys: bool,
    /// Two products pass every filter, with different prices.
    pub several: bool,
    /// No type is listed.
    pub unlisted: bool,
}
