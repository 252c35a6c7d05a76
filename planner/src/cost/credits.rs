//! CPU credits of burstable types.

use crate::ports::{Burstable, Credits, InstanceType};

/// What a vCPU of a size may use for ever, in thousandths of it: `(family, size, per mille)`, an empty family for all
/// that are not named.
///
/// AWS, "Key concepts for burstable performance instances", table of earned credits and baseline per vCPU. t2.xlarge and
/// t2.2xlarge are given there as 22.5 % and 17 %.
const BASELINES: &[(&str, &str, u32)] = &[
    ("t2", "nano", 50),
    ("t2", "micro", 100),
    ("t2", "small", 200),
    ("t2", "medium", 200),
    ("t2", "large", 300),
    ("t2", "xlarge", 225),
    ("t2", "2xlarge", 170),
    ("", "nano", 50),
    ("", "micro", 100),
    ("", "small", 200),
    ("", "medium", 200),
    ("", "large", 300),
    ("", "xlarge", 400),
    ("", "2xlarge", 400),
];

/// T2 without surplus, T3 and later as most people run them; never the account's default, which anybody can change.
pub(crate) fn credits(fact: &InstanceType) -> Option<Credits> {
    match (fact.burstable, fact.name.starts_with("t2.")) {
        (Burstable::No, _) => None,
        (Burstable::Yes, true) => Some(Credits::Standard),
        (Burstable::Yes, false) => Some(Credits::Unlimited),
    }
}

/// The same as a report says it. `None`: not burstable, or of a size that the table does not know.
pub(crate) fn described(fact: &InstanceType) -> Option<wire::Credits> {
    let mode = match credits(fact)? {
        Credits::Standard => wire::CreditMode::Standard,
        Credits::Unlimited => wire::CreditMode::Unlimited,
    };
    let (family, size) = fact.name.split_once('.')?;
    let is_this = |(of, name, _): &&(&str, &str, u32)| (*of == family || of.is_empty()) && *name == size;
    BASELINES.iter().find(is_this).map(|(_, _, per_mille)| wire::Credits { mode, baseline_per_mille: *per_mille })
}
