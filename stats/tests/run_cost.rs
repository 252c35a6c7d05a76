//! The cost of a run: all that was paid while it was on, with the side on which the truth is.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use jiff::SignedDuration;
use support::sample::material;
use wire::{ClusterFacts, CostPart, CreditMode, Credits, Paid, Price, Report, RunCost};

/// A run of an hour, of two clusters with a price behind a balancer.
fn priced(change: impl FnOnce(&mut stats::Material)) -> Report {
    let mut material = material(2, 6, 200);
    material.finished_at = material.started_at + SignedDuration::from_hours(1);
    let of_cluster = |name: &str, hourly: u64| ClusterFacts {
        cluster: name.into(),
        instance_type: "c7g.large".into(),
        vcpus: 2,
        price: Some(Price { instances: 2, instance_usd_micros: hourly, extras_usd_micros: 1_000, ..Price::default() }),
        ..ClusterFacts::default()
    };
    material.spec.facts.clusters = vec![of_cluster("cluster1", 77_000), of_cluster("cluster2", 99_000)];
    material.environment.clusters = Vec::new();
    material.spec.facts.beside =
        vec![Paid { what: "balancer".into(), hourly_usd_micros: Some(85_000), ..Paid::default() }];
    for cluster in material.rounds.iter_mut().flat_map(|round| &mut round.clusters) {
        (cluster.hourly_usd_micros, cluster.surplus_per_mille) = (None, None);
    }
    change(&mut material);
    stats::report(material).unwrap()
}

fn cost(change: impl FnOnce(&mut stats::Material)) -> RunCost {
    priced(change).cost.unwrap()
}

#[test]
fn instances_and_what_serves_all_of_them_are_paid_for_the_time_of_the_run() {
    let cost = cost(|_| {});
    let part = |what: &str, usd_micros| CostPart { what: what.into(), usd_micros };
    let parts = vec![part("cluster1", 156_000), part("cluster2", 200_000), part("balancer", 85_000)];
    assert_eq!(cost, RunCost { usd_micros: 441_000, is_at_most: false, unpriced: vec![], seconds: 3_600, parts });
}

#[test]
fn surplus_credits_make_it_an_upper_bound() {
    let unlimited = |material: &mut stats::Material| {
        let facts = &mut material.spec.facts.clusters[0];
        facts.credits = Some(Credits { mode: CreditMode::Unlimited, baseline_per_mille: 300 });
        facts.price.as_mut().unwrap().surplus_usd_micros = Some(50_000);
    };
    // Nobody said how busy they are: always.
    let silent = cost(unlimited);
    assert_eq!((silent.parts[0].usd_micros, silent.is_at_most), (156_000 + 140_000, true));
    let measured = cost(|material| {
        unlimited(material);
        for cluster in material.rounds.iter_mut().flat_map(|round| &mut round.clusters) {
            cluster.surplus_per_mille = (cluster.cluster == "cluster1").then_some(400);
        }
    });
    assert_eq!((measured.parts[0].usd_micros, measured.is_at_most), (156_000 + 20_000, true));
}

#[test]
fn what_has_no_price_is_named_and_is_not_nothing() {
    let lacking = cost(|material| {
        material.spec.facts.clusters[1].price = None;
        material.spec.facts.beside[0] =
            Paid { what: "balancer".into(), instance_type: "x9.huge".into(), ..Paid::default() };
    });
    assert_eq!((lacking.usd_micros, lacking.unpriced), (156_000, vec!["c7g.large".to_owned(), "x9.huge".to_owned()]));
    let untold = priced(|material| *material.spec.facts = wire::Facts::default());
    assert_eq!(untold.cost, None, "a generator that was started by hand");
}

#[test]
fn launches_are_added_up_without_the_time_between_them() {
    let first = priced(|_| {});
    let mut second = priced(|material| material.spec.facts.clusters[1].price = None);
    let later = SignedDuration::from_hours(5);
    (second.started_at, second.finished_at) = (second.started_at + later, second.finished_at + later);
    let cost = stats::join_launches(&[first.clone(), second.clone()]).unwrap().cost.unwrap();
    assert_eq!((cost.seconds, cost.usd_micros), (7_200, 441_000 + 241_000));
    assert_eq!((cost.parts[0].usd_micros, cost.unpriced), (312_000, vec!["c7g.large".to_owned()]));
    second.cost = None;
    assert_eq!(stats::join_launches(&[first, second]).unwrap().cost, None, "of a former version");
}
