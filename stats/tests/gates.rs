//! Every gate with its value at the limit and just above it, and what is then said.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use std::cell::RefCell;

use stats::{Arrivals, Evidence, PhaseEvidence, judge, reasons};
use support::searched::P99;
use wire::{
    ClusterFacts, ClusterReport, Environment, FailedStatus, Failures, Gate, GateKind, GateOutcome, GeneratorFacts,
    GeneratorLimit, LimitHits, MemberFacts, Place, PlaceKind, RoundOutcome, RoundReport, RunSpec, Search, Speed,
    Target,
};

/// A run of 20 rounds that is at every limit and passes.
struct Case {
    planned: u32,
    run: RunSpec,
    is_step: bool,
    rounds: Vec<RoundReport>,
    clusters: Vec<ClusterReport>,
    environment: Environment,
    phases: Vec<PhaseEvidence>,
    arrivals: Arrivals,
    aborted: Option<&'static str>,
}

fn round(outcome: RoundOutcome, voided_by: &str) -> RoundReport {
    let mut round = support::round(1, outcome, &[("a", Some(1)), ("b", Some(1))]);
    round.voided_by = voided_by.to_owned();
    if outcome == RoundOutcome::Voided {
        round.reason = format!("i-1 of {voided_by} was lost");
    }
    round
}

fn at_every_limit() -> Case {
    let mut rounds = vec![round(RoundOutcome::Counted, ""); 20];
    rounds.extend([round(RoundOutcome::Voided, "a"), round(RoundOutcome::Voided, "a")]);
    let cluster = |name: &str| ClusterReport {
        cluster: name.into(),
        requests: 1_000,
        failures: Failures { timeout: 999, ..Failures::default() },
        steal_per_mille: Some(50),
        ..ClusterReport::default()
    };
    let member = MemberFacts {
        id: "i-7".into(),
        calibration_before_micros: Some(1_000_000),
        calibration_after_micros: Some(1_100_000),
        ..MemberFacts::default()
    };
    let target =
        |name: &str| Target { cluster: name.into(), url: format!("http://10.0.0.9:8080/{name}"), ..Target::default() };
    Case {
        planned: 20,
        run: RunSpec { targets: vec![target("a"), target("b")], ..RunSpec::default() },
        is_step: false,
        rounds,
        clusters: vec![cluster("a"), cluster("b")],
        environment: Environment {
            place: Place { kind: PlaceKind::Aws, ..Place::default() },
            generators: vec![GeneratorFacts {
                instance_id: "i-9".into(),
                cpu_per_mille: 800,
                steal_per_mille: 10,
                clock_step_millis: -800,
                ..GeneratorFacts::default()
            }],
            clusters: vec![ClusterFacts { cluster: "a".into(), members: vec![member], ..ClusterFacts::default() }],
            ..Environment::default()
        },
        phases: vec![PhaseEvidence {
            about: "a, phase 1".into(),
            planned: 10_000,
            sent: 9_950,
            send_lag_p99_micros: Some(500),
            service_p50_micros: Some(10_000),
            connections: 264,
            connections_needed: Some(65),
            connections_explained: 100,
            limits: Vec::new(),
        }],
        arrivals: Arrivals::Open,
        aborted: None,
    }
}

fn gates(change: impl FnOnce(&mut Case)) -> Vec<Gate> {
    let mut case = at_every_limit();
    change(&mut case);
    judge(&Evidence {
        planned_rounds: case.planned,
        run: &case.run,
        is_step: case.is_step,
        rounds: &case.rounds,
        clusters: &case.clusters,
        environment: &case.environment,
        phases: &case.phases,
        arrivals: case.arrivals,
        elapsed_millis: 600_000,
        aborted: case.aborted,
    })
}

/// The one gate that fails after `change`.
fn failed(change: impl FnOnce(&mut Case)) -> Gate {
    let gates = gates(change);
    let failed: Vec<&Gate> = gates.iter().filter(|gate| gate.outcome == GateOutcome::Failed).collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(reasons(&gates), [failed[0].reason.clone()]);
    failed[0].clone()
}

fn reason(change: impl FnOnce(&mut Case)) -> String {
    let gate = failed(change);
    format!("{:?} {} of {}: {}", gate.kind, gate.measured, gate.limit, gate.reason)
}

#[test]
fn a_run_at_every_limit_is_valid_and_every_gate_is_in_the_report() {
    let gates = gates(|_| ());
    assert_eq!(reasons(&gates), [] as [String; 0]);
    let kinds = RefCell::new(gates.iter().map(|gate| gate.kind).collect::<Vec<GateKind>>());
    kinds.borrow_mut().sort();
    kinds.borrow_mut().dedup();
    assert_eq!(kinds.borrow().len(), 13, "all but MixedSpeed, which is for burstable types: {kinds:?}");
    assert!(gates.iter().all(|gate| gate.reason.is_empty()));
}

#[test]
fn rounds() {
    insta::assert_snapshot!(reason(|case| { case.rounds.remove(0); }), @"Rounds 19 of 20: only 19 of 20 rounds could be measured");
    insta::assert_snapshot!(reason(|case| case.aborted = Some("stopped")), @"Rounds 20 of 20: stopped after 20 of 20 rounds");
    insta::assert_snapshot!(reason(|case| case.rounds.push(round(RoundOutcome::Voided, "b"))), @"Voids 3 of 2: 3 rounds were voided, more than 10 % of 20 (last: i-1 of b was lost)");
}

#[test]
fn voids_of_one_cluster_alone() {
    insta::assert_snapshot!(reason(|case| {
        case.planned = 40;
        case.rounds.splice(0..0, vec![round(RoundOutcome::Counted, ""); 20]);
        case.rounds.push(round(RoundOutcome::Voided, "a"));
    }), @"UnequalVoids 3 of 2: a voided 3 rounds and another cluster 0, a difference above 2: the rounds that are left are its better ones");
}

#[test]
fn load() {
    insta::assert_snapshot!(reason(|case| case.phases[0].sent = 9_949), @"Sent 994 of 995: a, phase 1: 9949 of 10000 planned requests were sent (99.4 %, at least 99.5 % must be): lower the rate, or give the generator more processors or connections");
    insta::assert_snapshot!(reason(|case| case.phases[0].send_lag_p99_micros = Some(501)), @"SendLag 501 of 500: a, phase 1: one request in a hundred was sent more than 501 us late, at most 500 us is allowed: give the generator a machine of its own, or lower the rate");
    insta::assert_snapshot!(reason(|case| case.phases[0].connections += 10), @"ConnectionChurn 11 of 10: a, phase 1: 274 connections were opened where 65 would do, 1.1 % of its requests met a new one that nobody announced, at most 1 % may: something closes kept connections without a word; --new-connections (request.connections: PerRequest) measures it with a new one for every request");
}

/// A step that was late or short ends its way. What is left is not judged again by what all steps together sent.
#[test]
fn what_was_sent_is_judged_of_each_step_and_not_of_the_whole_search() {
    let failed = |is_step: bool| {
        let gates = gates(|case| {
            case.run.search = Some(Search { objective: P99, most_requests_per_second: None, sizing: None });
            (case.is_step, case.phases[0].sent) = (is_step, 9_949);
            case.phases[0].send_lag_p99_micros = Some(501);
        });
        gates.into_iter().filter(|gate| gate.outcome == GateOutcome::Failed).map(|gate| gate.kind).collect::<Vec<_>>()
    };
    assert_eq!(failed(true), [GateKind::Sent, GateKind::SendLag]);
    assert_eq!(failed(false), [] as [GateKind; 0]);
}

/// One request is one too many, and every limit has its way out.
#[test]
fn limits_of_the_generator() {
    let met = |limit, requests| move |case: &mut Case| case.phases[0].limits.push(LimitHits { limit, requests });
    insta::assert_snapshot!(reason(met(GeneratorLimit::OpenFiles, 1)), @"GeneratorLimit 1 of 0: a, phase 1: 1 request met a limit of the generator, not of what it measures: 1 found no open file left for a connection (EMFILE): raise the hard limit (ulimit -Hn), or send from several generators");
    insta::assert_snapshot!(reason(met(GeneratorLimit::Connections, 7)), @"GeneratorLimit 7 of 0: a, phase 1: 7 requests met a limit of the generator, not of what it measures: 7 waited because 10000 connections are opened at most without being asked for more: give --max-connections (maxConnections), or send from several generators");
    insta::assert_snapshot!(reason(|case| {
        met(GeneratorLimit::LocalPorts, 2)(case);
        met(GeneratorLimit::SocketMemory, 3)(case);
    }), @"GeneratorLimit 5 of 0: a, phase 1: 5 requests met a limit of the generator, not of what it measures: 2 found no local port or address to connect from (EADDRNOTAVAIL): widen sysctl net.ipv4.ip_local_port_range, keep connections, or send from several generators; 3 found no memory left for sockets (ENOBUFS, ENOMEM): raise sysctl net.ipv4.tcp_mem, or send from several generators");
    use GeneratorLimit::*;
    for limit in [OpenFiles, Connections, FilesOfMachine, LocalPorts, SocketMemory, WatchedSockets, LocalRule, Route] {
        let reason = reason(met(limit, 1));
        let way_out = ["raise ", "give ", "widen ", "look at "];
        assert!(way_out.iter().any(|verb| reason.contains(&format!(": {verb}"))), "{reason}");
    }
}

#[test]
fn the_lag_of_a_fast_service_may_be_200_microseconds_and_where_processors_are_shared_a_millisecond() {
    let fast = |case: &mut Case, lag: u64| {
        case.phases[0].service_p50_micros = Some(100);
        case.phases[0].send_lag_p99_micros = Some(lag);
    };
    assert_eq!(reasons(&gates(|case| fast(case, 200))), [] as [String; 0]);
    assert_eq!(failed(|case| fast(case, 201)).limit, 200);
    let shared = |case: &mut Case, lag: u64| {
        fast(case, lag);
        case.environment.place.kind = PlaceKind::Lab;
    };
    assert_eq!(reasons(&gates(|case| shared(case, 1_000))), [] as [String; 0]);
    assert_eq!(failed(|case| shared(case, 1_001)).kind, GateKind::SendLag);
}

#[test]
fn generators() {
    insta::assert_snapshot!(reason(|case| case.environment.generators[0].cpu_per_mille = 801), @"GeneratorCpu 801 of 800: the generator used 80.1 % of its CPU, above 80 %, so it was the bottleneck: lower the load or give it more processors");
    insta::assert_snapshot!(reason(|case| case.environment.generators[0].steal_per_mille = 11), @"GeneratorSteal 11 of 10: the hypervisor took 1.1 % of the time of the generator, above 1 %: use an instance type that is not shared");
    insta::assert_snapshot!(reason(|case| case.environment.generators[0].clock_step_millis = -801), @"ClockStep 801 of 800: the clock of the generator stepped by -801 ms during the run, at most 800 ms is drift");
    let closed = |case: &mut Case, cpu: u32| {
        case.arrivals = Arrivals::Closed;
        case.environment.generators[0].cpu_per_mille = cpu;
    };
    assert_eq!(reasons(&gates(|case| closed(case, 900))), [] as [String; 0]);
    assert_eq!(failed(|case| closed(case, 901)).limit, 900);
}

#[test]
fn members() {
    insta::assert_snapshot!(reason(|case| case.clusters[1].failures.connect = 1), @"AllFailed 1000 of 999: every request to b failed (1 connect, 999 timeout)");
    // A program that knows only `/` (what students' first services are like).
    let refused = |status| {
        move |case: &mut Case| {
            case.clusters[1].failures = Failures { client_error: 1000, ..Failures::default() };
            case.clusters[1].failed_status = status;
        }
    };
    insta::assert_snapshot!(reason(refused(FailedStatus::Each(404))), @"AllFailed 1000 of 999: every request to b failed (1000 4xx): each answer was 404 to GET /b");
    insta::assert_snapshot!(reason(refused(FailedStatus::Several)), @"AllFailed 1000 of 999: every request to b failed (1000 4xx)");
    insta::assert_snapshot!(reason(|case| case.clusters[0].steal_per_mille = Some(51)), @"MemberSteal 51 of 50: the hypervisor took 5.1 % of the time of a member of a, above 5 %");
    let after = |case: &mut Case| case.environment.clusters[0].members[0].calibration_after_micros = Some(1_101_000);
    insta::assert_snapshot!(reason(after), @"Calibration 101 of 100: i-7 took 1000000 us for a fixed piece of work before and 1101000 us after, a change above 10 %");
    insta::assert_snapshot!(reason(|case| {
        for (index, round) in case.rounds.iter_mut().enumerate() {
            round.clusters[0].speed = Some(if index < 15 { Speed::Burst } else { Speed::Baseline });
        }
    }), @"MixedSpeed 5 of 0: a ran 15 rounds on credits and 5 at its baseline, which are two different machines: measure less, or wait until all credits are spent");
}
