//! Ways of a cluster over the rounds that count: what a search found of it. Pure.

use wire::{AloneReport, CapacityOutcome, ClusterReport, LiveCapacity, RoundReport, Way, WayOutcome};

use crate::launches::{Launches, OfCluster};
use crate::metric::capacity;
use crate::rounds::{counted, counted_of};

/// Rounds that ended at a bound from which on a cluster is known by its bound alone. One is a bad moment of the generator.
const BOUNDS: usize = 2;

/// Whether so many rounds ended at a bound that further ones would show the same. `kept`: the highest rate that each of them
/// kept; `found`: the capacities of the others.
pub fn is_bounded(found: &[u64], kept: &[Option<u64>]) -> bool {
    let is_disturbed = disturbed(found, kept);
    kept.iter().filter(|kept| !is_disturbed(**kept)).count() >= BOUNDS
}

/// Says of a round that ended at this rate whether it tells nothing of the target: it ended below what the others found, and
/// such rounds are few beside those. Many are a limit, and what was found above it is chance.
fn disturbed(found: &[u64], kept: &[Option<u64>]) -> impl Fn(Option<u64>) -> bool + use<> {
    let usual = median(found.to_vec());
    let is_low = move |kept: Option<u64>| usual.is_some_and(|usual| kept.is_none_or(|kept| kept < usual));
    let are_few = 2 * kept.iter().filter(|kept| is_low(**kept)).count() <= found.len();
    move |kept| are_few && is_low(kept)
}

/// What all rounds together found of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Most rounds found its capacity.
    Capacity {
        /// Rounds in which no rate was kept.
        nothing: u32,
    },
    /// Some rounds found only that it is no lower than a rate.
    AtLeast {
        /// Median of what all rounds found, in thousandths of a request a second: as some found only a lower bound, it is one. `None`:
        /// no rate was sent as planned and kept.
        milli_rps: Option<u64>,
        /// Why no higher one was.
        reason: String,
    },
    /// No rate is kept: in no launch, or in half of the rounds or more.
    Unmet,
    /// Some launches kept no rate, and others did: no number is that of them all.
    Unlike(OfCluster),
}

impl Found {
    /// `launches`: what each of them found for itself, if there were several.
    pub(crate) fn of(rounds: &[RoundReport], name: &str, launches: &Launches) -> Self {
        if launches.are_unmet(name) {
            return Self::Unmet;
        }
        if let Some(launches) = launches.unlike(name) {
            return Self::Unlike(launches.clone());
        }
        let (mut found, mut bounds, mut nothing, mut all) = (Vec::new(), Vec::new(), 0, 0);
        // What one launch found says nothing of the instances of another.
        for of_launch in rounds.chunk_by(|one, next| one.launch == next.launch) {
            let ways: Vec<&Way> = counted_of(of_launch, name).filter_map(|cluster| cluster.way.as_ref()).collect();
            let of = |outcome: WayOutcome| ways.iter().copied().filter(move |way| way.outcome == outcome);
            let found_here: Vec<u64> = of(WayOutcome::Found).filter_map(|way| way.capacity_milli_rps).collect();
            let kept: Vec<Option<u64>> = of(WayOutcome::AtLeast).map(|way| way.capacity_milli_rps).collect();
            let is_disturbed = disturbed(&found_here, &kept);
            bounds.extend(of(WayOutcome::AtLeast).filter(|way| !is_disturbed(way.capacity_milli_rps)));
            found.extend(found_here);
            nothing += of(WayOutcome::Nothing).count();
            all += ways.len();
        }
        if all <= 2 * nothing {
            return Self::Unmet;
        }
        match bounds.iter().max_by_key(|way| way.capacity_milli_rps) {
            Some(highest) if bounds.len() >= BOUNDS || found.is_empty() => {
                let kept = bounds.iter().filter_map(|way| way.capacity_milli_rps);
                let known: Vec<u64> = found.into_iter().chain(kept).chain(std::iter::repeat_n(0, nothing)).collect();
                // In half of them or more nothing was kept.
                let is_none = known.len() <= 2 * nothing;
                let milli_rps = median(known).filter(|_| !is_none);
                Self::AtLeast { milli_rps, reason: highest.reason.clone() }
            }
            _ => Self::Capacity { nothing: u32::try_from(nothing).unwrap_or(u32::MAX) },
        }
    }

    /// Whether a round of this way tells nothing: its bound is one alone, among rounds that found a capacity.
    pub(crate) fn leaves_out(&self, way: &Way) -> bool {
        matches!(self, Self::Capacity { .. }) && way.outcome == WayOutcome::AtLeast
    }
}

/// Capacities that the rounds of a cluster found, as logarithms of requests a second, with the launch of each. These are its own
/// rounds: another cluster may be in fewer of them, because its search ended earlier.
pub(crate) fn capacities(rounds: &[RoundReport], name: &str) -> Vec<(u32, f64)> {
    let of_cluster = counted(rounds).flat_map(|round| round.clusters.iter().map(|cluster| (round.launch, cluster)));
    let of_it = of_cluster.filter(|(_, cluster)| cluster.cluster == name);
    of_it.filter_map(|(launch, cluster)| Some((launch, capacity(cluster)?.ln()))).collect()
}

/// What a search knows of a cluster while it is on, from the rounds that are finished: what the report would say of it,
/// with the plain median, and without any statement about chance. `alone`: what one request at a time showed, if it was
/// asked.
pub fn capacity_so_far(rounds: &[RoundReport], name: &str, alone: Option<&AloneReport>) -> LiveCapacity {
    let ways: Vec<&Way> = counted_of(rounds, name).filter_map(|cluster| cluster.way.as_ref()).collect();
    let known = |outcome, milli_rps, of: WayOutcome| {
        let rounds = ways.iter().filter(|way| way.outcome == of).count();
        LiveCapacity { outcome, milli_rps, rounds: u32::try_from(rounds).unwrap_or(u32::MAX) }
    };
    if alone.is_some_and(|alone| alone.is_unmet) {
        return known(CapacityOutcome::Unmet, None, WayOutcome::Nothing);
    }
    if ways.is_empty() {
        return LiveCapacity::default();
    }
    match Found::of(rounds, name, &Launches::default()) {
        // While a search is on it is one launch.
        Found::Unmet | Found::Unlike(_) => known(CapacityOutcome::Unmet, None, WayOutcome::Nothing),
        Found::AtLeast { milli_rps, .. } => known(CapacityOutcome::AtLeast, milli_rps, WayOutcome::AtLeast),
        Found::Capacity { .. } => {
            let found = ways.iter().filter(|way| way.outcome == WayOutcome::Found);
            let median = median(found.filter_map(|way| way.capacity_milli_rps).collect());
            known(CapacityOutcome::Found, median, WayOutcome::Found)
        }
    }
}

/// `None`: there are no numbers.
fn median(mut numbers: Vec<u64>) -> Option<u64> {
    numbers.sort_unstable();
    let (lower, upper) = (numbers.len().checked_sub(1)? / 2, numbers.len() / 2);
    Some(numbers.get(lower)?.midpoint(*numbers.get(upper)?))
}

/// CPU time of the balancer from which on it is no longer told from what is behind it, in thousandths.
const BALANCER_BUSY_PER_MILLE: u32 = 850;

/// How busy the balancer was at the crossings of these rounds, their median in thousandths. `None`: it had room, or nobody knows.
pub(crate) fn balancer_busy<'a>(reports: impl Iterator<Item = &'a ClusterReport>) -> Option<u32> {
    let ways = reports.filter_map(|report| report.way.as_ref());
    let mut busy: Vec<u32> = ways.filter_map(|way| way.balancer_busy_per_mille).collect();
    busy.sort_unstable();
    busy.get(busy.len() / 2).copied().filter(|median| *median > BALANCER_BUSY_PER_MILLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(ways: &[(WayOutcome, Option<u64>)]) -> Vec<RoundReport> {
        let round = |(number, (outcome, capacity_milli_rps)): (u32, &(WayOutcome, Option<u64>))| {
            let way = Way {
                outcome: *outcome,
                capacity_milli_rps: *capacity_milli_rps,
                reason: format!("reason {number}"),
                balancer_busy_per_mille: Some(800 + 20 * number),
                ..Way::default()
            };
            let cluster = ClusterReport { cluster: "a".into(), way: Some(way), ..ClusterReport::default() };
            RoundReport::counted(number, u64::from(number), vec![cluster])
        };
        (1..).zip(ways).map(round).collect()
    }

    #[test]
    fn one_bound_among_capacities_is_a_bad_moment_and_two_are_all_that_is_known() {
        use WayOutcome::{AtLeast, Found as Capacity, Nothing};
        let found = |ways: &[(WayOutcome, Option<u64>)]| Found::of(&rounds(ways), "a", &Launches::default());
        let (capacity, bound) = ((Capacity, Some(700_000)), (AtLeast, Some(900_000)));
        assert_eq!(found(&[capacity, bound, capacity]), Found::Capacity { nothing: 0 });
        let at_least = |milli: u64| Found::AtLeast { milli_rps: Some(milli), reason: "reason 1".into() };
        let both = [bound, (AtLeast, Some(800_000)), capacity, capacity];
        assert_eq!(found(&both), at_least(750_000), "the median is no lower than that of 700, 700, 800 and 900");
        assert_eq!(found(&[bound]), at_least(900_000));
        assert_eq!(
            found(&[(AtLeast, Some(850_000)), bound, (Nothing, None)]),
            Found::AtLeast { milli_rps: Some(850_000), reason: "reason 2".into() }
        );
        let below = (AtLeast, Some(600_000));
        let few = [below, capacity, capacity, capacity, capacity, (AtLeast, None)];
        assert_eq!(found(&few), Found::Capacity { nothing: 0 }, "only disturbed");
        let odd = (Capacity, Some(2_000_000));
        let many = Found::AtLeast { milli_rps: Some(600_000), reason: "reason 4".into() };
        assert_eq!(found(&[odd, below, below, below]), many, "one odd round does not make them disturbed");
        assert_eq!(
            found(&[odd, below, (AtLeast, None), (Nothing, None)]),
            Found::AtLeast { milli_rps: Some(600_000), reason: "reason 2".into() }
        );
        let unknown = |number: u32| Found::AtLeast { milli_rps: None, reason: format!("reason {number}") };
        assert_eq!(found(&[(AtLeast, None), (AtLeast, None), (Nothing, None)]), unknown(2));
        assert_eq!(found(&[(AtLeast, None), bound, (Nothing, None)]), unknown(2));
        let mut launches = rounds(&[capacity, capacity, capacity, capacity, below, below]);
        launches[4..].iter_mut().for_each(|round| round.launch = 2);
        let both = Found::of(&launches, "a", &Launches::default());
        assert_eq!(
            both,
            Found::AtLeast { milli_rps: Some(700_000), reason: "reason 6".into() },
            "the second found no more"
        );
        assert_eq!(found(&[below, below]), Found::AtLeast { milli_rps: Some(600_000), reason: "reason 2".into() });
        let unsent = Found::AtLeast { milli_rps: None, reason: "reason 2".into() };
        assert_eq!(found(&[(AtLeast, None), (AtLeast, None)]), unsent, "nothing could be sent as planned");
        assert_eq!(found(&[capacity, capacity, (Nothing, None)]), Found::Capacity { nothing: 1 });
        assert_eq!(found(&[capacity, (Nothing, None)]), Found::Unmet);
        assert_eq!(found(&[bound, bound, (Nothing, None), (Nothing, None)]), Found::Unmet);
        assert_eq!(found(&[]), Found::Unmet);
        let other = Found::of(&rounds(&[capacity]), "b", &Launches::default());
        assert_eq!(other, Found::Unmet, "it has no ways");
    }

    #[test]
    fn launches_that_are_unlike_have_no_number_and_launches_that_are_all_unmet_have_none_either() {
        use wire::CapacityReport;
        let rounds = rounds(&[(WayOutcome::Found, Some(700_000)), (WayOutcome::Found, Some(741_000))]);
        let unmet = CapacityReport { outcome: CapacityOutcome::Unmet, ..CapacityReport::default() };
        let found = CapacityReport { milli_rps: Some(720_000), ..CapacityReport::default() };
        let of = |all: &[&CapacityReport]| {
            let mut launches = Launches::default();
            all.iter().for_each(|found| launches.add("a", found, false));
            Found::of(&rounds, "a", &launches)
        };
        assert_eq!(of(&[&found, &found]), Found::Capacity { nothing: 0 });
        let unlike = OfCluster { known: 2, unmet: 1, reason: String::new() };
        assert_eq!(of(&[&found, &unmet]), Found::Unlike(unlike));
        assert_eq!(of(&[&unmet, &unmet]), Found::Unmet);
    }

    #[test]
    fn while_a_search_is_on_the_median_of_its_finished_rounds_is_known() {
        use WayOutcome::{AtLeast, Found as Capacity, Nothing};
        let known = |ways: &[(WayOutcome, Option<u64>)]| {
            let known = capacity_so_far(&rounds(ways), "a", Some(&AloneReport::default()));
            (known.outcome, known.milli_rps, known.rounds)
        };
        let of = |milli: u64| (Capacity, Some(milli));
        assert_eq!(known(&[]), (CapacityOutcome::Found, None, 0), "nothing yet");
        assert_eq!(known(&[of(700_000)]), (CapacityOutcome::Found, Some(700_000), 1));
        assert_eq!(known(&[of(700_000), of(741_000)]), (CapacityOutcome::Found, Some(720_500), 2));
        let (bound, far) = ((AtLeast, Some(900_000)), of(9_000_000));
        assert_eq!(known(&[far, bound, of(741_000), of(700_000)]), (CapacityOutcome::Found, Some(741_000), 3));
        assert_eq!(known(&[bound, (AtLeast, None)]), (CapacityOutcome::AtLeast, Some(900_000), 2));
        assert!(
            is_bounded(&[], &[None, Some(900_000)])
                && !is_bounded(&[950_000; 4], &[None, Some(900_000), Some(960_000)])
        );
        assert_eq!(known(&[(Nothing, None)]), (CapacityOutcome::Unmet, None, 1));
        let unmet = AloneReport { is_unmet: true, ..AloneReport::default() };
        let alone = capacity_so_far(&[], "a", Some(&unmet));
        assert_eq!((alone.outcome, alone.milli_rps, alone.rounds), (CapacityOutcome::Unmet, None, 0));
        let mut voided = rounds(&[of(700_000)]);
        voided[0].outcome = wire::RoundOutcome::Voided;
        assert_eq!(capacity_so_far(&voided, "a", None), LiveCapacity::default(), "a round that does not count");
    }

    #[test]
    fn the_balancer_is_said_to_be_busy_where_half_of_the_crossings_had_no_room() {
        let busy = |count: usize| {
            let rounds = rounds(&vec![(WayOutcome::Found, Some(1)); count]);
            balancer_busy(rounds.iter().flat_map(|round| &round.clusters))
        };
        assert_eq!((busy(0), busy(3), busy(6)), (None, None, Some(880)));
    }
}
