//! Flags of the load.

use anyhow::bail;
use clap::{ArgGroup, Args};
use jiff::Timestamp;
use wire::{Arrivals, ClosedLoop, OpenLoop, Phase, Ramp, RunSpec, Slice, Stop};

use super::request::RequestArguments;
use super::times::whole_seconds;

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("pace").multiple(false))]
pub(crate) struct LoadArguments {
    /// Requests per second, sent when they are due whether or not earlier ones were answered (open loop).
    #[arg(long, value_name = "REQUESTS_PER_SECOND", group = "pace")]
    pub(crate) rate: Option<u32>,
    /// Requests kept open at the same time; each waits for its whole answer before the next is sent.
    #[arg(long, value_name = "CONCURRENCY", group = "pace")]
    pub(crate) closed_loop: Option<u32>,
    /// With --rate: independent users (exponential gaps) instead of equal gaps.
    #[arg(long, conflicts_with = "closed_loop")]
    pub(crate) poisson: bool,
    /// With --rate and --duration: the rate of the last step.
    #[arg(long, value_name = "REQUESTS_PER_SECOND", requires = "rate", requires = "duration")]
    pub(crate) ramp_to: Option<u32>,
    /// Steps from --rate to --ramp-to, all of the same length.
    #[arg(long, value_name = "COUNT", default_value_t = 10, requires = "ramp_to")]
    pub(crate) steps: u32,
    /// With --rate: open connections at most; a request that finds none waits, and its clock runs.
    #[arg(long, value_name = "COUNT", requires = "rate")]
    pub(crate) max_connections: Option<u32>,
    /// Requests per URL and round.
    #[arg(long, value_name = "COUNT", conflicts_with = "duration")]
    pub(crate) requests: Option<u64>,
    /// Load per URL and round instead of a number of requests, such as 30s or 5m; open requests are waited for.
    #[arg(long, value_name = "TIME", value_parser = whole_seconds)]
    pub(crate) duration: Option<u32>,
    /// Before the first round, counted nowhere: a number of requests per URL, or a time such as 10s. When absent: 200
    /// requests for `compare`, none for `run`.
    #[arg(long, value_name = "COUNT|TIME", value_parser = warm_up)]
    pub(crate) warmup: Option<WarmUp>,
    /// How long open requests are waited for at the end of the load; then they count as at least so slow. When absent: --timeout,
    /// or 10 s.
    #[arg(long, value_name = "TIME", value_parser = whole_seconds)]
    drain: Option<u32>,
    #[command(flatten)]
    pub(crate) request: RequestArguments,
    /// This generator's slice of the load, from 0/N to (N-1)/N; N of them together send what one would.
    #[arg(long, value_name = "I/N", value_parser = slice, requires = "start_at")]
    slice: Option<Slice>,
    /// When the load starts, such as 2026-01-31T12:00:00Z: the same for all generators.
    #[arg(long, value_name = "TIME")]
    start_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum WarmUp {
    Requests(u64),
    Seconds(u32),
}

impl LoadArguments {
    /// A spec without targets and rounds.
    pub(crate) fn spec(&self) -> anyhow::Result<RunSpec> {
        let (warmup_requests, warmup_seconds) = match self.warmup {
            None => (0, 0),
            Some(WarmUp::Requests(requests)) => (requests, 0),
            Some(WarmUp::Seconds(seconds)) => (0, seconds),
        };
        Ok(RunSpec {
            warmup_requests,
            warmup_seconds,
            phases: vec![self.phase()?],
            drain_seconds: self.drain,
            slice: self.slice.unwrap_or_default(),
            start_at: self.start_at,
            ..self.request.spec()?
        })
    }

    fn phase(&self) -> anyhow::Result<Phase> {
        let stop = match (self.requests, self.duration) {
            (Some(requests), _) => Stop::Requests(requests),
            (None, Some(seconds)) => Stop::DurationSeconds(seconds),
            (None, None) => bail!("--requests: say how many, or give --duration"),
        };
        if let Some(concurrency) = self.closed_loop {
            return Ok(Phase::ClosedLoop(ClosedLoop { concurrency, stop }));
        }
        let Some(requests_per_second) = self.rate else {
            bail!("--rate: say how many requests per second, or give --closed-loop");
        };
        Ok(Phase::OpenLoop(OpenLoop {
            arrivals: if self.poisson { Arrivals::Poisson } else { Arrivals::Constant },
            requests_per_second,
            stop,
            ramp: self.ramp_to.map(|to_requests_per_second| Ramp { to_requests_per_second, steps: self.steps }),
            max_connections: self.max_connections,
        }))
    }
}

/// The flag that a field of the document comes from.
pub(crate) fn flag(field: &str) -> &str {
    let within_phase = field.strip_prefix("phases[0].").unwrap_or(field);
    match within_phase {
        "rounds.count" => "--rounds",
        "closedLoop.concurrency" => "--closed-loop",
        "closedLoop.stop.requests" | "openLoop.stop.requests" => "--requests",
        "closedLoop.stop.durationSeconds" | "openLoop.stop.durationSeconds" => "--duration",
        "openLoop.requestsPerSecond" => "--rate",
        "openLoop.maxConnections" => "--max-connections",
        "openLoop.ramp" | "openLoop.ramp.toRequestsPerSecond" => "--ramp-to",
        "openLoop.ramp.steps" => "--steps",
        "warmupSeconds" => "--warmup",
        "judging.metric" => "--metric",
        "search.mostRequestsPerSecond" => "--most",
        "search.objective.maxFailedPerMille" => "--max-failed",
        field if field.starts_with("search.objective") => "--objective",
        "request.method" => "--method",
        "timeoutSeconds" => "--timeout",
        "request.expect.status" => "--expect-status",
        "slice.index" | "slice.count" | "phases[0]" => "--slice",
        "startAt" => "--start-at",
        field if field.starts_with("request.headers") => "--header",
        field => field,
    }
}

fn warm_up(text: &str) -> Result<WarmUp, String> {
    if let Ok(requests) = text.parse() {
        return Ok(WarmUp::Requests(requests));
    }
    whole_seconds(text).map(WarmUp::Seconds).map_err(|_| "give a number of requests, or a time such as 10s".to_owned())
}

fn slice(text: &str) -> Result<Slice, String> {
    let wrong = || "give I/N, such as 0/2 and 1/2 for two generators".to_owned();
    let (index, count) = text.split_once('/').ok_or_else(wrong)?;
    let number = |text: &str| text.parse::<u32>().map_err(|_| wrong());
    Ok(Slice { index: number(index)?, count: number(count)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warm_up_is_a_number_of_requests_or_a_time() {
        assert!(matches!(warm_up("100"), Ok(WarmUp::Requests(100))));
        assert!(matches!(warm_up("10s"), Ok(WarmUp::Seconds(10))));
    }

    #[test]
    fn slices_are_read() {
        assert_eq!(slice("1/4"), Ok(Slice { index: 1, count: 4 }));
        assert!(["1", "a/b", "1/-2"].iter().all(|text| slice(text).is_err()));
    }
}
