//! Lines of a report that text and page share: each fact in words, once.

use stats::{Latencies, objective, quantile, rounds, tenths, time, whole};
use wire::{
    Arrivals, ClusterFacts, ClusterReport, CreditMode, GateOutcome, Phase, PlaceKind, Report, RoundOutcome, Search,
    Stop, ThresholdOutcome, WrongAnswer,
};

use crate::costs::lasted;

/// `default/micro-vs-large, run 1, 2026-11-29 10:12:10 UTC, 40 rounds in 3 min, the lab`
pub(crate) fn subject(report: &Report) -> String {
    let asked = report.run.facts.benchmark.as_ref();
    let name = asked.map(|asked| {
        let namespace = if asked.namespace.is_empty() { String::new() } else { format!("{}/", asked.namespace) };
        format!("{namespace}{}", asked.name)
    });
    let run = Some(&report.run.id).filter(|id| !id.is_empty()).map(|id| format!("run {id}"));
    let began = report.started_at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    let took = report.finished_at.duration_since(report.started_at).as_secs();
    let took = format!("{} in {}", rounds(report.rounds.len() as u32), lasted(took.unsigned_abs()));
    let place = Some(place_name(report)).filter(|_| report.environment.place.kind != PlaceKind::Unknown);
    [name, run, Some(began), Some(took), place].into_iter().flatten().collect::<Vec<_>>().join(" \u{b7} ")
}

/// Whether a threshold is met, in a word.
pub(crate) fn outcome(outcome: ThresholdOutcome) -> &'static str {
    match outcome {
        ThresholdOutcome::Met => "met",
        ThresholdOutcome::NotMet => "NOT MET",
        ThresholdOutcome::Undecided => "undecided",
    }
}

/// A line for each round that was voided.
pub(crate) fn voided(report: &Report) -> Vec<String> {
    let voided = report.rounds.iter().filter(|round| round.outcome == RoundOutcome::Voided);
    voided.map(|round| format!("round {} voided and repeated: {}", round.round, round.reason)).collect()
}

/// How requests were sent and answered, beside the numbers.
pub(crate) fn answers(report: &Report) -> Vec<String> {
    let clusters = &report.clusters;
    let mut lines: Vec<String> = of_kept_rates(report).into_iter().collect();
    lines.extend(clusters.iter().filter_map(lateness));
    lines.extend(clusters.iter().filter_map(handshakes));
    lines.extend(clusters.iter().filter_map(failures));
    lines.extend(clusters.iter().flat_map(checked_answers));
    lines.extend(clusters.iter().filter_map(announced_ends));
    lines
}

/// Who answered where members are not told apart: by address and by zone.
pub(crate) fn places(report: &Report) -> Vec<String> {
    let mut lines: Vec<String> = report.clusters.iter().filter_map(addresses).collect();
    lines.extend(report.clusters.iter().flat_map(zones));
    lines
}

/// Where it was measured and on what.
pub(crate) fn environment(report: &Report) -> Vec<String> {
    let environment = &report.environment;
    let mut lines = vec![place(report)];
    lines.extend(environment.clusters.iter().filter_map(made_of));
    lines.extend(environment.settings.iter().cloned());
    if !environment.versions.is_empty() {
        lines.push(format!("programs: {}", environment.versions.join(", ")));
    }
    lines
}

/// `4 x t2.micro`. Empty: it is not known.
pub(crate) fn instances(report: &Report, cluster: &str) -> String {
    let Some(facts) = report.environment.clusters.iter().find(|facts| facts.cluster == cluster) else {
        return String::new();
    };
    if facts.instance_type.is_empty() {
        return String::new();
    }
    let of_price = facts.price.as_ref().map(|price| price.instances as usize);
    let of_launch = || facts.members.iter().filter(|member| member.launch == 1).count();
    match of_price.unwrap_or_else(of_launch) {
        0 => facts.instance_type.clone(),
        count => format!("{count} x {}", facts.instance_type),
    }
}

/// Load of a round: `8 requests kept open until 1000 were sent, to each cluster in each round`.
pub(crate) fn load(report: &Report) -> String {
    let until = |stop: Stop| match stop {
        Stop::Requests(count) => format!("until {count} were sent"),
        Stop::DurationSeconds(seconds) => format!("for {seconds} s"),
    };
    let phase = |phase: &Phase| match phase {
        Phase::ClosedLoop(load) => format!("{} requests kept open {}", load.concurrency, until(load.stop)),
        Phase::OpenLoop(load) => {
            let arrivals = match load.arrivals {
                Arrivals::Poisson => "Poisson arrivals",
                Arrivals::Constant => "even arrivals",
            };
            let ramp = load
                .ramp
                .as_ref()
                .map(|ramp| format!(" rising to {} in {} steps", ramp.to_requests_per_second, ramp.steps));
            let rate = format!("{} requests/s{}", load.requests_per_second, ramp.unwrap_or_default());
            format!("{rate}, {arrivals}, {}", until(load.stop))
        }
        Phase::Pause { seconds } => format!("a pause of {seconds} s"),
    };
    let phases: Vec<String> = report.run.phases.iter().map(phase).collect();
    if phases.is_empty() {
        return report.run.search.as_ref().map(search).unwrap_or_default();
    }
    format!("{}; to each cluster in each round", phases.join(", then "))
}

/// Which of the rates of a search the numbers are of.
fn of_kept_rates(report: &Report) -> Option<String> {
    let words = "these requests and times are those of the highest rate that each cluster kept in each round, or of the lowest that was tried";
    report.run.search.is_some().then(|| words.to_owned())
}

/// `the highest rate at p99 <= 50 ms with at most 1 of 1,000 failed, never above 20,000 requests/s; searched for each cluster in each
/// round`
fn search(search: &Search) -> String {
    let most = search.most_requests_per_second;
    let most = most.map(|most| format!(", never above {} requests/s", whole(u64::from(most)))).unwrap_or_default();
    format!(
        "the highest rate at {} with at most {} of 1,000 failed{most}; searched for each cluster in each round",
        objective(&search.objective),
        search.objective.max_failed_per_mille
    )
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

/// `a shares: i-1 25 %, i-2 75 %`. `None`: no answer named its member.
pub(crate) fn shares(cluster: &ClusterReport) -> Option<String> {
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

/// `10 rounds counted, 1 voided; 25 of 26 checks passed; ...`
pub(crate) fn checked(report: &Report) -> String {
    let counted = report.rounds.iter().filter(|round| round.outcome == RoundOutcome::Counted).count();
    let passed = report.gates.iter().filter(|gate| gate.outcome == GateOutcome::Passed).count();
    let warm_up: u64 = report.clusters.iter().map(|cluster| cluster.warmup_requests).sum();
    format!(
        "{counted} {} counted, {} voided; {passed} of {} checks passed; {warm_up} requests of warm-up not counted; \
         seed {}",
        if counted == 1 { "round" } else { "rounds" },
        report.rounds.len() - counted,
        report.gates.len(),
        report.run.seed
    )
}

fn place_name(report: &Report) -> String {
    let place = &report.environment.place;
    let kind = match place.kind {
        PlaceKind::Aws => "AWS",
        PlaceKind::Lab => "the lab",
        PlaceKind::Unknown => "an unknown place",
    };
    format!("{kind} {}", place.zone).trim_end().to_owned()
}

fn place(report: &Report) -> String {
    let generators: Vec<String> = report
        .environment
        .generators
        .iter()
        .map(|one| {
            let parts = [one.instance_id.as_str(), &one.instance_type, &one.cpu_model, &one.kernel];
            parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
        })
        .collect();
    format!("measured in {} from {}", place_name(report), generators.join("; "))
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
