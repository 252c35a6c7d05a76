//! Rendering as CSV for spreadsheets: a line for each cluster in each round.

use stats::{Latencies, answered};
use wire::{ClusterReport, GeneratorLimit, LimitHits, QueueCost, Report, RoundReport, Step};

/// Names of the columns. New ones come last, so that the others keep their places.
const COLUMNS: [&str; 62] = [
    "round",
    "launch",
    "outcome",
    "seed",
    "position",
    "cluster",
    "slots",
    "speed",
    "planned",
    "sent",
    "requests",
    "answered",
    "open_at_end",
    "failed",
    "connect",
    "reset",
    "timeout",
    "broken",
    "client_error",
    "server_error",
    "wrong_answer",
    "connections",
    "load_micros",
    "requests_per_second",
    "p50_micros",
    "p90_micros",
    "p99_micros",
    "p999_micros",
    "max_micros",
    "mean_micros",
    "at_least_from_micros",
    "successes_p50_micros",
    "successes_p99_micros",
    "send_lag_p99_micros",
    "voided_by",
    "reason",
    "waited",
    "limited_open_files",
    "limited_connections",
    "limited_files_of_machine",
    "limited_local_ports",
    "limited_socket_memory",
    "limited_watched_sockets",
    "limited_local_rule",
    "limited_route",
    "surplus_per_mille",
    "hourly_usd_micros",
    "hourly_is_at_most",
    "usd_micros_per_million",
    "right",
    "instance_millis",
    "starts",
    "sqs_calls",
    "s3_puts",
    "s3_gets",
    "usd_nanos",
    "usd_nanos_is_at_most",
    "way",
    "capacity_milli_rps",
    "steps",
    "way_reason",
    "balancer_busy_per_mille",
];

/// One line for each cluster in each round, voided ones included. RFC 4180; an empty field is a value that there is
/// not.
pub fn csv(report: &Report) -> String {
    let mut text = COLUMNS.join(",") + "\r\n";
    for round in &report.rounds {
        for (position, cluster) in round.clusters.iter().enumerate() {
            let cells = cells(round, position + 1, cluster);
            text.push_str(&cells.map(|cell| quoted(&cell)).join(","));
            text.push_str("\r\n");
        }
    }
    text
}

fn cells(round: &RoundReport, position: usize, cluster: &ClusterReport) -> [String; COLUMNS.len()] {
    let (failures, latency) = (&cluster.failures, &cluster.latency);
    let maybe = |value: Option<u64>| value.map(|value| value.to_string()).unwrap_or_default();
    let limited = |limit: GeneratorLimit| {
        let of_this = |hits: &&LimitHits| hits.limit == limit;
        cluster.generator_limits.iter().filter(of_this).map(|hits| hits.requests).sum::<u64>().to_string()
    };
    let queue = |of: fn(&QueueCost) -> Option<u64>| maybe(cluster.queue_cost.as_ref().and_then(of));
    let bound = cluster.queue_cost.and_then(|cost| cost.usd_nanos.map(|_| cost.is_at_most.to_string()));
    let way = cluster.way.as_ref();
    let lag = Latencies::decode(&cluster.histograms.send_lag).ok().and_then(|lag| lag.quantile(990));
    [
        round.round.to_string(),
        round.launch.to_string(),
        format!("{:?}", round.outcome),
        round.seed.to_string(),
        position.to_string(),
        cluster.cluster.clone(),
        maybe(cluster.slots.map(u64::from)),
        cluster.speed.map(|speed| format!("{speed:?}")).unwrap_or_default(),
        cluster.planned.to_string(),
        cluster.sent.to_string(),
        cluster.requests.to_string(),
        answered(cluster).to_string(),
        cluster.open_at_end.to_string(),
        failures.total().to_string(),
        failures.connect.to_string(),
        failures.reset.to_string(),
        failures.timeout.to_string(),
        failures.broken.to_string(),
        failures.client_error.to_string(),
        failures.server_error.to_string(),
        failures.wrong_answer.to_string(),
        cluster.connections.to_string(),
        cluster.load_micros.to_string(),
        cluster.requests_per_second.to_string(),
        maybe(latency.p50_micros),
        maybe(latency.p90_micros),
        maybe(latency.p99_micros),
        maybe(latency.p999_micros),
        maybe(latency.max_micros),
        maybe(latency.mean_micros),
        maybe(latency.at_least_from_micros),
        maybe(cluster.latency_of_successes.p50_micros),
        maybe(cluster.latency_of_successes.p99_micros),
        maybe(lag),
        round.voided_by.clone(),
        round.reason.clone(),
        cluster.waited.to_string(),
        limited(GeneratorLimit::OpenFiles),
        limited(GeneratorLimit::Connections),
        limited(GeneratorLimit::FilesOfMachine),
        limited(GeneratorLimit::LocalPorts),
        limited(GeneratorLimit::SocketMemory),
        limited(GeneratorLimit::WatchedSockets),
        limited(GeneratorLimit::LocalRule),
        limited(GeneratorLimit::Route),
        maybe(cluster.surplus_per_mille.map(u64::from)),
        maybe(cluster.hourly_usd_micros),
        cluster.hourly_usd_micros.map(|_| cluster.hourly_is_at_most.to_string()).unwrap_or_default(),
        maybe(per_million(cluster)),
        maybe(cluster.right),
        queue(|cost| Some(cost.instance_millis)),
        queue(|cost| Some(cost.starts)),
        queue(|cost| Some(cost.calls.sqs)),
        queue(|cost| Some(cost.calls.s3_puts)),
        queue(|cost| Some(cost.calls.s3_gets)),
        queue(|cost| cost.usd_nanos),
        bound.unwrap_or_default(),
        way.map(|way| format!("{:?}", way.outcome)).unwrap_or_default(),
        maybe(way.and_then(|way| way.capacity_milli_rps)),
        way.map(|way| way.steps.iter().map(step).collect::<Vec<_>>().join(" ")).unwrap_or_default(),
        way.map(|way| way.reason.clone()).unwrap_or_default(),
        maybe(way.and_then(|way| way.balancer_busy_per_mille.map(u64::from))),
    ]
}

/// `742:7420:60:0:Missed`: rate, requests, slow ones, failed ones and outcome of a step.
fn step(step: &Step) -> String {
    let Step { requests_per_second, requests, slow, failed, outcome, .. } = step;
    format!("{requests_per_second}:{requests}:{slow}:{failed}:{outcome:?}")
}

/// Millionths of a US dollar for a million good answers, of one round; of a search for a million requests at its capacity.
fn per_million(cluster: &ClusterReport) -> Option<u64> {
    Some(stats::cost_of_a_million(cluster)?.round() as u64)
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\r', '\n']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}
