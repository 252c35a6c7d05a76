//! Cautions about a load balancer that grows and shrinks by itself: what has to be known before numbers that were measured
//! through it are quoted. They make no run invalid. Pure.

use std::collections::BTreeSet;

use wire::{ClusterReport, RoundOutcome, RoundReport, RunSpec};

use super::Material;
use super::share::share_per_mille;
use crate::numbers::tenths;
use crate::rounds::counted;

/// Load that a load balancer should have had before anything counts. It starts small and grows with its traffic, in steps
/// of minutes: AWS advised at most half as much again in five minutes ("Best practices in evaluating Elastic Load
/// Balancing").
const GROWN_AFTER_SECONDS: u64 = 300;
/// One of several addresses should not have more of the connections.
const MOST_OF_CONNECTIONS_PER_MILLE: u32 = 600;
/// Connections per address from which a share says something: one more or less is chance below.
const LEAST_PER_ADDRESS: u64 = 2;

/// Cautions of a run that is measured through a load balancer, in words; none of any other run.
pub(crate) fn cautions(material: &Material) -> Vec<String> {
    // Only what asks the members itself has something in front that nobody can ask.
    if material.spec.members.is_empty() {
        return Vec::new();
    }
    let (spec, rounds) = (&material.spec, &material.rounds);
    let mut cautions = moved(spec, rounds);
    cautions.extend(lopsided(rounds));
    cautions.extend(small(spec, rounds, material.warmup_load_millis));
    cautions
}

/// Names whose addresses were not the same in every round, each once: clusters behind one load balancer share its name.
fn moved(spec: &RunSpec, rounds: &[RoundReport]) -> Vec<String> {
    let mut sentences: Vec<String> = Vec::new();
    for target in &spec.targets {
        let of_round = rounds.iter().flat_map(|round| &round.clusters).filter(|one| one.cluster == target.cluster);
        let by_round: Vec<BTreeSet<&str>> = of_round
            .map(|cluster| cluster.addresses.iter().map(|one| one.address.as_str()).collect())
            .filter(|addresses: &BTreeSet<&str>| !addresses.is_empty())
            .collect();
        let (Some(first), Some(last)) = (by_round.first(), by_round.last()) else { continue };
        let all: BTreeSet<&str> = by_round.iter().flatten().copied().collect();
        let came: Vec<&str> = all.difference(first).copied().collect();
        let left: Vec<&str> = all.difference(last).copied().collect();
        let words = [(came, "came"), (left, "left")];
        let words = words.iter().filter(|(addresses, _)| !addresses.is_empty());
        let words: Vec<String> = words.map(|(addresses, what)| format!("{} {what}", addresses.join(", "))).collect();
        // Also one that was away for a while in between.
        if by_round.windows(2).all(|two| two[0] == two[1]) {
            continue;
        }
        let detail = if words.is_empty() { "some were away for a while".to_owned() } else { words.join("; ") };
        let sentence = format!(
            "the addresses of {} changed during the run ({detail}): the load balancer was being resized",
            authority(&target.url)
        );
        if !sentences.contains(&sentence) {
            sentences.push(sentence);
        }
    }
    sentences
}

fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or(rest)
}

/// Rounds in which one address had far more of the connections than its part, in one sentence for the worst.
fn lopsided(rounds: &[RoundReport]) -> Option<String> {
    let visits = counted(rounds).flat_map(|round| round.clusters.iter().map(|cluster| (round.round, cluster)));
    let skewed: Vec<(u32, &str, String, u32)> = visits
        .filter_map(|(round, cluster)| {
            let (address, share) = most_of_connections(cluster)?;
            (share > MOST_OF_CONNECTIONS_PER_MILLE).then_some((share, cluster.cluster.as_str(), address, round))
        })
        .collect();
    let (share, cluster, address, round) = skewed.iter().max_by_key(|(share, ..)| *share)?;
    let often: BTreeSet<u32> = skewed.iter().map(|(.., round)| *round).collect();
    let often = crate::numbers::rounds(often.len() as u32);
    Some(format!(
        "in {often} one address of the load balancer had more than {} of the connections ({address} {} for {cluster} in \
         round {round}): its nodes were not loaded alike",
        tenths(MOST_OF_CONNECTIONS_PER_MILLE),
        tenths(*share)
    ))
}

/// The address that most connections went to, with its share in thousandths, where there are enough of both to tell.
fn most_of_connections(cluster: &ClusterReport) -> Option<(String, u32)> {
    let addresses = &cluster.addresses;
    let all: u64 = addresses.iter().map(|one| one.connections).sum();
    if addresses.len() < 2 || all < LEAST_PER_ADDRESS * addresses.len() as u64 {
        return None;
    }
    let most = addresses.iter().max_by_key(|one| one.connections)?;
    Some((most.address.clone(), share_per_mille(most.connections, all)))
}

/// Too little load before the first round that counts.
fn small(spec: &RunSpec, rounds: &[RoundReport], warmup_load_millis: u64) -> Option<String> {
    let first = rounds.iter().position(|round| round.outcome == RoundOutcome::Counted)?;
    let voided = rounds[..first].iter().flat_map(|round| &round.clusters).map(|cluster| cluster.load_micros);
    let seconds = (warmup_load_millis + voided.sum::<u64>() / 1000) / 1000;
    let each = GROWN_AFTER_SECONDS.div_ceil(spec.targets.len().max(1) as u64);
    (seconds < GROWN_AFTER_SECONDS).then(|| {
        format!(
            "the load balancer had {seconds} s of load before the first round that counts, less than \
             {GROWN_AFTER_SECONDS} s: it grows with its load, so that the first rounds may have met a smaller one \
             (load.warmupSeconds: {each} gives it the time)"
        )
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;
    use wire::{AddressShare, RunMember, Target};

    use super::*;
    use crate::compare::rules::Rules;

    fn round(number: u32, outcome: RoundOutcome, addresses: &[(&str, u64)]) -> RoundReport {
        let share = |(address, connections): &(&str, u64)| AddressShare {
            address: (*address).into(),
            connections: *connections,
            ..AddressShare::default()
        };
        let cluster = |name: &str| ClusterReport {
            cluster: name.into(),
            load_micros: 10_000_000,
            addresses: addresses.iter().map(share).collect(),
            ..ClusterReport::default()
        };
        let clusters = vec![cluster("a"), cluster("b")];
        RoundReport { outcome, ..RoundReport::counted(number, u64::from(number), clusters) }
    }

    /// Cautions of counted rounds after five minutes of warm-up.
    fn of(rounds: &[&[(&str, u64)]]) -> Vec<String> {
        let rounds = (1..).zip(rounds).map(|(number, addresses)| round(number, RoundOutcome::Counted, addresses));
        cautions(&material(rounds.collect(), 300))
    }

    fn material(rounds: Vec<RoundReport>, warm_up_seconds: u64) -> Material {
        let member = |cluster: &str| RunMember {
            cluster: cluster.into(),
            id: format!("i-{cluster}"),
            address: "10.0.0.7:8080".into(),
        };
        let target = |name: &str| Target {
            cluster: name.into(),
            url: format!("http://lb.test:8080/{name}"),
            ..Target::default()
        };
        Material {
            spec: RunSpec {
                targets: vec![target("a"), target("b")],
                members: vec![member("a"), member("b")],
                ..RunSpec::default()
            },
            started_at: Timestamp::UNIX_EPOCH,
            finished_at: Timestamp::UNIX_EPOCH,
            environment: wire::Environment::default(),
            series: Vec::new(),
            rounds,
            planned_rounds: 1,
            alone: BTreeMap::new(),
            warmup_requests: BTreeMap::new(),
            warmup_load_millis: warm_up_seconds * 1000,
            phases: Vec::new(),
            elapsed_millis: 0,
            aborted: None,
            thresholds: Vec::new(),
            rules: Rules::default(),
        }
    }

    #[test]
    fn a_steady_and_even_load_balancer_gives_no_caution() {
        assert_eq!(of(&[&[("x", 5), ("y", 5)], &[("x", 6), ("y", 4)]]), [""; 0]);
        assert_eq!(of(&[&[("x", 9)], &[("x", 9)]]), [""; 0], "one address has everything");
        assert_eq!(of(&[&[("x", 3), ("y", 0)]]), [""; 0], "too few connections to tell");
    }

    #[test]
    fn addresses_that_changed_are_named_once() {
        let [caution] = &of(&[&[("x", 5), ("y", 5)], &[("y", 5), ("z", 5)]])[..] else { panic!("one") };
        assert_eq!(
            caution,
            "the addresses of lb.test:8080 changed during the run (z came; x left): the load balancer was being resized"
        );
        let [caution] = &of(&[&[("x", 1), ("y", 1)], &[("x", 1)], &[("x", 1), ("y", 1)]])[..] else { panic!("one") };
        assert!(caution.contains("(some were away for a while)"), "{caution}");
    }

    #[test]
    fn more_than_sixty_percent_of_the_connections_on_one_address_is_told() {
        let [caution] = &of(&[&[("x", 6), ("y", 4)], &[("x", 61), ("y", 39)], &[("x", 3), ("y", 1)]])[..] else {
            panic!("one")
        };
        assert!(caution.starts_with("in 2 rounds one address"), "{caution}");
        assert!(caution.contains("more than 60 % of the connections (x 75 % for"), "{caution}");
        assert!(caution.contains("in round 3)"), "{caution}");
    }

    #[test]
    fn too_little_load_before_the_first_round_that_counts_is_told_with_the_way_out() {
        let even: &[(&str, u64)] = &[("x", 1)];
        let counted = || round(1, RoundOutcome::Counted, even);
        let [caution] = &cautions(&material(vec![counted()], 12))[..] else { panic!("one") };
        assert!(caution.starts_with("the load balancer had 12 s of load before"), "{caution}");
        assert!(caution.contains("load.warmupSeconds: 150 "), "{caution}");
        // Rounds that were voided are load as well, of 20 s here.
        let voided = || round(1, RoundOutcome::Voided, even);
        assert_eq!(cautions(&material(vec![voided(), counted()], 280)), [""; 0]);
        assert_eq!(cautions(&material(vec![voided(), counted()], 279)).len(), 1);
        assert_eq!(cautions(&material(vec![voided()], 0)), [""; 0], "nothing counts");
        let mut through_our_balancer = material(vec![counted()], 0);
        through_our_balancer.spec.members.clear();
        assert_eq!(cautions(&through_our_balancer), [""; 0]);
    }
}
