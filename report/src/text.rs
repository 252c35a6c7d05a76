//! Rendering as text for people: what may be said, the numbers, what was checked, where.

use std::fmt::Write;

use stats::{Latencies, quantile, tenths, time};
use wire::{
    ClusterFacts, ClusterReport, CreditMode, GateOutcome, PlaceKind, Report, RoundOutcome, ThresholdOutcome, Validity,
    WrongAnswer,
};

use crate::Column;
use crate::costs::costs;

/// The report in words, a line for each thing that is said.
pub fn text(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let mut line = |line: &str| _ = writeln!(text, "{}", line.trim_end());
    if report.validity == Validity::Invalid {
        line("INVALID");
    }
    line(&report.verdict);
    line("");
    for row in Column::table(Column::NUMBERS, &report.clusters).to_string().lines() {
        line(row);
    }
    line("");
    for lateness in report.clusters.iter().filter_map(lateness) {
        line(&lateness);
    }
    for handshakes in report.clusters.iter().filter_map(handshakes) {
        line(&handshakes);
    }
    for failures in report.clusters.iter().filter_map(failures) {
        line(&failures);
    }
    for answers in report.clusters.iter().flat_map(checked_answers) {
        line(&answers);
    }
    for shares in report.clusters.iter().filter_map(shares) {
        line(&shares);
    }
    for ends in report.clusters.iter().filter_map(announced_ends) {
        line(&ends);
    }
    for addresses in report.clusters.iter().filter_map(addresses) {
        line(&addresses);
    }
    for zone in report.clusters.iter().flat_map(zones) {
        line(&zone);
    }
    for cost in costs(report) {
        line(&cost);
    }
    let quotable = report.validity == Validity::Valid;
    for comparison in report.further_comparisons.iter().filter(|_| quotable) {
        line(&comparison.sentence);
    }
    for result in &report.thresholds {
        let outcome = match result.outcome {
            ThresholdOutcome::Met => "met",
            ThresholdOutcome::NotMet => "NOT MET",
            ThresholdOutcome::Undecided => "undecided",
        };
        line(&format!("threshold {outcome}: {}", result.sentence));
    }
    for round in report.rounds.iter().filter(|round| round.outcome == RoundOutcome::Voided) {
        line(&format!("round {} voided and repeated: {}", round.round, round.reason));
    }
    for gate in report.gates.iter().filter(|gate| gate.outcome == GateOutcome::Failed) {
        line(&format!("not valid: {}", gate.reason));
    }
    line(&checked(report));
    line(&place(report));
    for cluster in report.environment.clusters.iter().filter_map(made_of) {
        line(&cluster);
    }
    for setting in &report.environment.settings {
        line(setting);
    }
    if !report.environment.versions.is_empty() {
        line(&format!("programs: {}", report.environment.versions.join(", ")));
    }
    for note in &report.environment.notes {
        line(&format!("note: {note}"));
    }
    text
}

/// How well the generator kept to its plan.
fn lateness(cluster: &ClusterReport) -> Option<String> {
    let lag = Latencies::decode(&cluster.histograms.send_lag).ok().filter(|_| cluster.planned > 0)?.quantiles(0);
    let waited = match cluster.waited {
        0 => String::new(),
        waited if cluster.generator_limits.is_empty() => {
            format!("; {waited} waited for a free connection (--max-connections)")
        }
        waited => format!("; {waited} waited for a free connection, which nobody asked for"),
    };
    Some(format!(
        "{}: {} of {} planned requests sent, {} late at p50 and {} at p99{waited}",
        cluster.cluster,
        cluster.sent,
        cluster.planned,
        quantile(lag.p50_micros, time),
        quantile(lag.p99_micros, time)
    ))
}

/// `a: 64 TLS handshakes, 56 of them resumed, 412 us at p50 and 1.31 ms at p99; TLSv1.3 TLS13_AES_256_GCM_SHA384`
fn handshakes(cluster: &ClusterReport) -> Option<String> {
    let handshakes = cluster.handshakes.as_ref().filter(|handshakes| handshakes.count > 0)?;
    Some(format!(
        "{}: {} TLS handshakes, {} of them resumed, {} at p50 and {} at p99; {}",
        cluster.cluster,
        handshakes.count,
        handshakes.resumed,
        quantile(handshakes.p50_micros, time),
        quantile(handshakes.p99_micros, time),
        handshakes.protocols.join(", ")
    ))
}

fn failures(cluster: &ClusterReport) -> Option<String> {
    let mut named: Vec<String> = cluster
        .failures
        .kinds()
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(kind, count)| format!("{count} {kind}"))
        .collect();
    if cluster.open_at_end > 0 {
        named.push(format!("{} still open at the end", cluster.open_at_end));
    }
    (!named.is_empty()).then(|| format!("{} failures: {}", cluster.cluster, named.join(", ")))
}

/// `a: 98 of 100 answers right, 2 wrong`, and a line for each of the first wrong ones.
fn checked_answers(cluster: &ClusterReport) -> Vec<String> {
    let Some(right) = cluster.right else { return Vec::new() };
    let (name, wrong) = (&cluster.cluster, cluster.failures.wrong_answer);
    let mut lines = vec![format!("{name}: {right} of {} answers right, {wrong} wrong", right + wrong)];
    for WrongAnswer { file, expected, got, request_id, instance } in &cluster.wrong {
        let from = |what: &str, id: &str| if id.is_empty() { String::new() } else { format!(", {what} {id}") };
        let (request, instance) = (from("request", request_id), from("instance", instance));
        lines.push(format!("{name} wrong: {file} is {expected:?}, the answer was {got:?}{request}{instance}"));
    }
    let more = wrong.saturating_sub(cluster.wrong.len() as u64);
    if more > 0 && !cluster.wrong.is_empty() {
        lines.push(format!("{name} wrong: and {more} more"));
    }
    lines
}

fn shares(cluster: &ClusterReport) -> Option<String> {
    let name = |id: &str| if id.is_empty() { "unnamed".to_owned() } else { id.to_owned() };
    let share = |member: &wire::MemberShare| format!("{} {}", name(&member.id), tenths(member.share_per_mille));
    let named = cluster.members.iter().any(|member| !member.id.is_empty());
    named.then(|| {
        format!("{} shares: {}", cluster.cluster, cluster.members.iter().map(share).collect::<Vec<_>>().join(", "))
    })
}

/// Not what is wrong, but what the times hold.
fn announced_ends(cluster: &ClusterReport) -> Option<String> {
    let (name, ends, opened) = (&cluster.cluster, cluster.announced_ends, cluster.connections);
    (ends > 0).then(|| {
        format!("{name}: {ends} answers announced the end of their connection; opening {opened} of them is part of its times")
    })
}

fn addresses(cluster: &ClusterReport) -> Option<String> {
    let share = |one: &wire::AddressShare| {
        format!("{} {} with p50 {}", one.address, tenths(one.share_per_mille), quantile(one.p50_micros, time))
    };
    let shares: Vec<String> = cluster.addresses.iter().map(share).collect();
    (!shares.is_empty()).then(|| format!("{} answers by address: {}", cluster.cluster, shares.join(", ")))
}

/// `cluster1 in us-east-1a: 50 % of the answers, p50 12.3 ms`
fn zones(cluster: &ClusterReport) -> Vec<String> {
    let zone = |one: &wire::ZoneShare| {
        let (name, share) = (&cluster.cluster, tenths(one.share_per_mille));
        format!("{name} in {}: {share} of the answers, p50 {}", one.zone, quantile(one.p50_micros, time))
    };
    cluster.zones.iter().map(zone).collect()
}

fn checked(report: &Report) -> String {
    let counted = report.rounds.iter().filter(|round| round.outcome == RoundOutcome::Counted).count();
    let passed = report.gates.iter().filter(|gate| gate.outcome == GateOutcome::Passed).count();
    let warm_up: u64 = report.clusters.iter().map(|cluster| cluster.warmup_requests).sum();
    format!(
        "{counted} rounds counted, {} voided; {passed} of {} checks passed; {warm_up} requests of warm-up not counted; \
         seed {}",
        report.rounds.len() - counted,
        report.gates.len(),
        report.run.seed
    )
}

fn place(report: &Report) -> String {
    let place = &report.environment.place;
    let kind = match place.kind {
        PlaceKind::Aws => "AWS",
        PlaceKind::Lab => "the lab",
        PlaceKind::Unknown => "an unknown place",
    };
    let generators: Vec<String> = report
        .environment
        .generators
        .iter()
        .map(|one| {
            let parts = [one.instance_id.as_str(), &one.instance_type, &one.cpu_model, &one.kernel];
            parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
        })
        .collect();
    format!("measured in {kind} {} from {}", place.zone, generators.join("; ")).replace("  ", " ")
}

/// `cluster1: t2.micro, 1 vCPU, ami-1, Standard credits with a baseline of 10 %`
fn made_of(cluster: &ClusterFacts) -> Option<String> {
    let mut parts = vec![cluster.instance_type.clone()];
    match cluster.vcpus {
        0 => {}
        1 => parts.push("1 vCPU".to_owned()),
        vcpus => parts.push(format!("{vcpus} vCPUs")),
    }
    parts.extend([cluster.image.clone(), cluster.zones.clone()]);
    if let Some(credits) = cluster.credits {
        let mode = match credits.mode {
            CreditMode::Standard => "Standard",
            CreditMode::Unlimited => "Unlimited",
        };
        parts.push(format!("{mode} credits with a baseline of {}", tenths(credits.baseline_per_mille)));
    }
    for member in &cluster.members {
        parts.extend([member.cpu_model.clone(), member.kernel.clone()]);
    }
    let mut said: Vec<String> = Vec::new();
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        if !said.contains(&part) {
            said.push(part);
        }
    }
    (!said.is_empty()).then(|| format!("{}: {}", cluster.cluster, said.join(", ")))
}
