//! Launches of a search, of which some met its objective and others did not: instances of one type differ. Pure.

use std::collections::BTreeMap;

use wire::{CapacityOutcome, CapacityReport};

/// What the launches of a run found of its clusters, by name. Empty: it is one launch, or no search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Launches(BTreeMap<String, OfCluster>);

/// What they found of one cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OfCluster {
    /// Launches that found something: a capacity, a bound, or that no rate is kept.
    pub(crate) known: u32,
    /// Those of them that found that no rate is kept.
    pub(crate) unmet: u32,
    /// Why, in words, in the first of these.
    pub(crate) reason: String,
}

impl Launches {
    /// Takes in what one more launch found of a cluster. `has_kept`: it kept a rate in some round, also where no one number follows
    /// from them.
    pub(crate) fn add(&mut self, name: &str, found: &CapacityReport, has_kept: bool) {
        let is_unmet = found.outcome == CapacityOutcome::Unmet;
        if !is_unmet && found.milli_rps.is_none() && !has_kept {
            return;
        }
        let all = self.0.entry(name.to_owned()).or_default();
        all.known += 1;
        if is_unmet {
            if all.unmet == 0 {
                all.reason.clone_from(&found.reason);
            }
            all.unmet += 1;
        }
    }

    /// Whether no launch kept a rate, of those that found something.
    pub(crate) fn are_unmet(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|all| all.unmet == all.known)
    }

    /// `None`: the launches of this cluster are alike.
    pub(crate) fn unlike(&self, name: &str) -> Option<&OfCluster> {
        self.0.get(name).filter(|all| all.unmet > 0 && all.unmet < all.known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn launches_are_unlike_where_some_met_no_rate_and_all_unmet_where_none_did() {
        let unmet = |reason: &str| CapacityReport {
            outcome: CapacityOutcome::Unmet,
            reason: reason.into(),
            ..CapacityReport::default()
        };
        let found = CapacityReport { milli_rps: Some(741_000), ..CapacityReport::default() };
        let unknown = CapacityReport::default();
        let told = |all: &[(&CapacityReport, bool)]| {
            let mut launches = Launches::default();
            all.iter().for_each(|(found, has_kept)| launches.add("a", found, *has_kept));
            (launches.unlike("a").map(|all| (all.unmet, all.known, all.reason.clone())), launches.are_unmet("a"))
        };
        let of = |all: &[&CapacityReport]| told(&all.iter().map(|found| (*found, false)).collect::<Vec<_>>());
        let (first, second) = (unmet("first"), unmet("second"));
        assert_eq!(of(&[]), (None, false));
        assert_eq!(of(&[&unknown]), (None, false));
        assert_eq!(of(&[&found, &found]), (None, false));
        assert_eq!(of(&[&first, &unknown, &second]), (None, true), "what found nothing does not count");
        assert_eq!(of(&[&found, &first, &unknown, &second]), (Some((2, 3, "first".to_owned())), false));
        let mixed = told(&[(&first, false), (&unknown, true)]);
        assert_eq!(mixed, (Some((1, 2, "first".to_owned())), false), "it kept rates, at two speeds");
    }
}
