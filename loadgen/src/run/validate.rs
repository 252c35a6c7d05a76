//! Refuses a run that could not be carried out as written. Pure.

use std::collections::BTreeSet;

use http::{HeaderName, Method};
use wire::{ClosedLoop, Header, Metric, OpenLoop, Phase, RequestSpec, RunSpec, Stop};

use crate::run::validate_corpus::validate_corpus;
use crate::run::validate_members::validate_members;
use crate::run::validate_queues::validate_queues;
use crate::run::validate_search::validate_search;
use crate::run::validate_zones::validate_zones;
use crate::target::url_parts::is_host;
use crate::{Target, TargetError};

/// A run of 1,000 rounds of many clusters already takes days.
const MOST_ROUNDS: u32 = 1000;
/// One day: longer phases outlive every instance.
const LONGEST_SECONDS: u32 = 86_400;
/// An hour: whoever waits longer for an answer does not wait for it.
const LONGEST_ANSWER_SECONDS: u32 = 3600;
/// Above this the gaps are shorter than what the clock is read in; no server of one address takes so much either.
const FASTEST: u32 = 10_000_000;
/// Steps of a ramp: more than anybody looks at.
const MOST_STEPS: u32 = 1000;
/// Generators of one run.
const MOST_SLICES: u32 = 1000;

/// The field that is wrong, and the way out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct InvalidSpec {
    /// Path in the document, such as `phases[0].concurrency`.
    pub field: String,
    pub problem: String,
}

fn invalid<T>(field: impl Into<String>, problem: impl Into<String>) -> Result<T, InvalidSpec> {
    Err(InvalidSpec { field: field.into(), problem: problem.into() })
}

/// Checks `spec` and returns its targets taken apart, in the order given.
/// `most_connections` is how many connections the files that this process may have open leave room for.
pub fn validate(spec: &RunSpec, most_connections: u64) -> Result<Vec<Target>, InvalidSpec> {
    validate_id(&spec.id)?;
    if !(1..=MOST_ROUNDS).contains(&spec.rounds.count) {
        return invalid("rounds.count", format!("is {}: it must be between 1 and {MOST_ROUNDS}", spec.rounds.count));
    }
    // Users are those of all generators together.
    let most_users = most_connections.saturating_mul(u64::from(spec.slice.count.max(1)));
    validate_search(spec)?;
    if spec.search.is_none() {
        validate_phases(&spec.phases, most_connections, most_users)?;
    }
    validate_request(&spec.request)?;
    validate_corpus(&spec.request)?;
    if let Some(seconds) = spec.timeout_seconds {
        within("timeoutSeconds".to_owned(), seconds, LONGEST_ANSWER_SECONDS, " seconds")?;
    }
    validate_judging(spec)?;
    validate_slice(spec)?;
    if spec.warmup_seconds > LONGEST_SECONDS {
        return invalid("warmupSeconds", format!("is {}: it must be at most {LONGEST_SECONDS}", spec.warmup_seconds));
    }
    if let Some(url) = &spec.balancer_control {
        let balancer = Target::parse("balancer", url).map_err(|error| of_target("balancerControl".into(), &error))?;
        if balancer.server_name.is_some() {
            return invalid(
                "balancerControl",
                format!("is {url:?}: a balancer's control is plain http, write http://"),
            );
        }
    }
    let targets = validate_targets(spec)?;
    validate_queues(spec)?;
    validate_members(spec, &targets)?;
    validate_zones(&spec.zones)?;
    Ok(targets)
}

/// The id becomes a file name.
fn validate_id(id: &str) -> Result<(), InvalidSpec> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if id.is_empty() || id.len() > 128 || !id.chars().all(allowed) || id.starts_with('.') {
        return invalid(
            "id",
            format!("is {id:?}: use 1 to 128 letters, digits, '-', '_' and '.', not starting with '.'"),
        );
    }
    Ok(())
}

fn validate_phases(phases: &[Phase], most_connections: u64, most_users: u64) -> Result<(), InvalidSpec> {
    if phases.iter().all(|phase| matches!(phase, Phase::Pause { .. })) {
        return invalid("phases", "hold no load: add a closedLoop or an openLoop phase, or give search in their place");
    }
    for (index, phase) in phases.iter().enumerate() {
        let field = format!("phases[{index}]");
        match phase {
            Phase::Pause { seconds } => {
                within(format!("{field}.pause.seconds"), *seconds, LONGEST_SECONDS, " seconds")?
            }
            Phase::ClosedLoop(load) => validate_closed(&format!("{field}.closedLoop"), load, most_users)?,
            Phase::OpenLoop(load) => validate_open(&format!("{field}.openLoop"), load, most_connections)?,
        }
    }
    Ok(())
}

/// Under a fixed rate every cluster answers the same number, and the cheapest one wins without a measurement.
fn validate_judging(spec: &RunSpec) -> Result<(), InvalidSpec> {
    let problem =
        "requests per dollar need closed loops: make every load phase a closed loop, or choose another metric";
    if !spec.phases.iter().any(|phase| matches!(phase, Phase::OpenLoop(_))) {
        return Ok(());
    }
    if spec.judging.metric == Metric::RequestsPerUsd {
        return invalid("judging.metric", problem);
    }
    match spec.judging.thresholds.iter().position(|threshold| threshold.metric == Metric::RequestsPerUsd) {
        Some(index) => invalid(format!("judging.thresholds[{index}].metric"), problem),
        None => Ok(()),
    }
}

fn validate_closed(field: &str, load: &ClosedLoop, most_users: u64) -> Result<(), InvalidSpec> {
    validate_connections(format!("{field}.concurrency"), load.concurrency, most_users)?;
    validate_stop(field, load.stop)
}

fn validate_open(field: &str, load: &OpenLoop, most_connections: u64) -> Result<(), InvalidSpec> {
    within(format!("{field}.requestsPerSecond"), load.requests_per_second, FASTEST, "")?;
    validate_stop(field, load.stop)?;
    if let Some(most) = load.max_connections {
        validate_connections(format!("{field}.maxConnections"), most, most_connections)?;
    }
    if let Some(ramp) = load.ramp {
        within(format!("{field}.ramp.toRequestsPerSecond"), ramp.to_requests_per_second, FASTEST, "")?;
        if !(2..=MOST_STEPS).contains(&ramp.steps) {
            let problem = format!("is {}: it must be between 2 and {MOST_STEPS}", ramp.steps);
            return invalid(format!("{field}.ramp.steps"), problem);
        }
        if !matches!(load.stop, Stop::DurationSeconds(_)) {
            return invalid(format!("{field}.ramp"), "needs stop.durationSeconds, which its steps divide");
        }
    }
    Ok(())
}

fn validate_stop(field: &str, stop: Stop) -> Result<(), InvalidSpec> {
    match stop {
        Stop::Requests(0) => invalid(format!("{field}.stop.requests"), "is 0: send at least one"),
        Stop::Requests(_) => Ok(()),
        Stop::DurationSeconds(seconds) => {
            within(format!("{field}.stop.durationSeconds"), seconds, LONGEST_SECONDS, " seconds")
        }
    }
}

fn validate_connections(field: String, number: u32, most_connections: u64) -> Result<(), InvalidSpec> {
    if number == 0 || u64::from(number) > most_connections {
        let why = "each connection is an open file (the hard limit is that of ulimit -Hn)";
        return invalid(field, format!("is {number}: it must be between 1 and {most_connections}; {why}"));
    }
    Ok(())
}

fn within(field: String, number: u32, most: u32, unit: &str) -> Result<(), InvalidSpec> {
    if (1..=most).contains(&number) {
        return Ok(());
    }
    invalid(field, format!("is {number}: it must be between 1 and {most}{unit}"))
}

/// Checks what goes into the request as it is: a line break in it would be a second request.
fn validate_request(request: &RequestSpec) -> Result<(), InvalidSpec> {
    if Method::from_bytes(request.method.as_bytes()).is_err() || request.method == "CONNECT" {
        return invalid("request.method", format!("is {:?}: use one such as GET or POST", request.method));
    }
    // RFC 9110, 9.3.8: a client must not send content with it.
    if request.method == "TRACE" && !request.body.is_empty() {
        return invalid("request.body", "is not empty: TRACE has no body, remove it or use another method");
    }
    for (index, header) in request.headers.iter().enumerate() {
        validate_header(&format!("request.headers[{index}]"), header, &request.headers[..index])?;
    }
    if let Some(status) = request.expect.status.filter(|status| !(200..600).contains(status)) {
        return invalid("request.expect.status", format!("is {status}: it must be between 200 and 599"));
    }
    Ok(())
}

fn validate_header(field: &str, header: &Header, earlier: &[Header]) -> Result<(), InvalidSpec> {
    let is_named = |header: &Header, name: &str| header.name.eq_ignore_ascii_case(name);
    let (in_name, in_value) = (format!("{field}.name"), format!("{field}.value"));
    if HeaderName::from_bytes(header.name.as_bytes()).is_err() {
        return invalid(in_name, format!("is {:?}: that is no name of a header", header.name));
    }
    // RFC 9110, 5.5: what is not ASCII is read differently by different programs.
    if let Some(character) = header.value.chars().find(|c| !matches!(c, ' '..='~' | '\t')) {
        let problem = format!("holds {character:?}: the value of a header is printable ASCII, encode it (RFC 8187)");
        return invalid(in_value, problem);
    }
    let ours = ["content-length", "transfer-encoding", "connection", "expect", "upgrade", crate::SEED_HEADER];
    if ours.into_iter().any(|name| is_named(header, name)) {
        return invalid(in_name, format!("is {:?}, which the generator sets itself", header.name));
    }
    // RFC 9110, 7.6.2: with it the balancer would answer OPTIONS and TRACE itself, and no member would be measured.
    if is_named(header, "max-forwards") {
        return invalid(
            in_name,
            format!("is {:?}: the balancer would answer in a member's place, remove it", header.name),
        );
    }
    // RFC 9112, 3.2: servers have to refuse a second Host, and one that is none.
    if is_named(header, "host") {
        if earlier.iter().any(|earlier| is_named(earlier, "host")) {
            return invalid(in_name, format!("is {:?} once more: a request has one", header.name));
        }
        if !is_host(&header.value) {
            let problem = format!("is {:?}: a Host is a name or an IP address, with a port or without", header.value);
            return invalid(in_value, problem);
        }
    }
    Ok(())
}

fn validate_slice(spec: &RunSpec) -> Result<(), InvalidSpec> {
    let slice = spec.slice;
    within("slice.count".to_owned(), slice.count, MOST_SLICES, "")?;
    if slice.index >= slice.count {
        return invalid("slice.index", format!("is {}: it must be below slice.count, {}", slice.index, slice.count));
    }
    if slice.count == 1 {
        return Ok(());
    }
    if spec.start_at.is_none() {
        return invalid("startAt", "is missing: several generators need a common start");
    }
    for (index, phase) in spec.phases.iter().enumerate() {
        if let Phase::ClosedLoop(ClosedLoop { stop: Stop::Requests(_), .. })
        | Phase::OpenLoop(OpenLoop { stop: Stop::Requests(_), .. }) = phase
        {
            let problem = "counts requests: several generators stay together only where phases stop by durationSeconds";
            return invalid(format!("phases[{index}]"), problem);
        }
        if let Phase::ClosedLoop(load) = phase
            && load.concurrency < slice.count
        {
            let problem = format!("is {}: {} generators need at least one each", load.concurrency, slice.count);
            return invalid(format!("phases[{index}].closedLoop.concurrency"), problem);
        }
    }
    Ok(())
}

fn validate_targets(spec: &RunSpec) -> Result<Vec<Target>, InvalidSpec> {
    if spec.targets.is_empty() {
        return invalid("targets", "is empty: give at least one cluster to measure");
    }
    let mut names = BTreeSet::new();
    let mut targets = Vec::with_capacity(spec.targets.len());
    for (index, target) in spec.targets.iter().enumerate() {
        if target.cluster.is_empty() {
            return invalid(format!("targets[{index}].cluster"), "is empty: give the cluster a name");
        }
        if !names.insert(&target.cluster) {
            return invalid(
                format!("targets[{index}].cluster"),
                format!("{:?} is there twice: names must differ", target.cluster),
            );
        }
        let mut parsed = Target::parse(&target.cluster, &target.url)
            .map_err(|error| of_target(format!("targets[{index}].url"), &error))?;
        (parsed.is_shared, parsed.is_scaled) = (target.shared, target.scaled);
        let is_twin = |earlier: &&wire::Target| earlier.url == target.url && !earlier.shared && !target.shared;
        if let Some(first) = spec.targets[..index].iter().find(is_twin) {
            parsed.serves.clone_from(&first.cluster);
            parsed.is_scaled |= first.scaled;
        }
        targets.push(parsed);
    }
    match targets.iter().filter(|target| target.is_shared).count() {
        0 => Ok(targets),
        shared if shared == targets.len() => {
            invalid("targets", "are all shared: give the clusters whose members serve it")
        }
        1 => Ok(targets),
        _ => invalid("targets", "holds several that are shared: the members of all others serve one"),
    }
}

fn of_target(field: String, error: &TargetError) -> InvalidSpec {
    InvalidSpec { field, problem: error.to_string() }
}

#[cfg(test)]
mod tests {
    use wire::{Arrivals, Ramp, Rounds, Slice, Target as SpecTarget};

    use super::*;

    fn good() -> RunSpec {
        RunSpec {
            id: "run-1".into(),
            seed: 1,
            rounds: Rounds { count: 20 },
            warmup_requests: 0,
            targets: vec![SpecTarget {
                cluster: "cluster1".into(),
                url: "http://127.0.0.1:1/cluster1".into(),
                ..SpecTarget::default()
            }],
            phases: vec![
                Phase::ClosedLoop(ClosedLoop { concurrency: 100, stop: Stop::Requests(500) }),
                Phase::Pause { seconds: 60 },
                Phase::ClosedLoop(ClosedLoop { concurrency: 1, stop: Stop::DurationSeconds(10) }),
            ],
            balancer_control: Some("http://127.0.0.1:2".into()),
            ..RunSpec::default()
        }
    }

    #[test]
    fn takes_a_good_run() {
        assert_eq!(validate(&good(), 960).unwrap().len(), 1);
    }

    #[test]
    fn a_second_name_for_a_url_is_a_twin_of_the_first() {
        let mut spec = good();
        let again = SpecTarget { cluster: "cluster1 again".into(), ..spec.targets[0].clone() };
        spec.targets.push(again);
        let targets = validate(&spec, 960).unwrap();
        assert_eq!((targets[1].cluster.as_str(), targets[1].serves.as_str()), ("cluster1 again", "cluster1"));
    }

    fn open(change: impl FnOnce(&mut OpenLoop)) -> Phase {
        let (arrivals, stop) = (Arrivals::Poisson, Stop::DurationSeconds(10));
        let mut load = OpenLoop { arrivals, requests_per_second: 10, stop, ramp: None, max_connections: None };
        change(&mut load);
        Phase::OpenLoop(load)
    }

    fn header(name: &str, value: &str) -> wire::Header {
        wire::Header { name: name.into(), value: value.into() }
    }

    fn refused(change: impl FnOnce(&mut RunSpec)) -> String {
        let mut spec = good();
        change(&mut spec);
        validate(&spec, 960).unwrap_err().to_string()
    }

    type Case = (fn(&mut RunSpec), &'static str);

    fn assert_cases(cases: &[Case]) {
        for (change, text) in cases {
            let error = refused(change);
            assert!(error.starts_with(text), "{error:?} does not start with {text:?}");
        }
    }

    #[test]
    fn names_the_field_and_the_way_out() {
        assert_cases(&[
            (|s| s.id = "../etc/passwd".into(), "id: is"),
            (|s| s.id = String::new(), "id: is"),
            (|s| s.rounds.count = 0, "rounds.count: is 0: it must be between 1 and 1000"),
            (|s| s.rounds.count = 1001, "rounds.count: is 1001"),
            (|s| s.targets.clear(), "targets: is empty"),
            (|s| s.targets[0].url = "ftp://x".into(), "targets[0].url: \"ftp://x\" does not start with http://"),
            (|s| s.targets[0].url = "http:///x".into(), "targets[0].url: \"http:///x\" is not a URL"),
            (|s| s.targets.push(s.targets[0].clone()), "targets[1].cluster: \"cluster1\" is there twice"),
            (|s| s.targets[0].cluster.clear(), "targets[0].cluster: is empty"),
            (|s| s.phases.clear(), "phases: hold no load"),
            (|s| s.phases.retain(|p| matches!(p, Phase::Pause { .. })), "phases: hold no load"),
            (|s| s.phases[1] = Phase::Pause { seconds: 0 }, "phases[1].pause.seconds: is 0"),
            (|s| s.phases[0] = closed(0, 1), "phases[0].closedLoop.concurrency: is 0: it must be between 1 and 960"),
            (|s| s.phases[0] = closed(5000, 1), "phases[0].closedLoop.concurrency: is 5000"),
            (|s| s.phases[0] = closed(1, 0), "phases[0].closedLoop.stop.requests: is 0"),
        ]);
    }

    #[test]
    fn open_loops_are_checked() {
        let mut spec = good();
        spec.phases = vec![open(|_| ())];
        assert!(validate(&spec, 960).is_ok());
        assert_cases(&[
            (
                |s| s.phases[0] = open(|load| load.requests_per_second = 0),
                "phases[0].openLoop.requestsPerSecond: is 0: it must be between 1 and 10000000",
            ),
            (
                |s| s.phases[0] = open(|load| load.stop = Stop::DurationSeconds(0)),
                "phases[0].openLoop.stop.durationSeconds: is 0: it must be between 1 and 86400 seconds",
            ),
            (
                |s| s.phases[0] = open(|load| load.max_connections = Some(0)),
                "phases[0].openLoop.maxConnections: is 0: it must be between 1 and 960",
            ),
            (
                |s| s.phases[0] = open(|load| load.ramp = Some(Ramp { to_requests_per_second: 1, steps: 1 })),
                "phases[0].openLoop.ramp.steps: is 1: it must be between 2 and 1000",
            ),
            (
                |s| {
                    s.phases[0] = open(|load| {
                        load.ramp = Some(Ramp { to_requests_per_second: 1, steps: 2 });
                        load.stop = Stop::Requests(1);
                    });
                },
                "phases[0].openLoop.ramp: needs stop.durationSeconds",
            ),
        ]);
    }

    #[test]
    fn requests_cannot_carry_another_one_in_them() {
        assert_cases(&[
            (|s| s.request.method = "GET / HTTP/1.1\r\n".into(), "request.method: is"),
            (|s| s.request.headers = vec![header("a b", "c")], "request.headers[0].name: is \"a b\""),
            (|s| s.request.headers = vec![header("a", "b\r\nc: d")], "request.headers[0].value: holds '\\r'"),
            (|s| s.request.headers = vec![header("a", "caf\u{e9}")], "request.headers[0].value: holds '\u{e9}'"),
            (|s| s.request.headers = vec![header("Host", "a/b")], "request.headers[0].value: is \"a/b\": a Host is"),
            (
                |s| s.request.headers = vec![header("Host", "a"), header("host", "a")],
                "request.headers[1].name: is \"host\" once more",
            ),
            (
                |s| s.request.headers = vec![header("Content-Length", "1")],
                "request.headers[0].name: is \"Content-Length\"",
            ),
            (
                |s| s.request.headers = vec![header("Max-Forwards", "0")],
                "request.headers[0].name: is \"Max-Forwards\": the balancer would answer",
            ),
            (
                |s| (s.request.method, s.request.body) = ("TRACE".into(), "x".into()),
                "request.body: is not empty: TRACE has no body",
            ),
            (|s| s.request.expect.status = Some(100), "request.expect.status: is 100"),
            (|s| s.timeout_seconds = Some(0), "timeoutSeconds: is 0: it must be between 1 and 3600 seconds"),
        ]);
    }

    #[test]
    fn several_generators_need_a_common_start_and_an_end_by_the_clock() {
        fn shared(spec: &mut RunSpec) {
            spec.slice = Slice { index: 1, count: 2 };
            spec.start_at = Some(jiff::Timestamp::UNIX_EPOCH);
            spec.phases = vec![open(|_| ())];
        }
        let mut spec = good();
        shared(&mut spec);
        assert!(validate(&spec, 960).is_ok());
        let users = |concurrency| {
            let stop = Stop::DurationSeconds(1);
            Phase::ClosedLoop(ClosedLoop { concurrency, stop })
        };
        spec.phases = vec![users(2 * 960)];
        assert!(validate(&spec, 960).is_ok(), "each has the files for its own users");
        spec.phases = vec![users(2 * 960 + 1)];
        assert!(validate(&spec, 960).is_err());
        assert_cases(&[
            (|s| s.slice = Slice { index: 2, count: 2 }, "slice.index: is 2: it must be below slice.count, 2"),
            (|s| s.slice = Slice { index: 0, count: 0 }, "slice.count: is 0"),
            (|s| s.slice = Slice { index: 0, count: 2 }, "startAt: is missing"),
            (
                |s| {
                    shared(s);
                    s.phases = vec![closed(10, 100)];
                },
                "phases[0]: counts requests",
            ),
        ]);
    }

    fn closed(concurrency: u32, requests: u64) -> Phase {
        Phase::ClosedLoop(ClosedLoop { concurrency, stop: Stop::Requests(requests) })
    }

    #[test]
    fn a_bad_balancer_address_is_named() {
        let mut spec = good();
        spec.balancer_control = Some("127.0.0.1:2".into());
        assert!(validate(&spec, 960).unwrap_err().to_string().starts_with("balancerControl: "));
        spec.balancer_control = Some("https://127.0.0.1:2".into());
        assert!(validate(&spec, 960).unwrap_err().to_string().ends_with("is plain http, write http://"));
    }
}
