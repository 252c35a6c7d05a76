//! Gates: reasons for which a run must not be quoted, with what was measured and what is allowed. Pure.

use wire::{
    ClusterReport, Environment, FailedStatus, Gate, GateKind, GateOutcome, PlaceKind, RoundOutcome, RoundReport,
    RunSpec, Speed, Unit,
};

use super::evidence::{Evidence, PhaseEvidence};
use super::gate::{at_least, at_most};
use super::own_limits;
use super::shared::is_shared;
use crate::compare::rules::Arrivals;
use crate::numbers::tenths;
use crate::rounds::counted_of;

/// Voided rounds select the survivors; up to a tenth that changes little.
const MOST_VOIDED_PER_MILLE: u64 = 100;
/// One cluster may void so many rounds more than another: with equal clusters three more are chance in one campaign
/// of eight, and in long runs a twentieth of the rounds.
const MOST_UNEQUAL_VOIDS: u64 = 2;
const MOST_UNEQUAL_VOIDS_PER_MILLE: u64 = 50;
/// Requests that were planned and not sent are load that the cluster was spared.
const LEAST_SENT_PER_MILLE: u64 = 995;
/// Lag is part of every response time: a twentieth of what the cluster itself takes is not seen in any quantile.
const MOST_SEND_LAG_OF_SERVICE_PER_MILLE: u64 = 50;
/// A busy open loop sends late long before it is full; a closed one only becomes slower.
const MOST_CPU_OPEN_PER_MILLE: u64 = 800;
const MOST_CPU_CLOSED_PER_MILLE: u64 = 900;
/// Connections beyond those needed, of all requests: each costs a handshake that a kept one does not. A server that says
/// with its answer that it ends the connection (RFC 9112, 9.6) is measured as it is; who closes without a word, a proxy
/// or a time limit in between, is not what is measured.
const MOST_CHURN_PER_MILLE: u64 = 10;
/// Correction of a clock that is no step: NTP slews by at most 500 ppm, twice that is allowed, and 200 ms for
/// reading two clocks one after the other on a busy machine.
const CLOCK_SLEW_PER_MILLE: u64 = 1;
const CLOCK_TOLERANCE_MILLIS: u64 = 200;

/// Limits that depend on whether processors are shared.
struct Limits {
    send_lag_floor_micros: u64,
    generator_steal_per_mille: u64,
    member_steal_per_mille: u64,
    calibration_per_mille: u64,
}

/// On instances of their own.
const OWN: Limits = Limits {
    send_lag_floor_micros: 200,
    generator_steal_per_mille: 10,
    member_steal_per_mille: 50,
    calibration_per_mille: 100,
};

/// Where generator and clusters share a machine, or may: nothing there is quieter than its scheduler. Shuffled rounds
/// spread what is taken evenly over the clusters.
const SHARED: Limits = Limits {
    send_lag_floor_micros: 1_000,
    generator_steal_per_mille: 100,
    member_steal_per_mille: 100,
    calibration_per_mille: 1_000,
};

/// Everything that is checked, whether or not it passed. A run is valid when all of it did.
pub fn judge(evidence: &Evidence<'_>) -> Vec<Gate> {
    let limits = if evidence.environment.place.kind == PlaceKind::Aws { &OWN } else { &SHARED };
    let mut gates = rounds(evidence);
    let was_judged = evidence.run.search.is_some() && !evidence.is_step;
    gates.extend(evidence.phases.iter().flat_map(|phase| load(phase, limits, was_judged)));
    gates.extend(generators(evidence, limits));
    gates
        .extend(evidence.clusters.iter().flat_map(|cluster| members(cluster, (evidence.run, evidence.rounds), limits)));
    gates.extend(calibrations(evidence.environment, limits));
    gates
}

/// Why the run is not valid; empty when it is.
pub fn reasons(gates: &[Gate]) -> Vec<String> {
    gates.iter().filter(|gate| gate.outcome == GateOutcome::Failed).map(|gate| gate.reason.clone()).collect()
}

fn rounds(evidence: &Evidence<'_>) -> Vec<Gate> {
    let planned = evidence.planned_rounds;
    let voided: Vec<&RoundReport> =
        evidence.rounds.iter().filter(|round| round.outcome == RoundOutcome::Voided).collect();
    let counted = evidence.rounds.len() - voided.len();
    let enough = at_least(GateKind::Rounds, "", counted as u64, u64::from(planned), Unit::Count);
    let enough = match evidence.aborted {
        Some(why) => enough.failed(format!("{why} after {counted} of {planned} rounds")),
        None => enough.or(|_| format!("only {counted} of {planned} rounds could be measured")),
    };
    let most = u64::from(planned) * MOST_VOIDED_PER_MILLE / 1000;
    let voids = at_most(GateKind::Voids, "", voided.len() as u64, most, Unit::Count).or(|gate| {
        let was = if gate.measured == 1 { "1 round was".to_owned() } else { format!("{} rounds were", gate.measured) };
        let last = voided.last().map_or("", |round| &round.reason);
        format!("{was} voided, more than {} of {planned} (last: {last})", tenths(MOST_VOIDED_PER_MILLE as u32))
    });
    let mut gates = vec![enough, voids];
    let of = |name: &str| voided.iter().filter(|round| round.voided_by == name).count() as u64;
    // What all members serve together has none of its own that could be lost.
    let names = || evidence.clusters.iter().map(|cluster| cluster.cluster.as_str());
    let by_cluster = || names().filter(|name| !is_shared(evidence.run, name)).map(|name| (of(name), name));
    if let (Some((most, worst)), Some((least, _))) = (by_cluster().max(), by_cluster().min()) {
        let limit = MOST_UNEQUAL_VOIDS.max(u64::from(planned) * MOST_UNEQUAL_VOIDS_PER_MILLE / 1000);
        let about = if most > least { worst } else { "" };
        gates.push(at_most(GateKind::UnequalVoids, about, most - least, limit, Unit::Count).or(|_| {
            format!(
                "{worst} voided {most} rounds and another cluster {least}, a difference above {limit}: the rounds that \
                 are left are its better ones"
            )
        }));
    }
    gates
}

/// Steps of a search are judged one by one while they are sent: one that was late or short shows nothing, and ends its way.
/// `was_judged`: that was done, and is not repeated for all of them together.
fn load(phase: &PhaseEvidence, limits: &Limits, was_judged: bool) -> Vec<Gate> {
    let about = phase.about.as_str();
    let mut gates = Vec::new();
    if let Some(sent) = (phase.sent * 1000).checked_div(phase.planned).filter(|_| !was_judged) {
        gates.push(at_least(GateKind::Sent, about, sent, LEAST_SENT_PER_MILLE, Unit::PerMille).or(|gate| {
            format!(
                "{about}: {} of {} planned requests were sent ({}, at least {} must be): lower the rate, or give the \
                 generator more processors or connections",
                phase.sent,
                phase.planned,
                share(gate.measured),
                share(gate.limit)
            )
        }));
        if let Some(lag) = phase.send_lag_p99_micros {
            let of_service = phase.service_p50_micros.unwrap_or(0) * MOST_SEND_LAG_OF_SERVICE_PER_MILLE / 1000;
            let limit = of_service.max(limits.send_lag_floor_micros);
            gates.push(at_most(GateKind::SendLag, about, lag, limit, Unit::Micros).or(|gate| {
                format!(
                    "{about}: one request in a hundred was sent more than {} us late, at most {} us is allowed: give the \
                     generator a machine of its own, or lower the rate",
                    gate.measured, gate.limit
                )
            }));
        }
    }
    gates.push(own_limits::gate(phase));
    if let (Some(needed), true) = (phase.connections_needed, phase.sent > 0) {
        let unexplained = phase.connections.saturating_sub(needed).saturating_sub(phase.connections_explained);
        let churn = (unexplained * 1000).div_ceil(phase.sent);
        gates.push(at_most(GateKind::ConnectionChurn, about, churn, MOST_CHURN_PER_MILLE, Unit::PerMille).or(|gate| {
            format!(
                "{about}: {} connections were opened where {needed} would do, {} of its requests met a new one that nobody \
                 announced, at most {} may: something closes kept connections without a word; --new-connections \
                 (request.connections: PerRequest) measures it with a new one for every request",
                phase.connections,
                share(gate.measured),
                share(gate.limit)
            )
        }));
    }
    gates
}

fn generators(evidence: &Evidence<'_>, limits: &Limits) -> Vec<Gate> {
    let several = evidence.environment.generators.len() > 1;
    let most_cpu = match evidence.arrivals {
        Arrivals::Open => MOST_CPU_OPEN_PER_MILLE,
        Arrivals::Closed => MOST_CPU_CLOSED_PER_MILLE,
    };
    let clock_limit = CLOCK_TOLERANCE_MILLIS + evidence.elapsed_millis * CLOCK_SLEW_PER_MILLE / 1000;
    let gates = evidence.environment.generators.iter().flat_map(|generator| {
        let about = generator.instance_id.as_str();
        let who = if several { format!("generator {about}") } else { "the generator".to_owned() };
        let (cpu, steal) = (u64::from(generator.cpu_per_mille), u64::from(generator.steal_per_mille));
        let step = generator.clock_step_millis;
        [
            at_most(GateKind::GeneratorCpu, about, cpu, most_cpu, Unit::PerMille).or(|gate| {
                format!(
                    "{who} used {} of its CPU, above {}, so it was the bottleneck: lower the load or give it more processors",
                    share(gate.measured),
                    share(gate.limit)
                )
            }),
            at_most(GateKind::GeneratorSteal, about, steal, limits.generator_steal_per_mille, Unit::PerMille).or(|gate| {
                format!(
                    "the hypervisor took {} of the time of {who}, above {}: use an instance type that is not shared",
                    share(gate.measured),
                    share(gate.limit)
                )
            }),
            at_most(GateKind::ClockStep, about, step.unsigned_abs(), clock_limit, Unit::Millis).or(|gate| {
                format!("the clock of {who} stepped by {step} ms during the run, at most {} ms is drift", gate.limit)
            }),
        ]
    });
    gates.collect()
}

fn members(cluster: &ClusterReport, (run, rounds): (&RunSpec, &[RoundReport]), limits: &Limits) -> Vec<Gate> {
    let name = cluster.cluster.as_str();
    let mut gates = Vec::new();
    if let Some(failed) = (cluster.failures.total() * 1000).checked_div(cluster.requests) {
        gates.push(at_most(GateKind::AllFailed, name, failed, 999, Unit::PerMille).or(|_| {
            let kinds = cluster.failures.kinds();
            let named: Vec<String> =
                kinds.iter().filter(|(_, count)| *count > 0).map(|(kind, count)| format!("{count} {kind}")).collect();
            format!("every request to {name} failed ({}){}", named.join(", "), answers(cluster, run))
        }));
    }
    // At its baseline a member is kept from its processor by design; rounds of both speeds are another gate's. Members of the
    // shared path are judged in their own clusters, whose speed is known.
    let is_judged = !is_shared(run, name);
    if let (Some(steal), None | Some(Speed::Burst), true) = (cluster.steal_per_mille, cluster.speed, is_judged) {
        let limit = limits.member_steal_per_mille;
        gates.push(at_most(GateKind::MemberSteal, name, u64::from(steal), limit, Unit::PerMille).or(|gate| {
            format!(
                "the hypervisor took {} of the time of a member of {name}, above {}",
                share(gate.measured),
                share(gate.limit)
            )
        }));
    }
    gates.extend(mixed_speed(name, rounds));
    gates
}

/// Status and path, where all answers had one status: a wrong path shows in that.
fn answers(cluster: &ClusterReport, run: &RunSpec) -> String {
    let FailedStatus::Each(status) = cluster.failed_status else { return String::new() };
    let target = run.targets.iter().find(|target| target.cluster == cluster.cluster);
    let authority_and_path = target.and_then(|target| target.url.split_once("://")).map_or("", |(_, rest)| rest);
    let path = authority_and_path.find('/').map_or("/", |at| &authority_and_path[at..]);
    let wanted = run.request.expect.status.filter(|wanted| *wanted != status);
    let wanted = wanted.map(|wanted| format!(", and {wanted} is right")).unwrap_or_default();
    format!(": each answer was {status} to {} {path}{wanted}", run.request.method)
}

/// Gate of a burstable type: rounds on credits and rounds without.
fn mixed_speed(name: &str, rounds: &[RoundReport]) -> Option<Gate> {
    let speeds: Vec<Speed> = counted_of(rounds, name).filter_map(|cluster| cluster.speed).collect();
    let baseline = speeds.iter().filter(|speed| **speed == Speed::Baseline).count();
    let burst = speeds.len() - baseline;
    (!speeds.is_empty()).then(|| {
        at_most(GateKind::MixedSpeed, name, baseline.min(burst) as u64, 0, Unit::Count).or(|_| {
            format!(
                "{name} ran {burst} rounds on credits and {baseline} at its baseline, which are two different machines: \
                 measure less, or wait until all credits are spent"
            )
        })
    })
}

fn calibrations(environment: &Environment, limits: &Limits) -> Vec<Gate> {
    let members = environment.clusters.iter().flat_map(|cluster| &cluster.members);
    let gate = |member: &wire::MemberFacts| {
        let (before, after) = (member.calibration_before_micros?.max(1), member.calibration_after_micros?);
        let change = before.abs_diff(after) * 1000 / before;
        let limit = limits.calibration_per_mille;
        Some(at_most(GateKind::Calibration, &member.id, change, limit, Unit::PerMille).or(|gate| {
            format!(
                "{} took {before} us for a fixed piece of work before and {after} us after, a change above {}",
                member.id,
                share(gate.limit)
            )
        }))
    };
    members.filter_map(gate).collect()
}

fn share(per_mille: u64) -> String {
    tenths(per_mille.min(u64::from(u32::MAX)) as u32)
}
