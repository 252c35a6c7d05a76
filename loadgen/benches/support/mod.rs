//! The tools that ours is measured beside, and how they are read.
#![allow(dead_code, reason = "each benchmark uses a part")]

pub(crate) mod server;

use std::process::{Command, Output};

use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    Ours,
    Wrk,
    Hey,
    Oha,
}

/// What a tool said.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    /// p50, p90, p99, p99.9 in microseconds. Absent: not said. Infinite: failures reach it.
    pub(crate) quantiles: [Option<f64>; 4],
    pub(crate) failed_percent: Option<f64>,
    pub(crate) requests: f64,
    pub(crate) requests_per_second: f64,
}

/// Users of the tools that only know closed loops: at 20 ms each they send about the rate.
const USERS: u32 = 50;

impl Tool {
    pub(crate) const ALL: [Self; 4] = [Self::Ours, Self::Wrk, Self::Hey, Self::Oha];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ours => "loadgen",
            Self::Wrk => "wrk",
            Self::Hey => "hey",
            Self::Oha => "oha",
        }
    }

    pub(crate) fn how_to_install(self) -> &'static str {
        match self {
            Self::Ours => "it is built with the benchmark",
            Self::Wrk => "apt-get install wrk",
            Self::Hey => "apt-get install hey",
            Self::Oha => "cargo install oha --locked",
        }
    }

    pub(crate) fn installed() -> Vec<Self> {
        Self::ALL.into_iter().filter(|tool| Command::new(tool.program()).arg("--help").output().is_ok()).collect()
    }

    pub(crate) fn program(self) -> String {
        match self {
            Self::Ours => env!("CARGO_BIN_EXE_loadgen").to_owned(),
            other => other.name().to_owned(),
        }
    }

    /// Asks for `rate` requests a second, as well as the tool can be asked for it.
    pub(crate) fn measure(self, url: &str, rate: u32, seconds: u32) -> Figures {
        let (rate_text, duration) = (rate.to_string(), format!("{seconds}s"));
        let users = USERS.to_string();
        let each = (rate / USERS).to_string();
        let arguments: Vec<&str> = match self {
            Self::Ours => {
                vec!["run", "--url", url, "--rate", &rate_text, "--duration", &duration, "--warmup", "1s", "--json"]
            }
            // wrk cannot be told a rate: it goes as fast as its users are answered.
            Self::Wrk => vec!["-t1", "-c", "10", "--latency", "--timeout", "30s", "-d", &duration, url],
            Self::Hey => vec!["-c", &users, "-q", &each, "-t", "30", "-z", &duration, url],
            Self::Oha => vec![
                "--no-tui",
                "--output-format",
                "json",
                "-c",
                &users,
                "-q",
                &rate_text,
                "--latency-correction",
                "-z",
                &duration,
                url,
            ],
        };
        let output = prioritized(&self.program()).args(arguments).output().expect("the tool starts");
        self.read(&output)
    }

    pub(crate) fn read(self, output: &Output) -> Figures {
        let text = String::from_utf8_lossy(&output.stdout);
        match self {
            Self::Ours => ours(&text),
            Self::Wrk => wrk(&text),
            Self::Hey => hey(&text),
            Self::Oha => oha(&text),
        }
    }
}

fn ours(text: &str) -> Figures {
    let result: Value = serde_json::from_str(text).expect("our JSON");
    let quantile = |name: &str| Some(result[name].as_f64().unwrap_or(f64::INFINITY));
    let number = |name: &str| result[name].as_f64().unwrap_or(0.0);
    Figures {
        quantiles: ["p50Micros", "p90Micros", "p99Micros", "p999Micros"].map(quantile),
        failed_percent: Some(number("failed") * 100.0 / number("requests").max(1.0)),
        requests: number("requests"),
        requests_per_second: number("requestsPerSecond"),
    }
}

/// `    99%   21.45ms`, `Requests/sec:    498.11`, `Socket errors: connect 0, read 100, write 0, timeout 0`.
fn wrk(text: &str) -> Figures {
    let line = |start: &str| text.lines().map(str::trim).find_map(|line| line.strip_prefix(start));
    let quantile = |name: &str| line(name).and_then(|value| micros(value.trim()));
    let requests = text.lines().find_map(|line| line.trim().split_once(" requests in ")?.0.parse().ok()).unwrap_or(0.0);
    let errors: f64 = line("Socket errors:")
        .map_or(0.0, |line| line.split([' ', ',']).filter_map(|word| word.parse::<f64>().ok()).sum());
    Figures {
        quantiles: [quantile("50%"), quantile("90%"), quantile("99%"), None],
        failed_percent: Some(errors * 100.0 / (requests + errors).max(1.0)),
        requests,
        requests_per_second: line("Requests/sec:").and_then(|text| text.trim().parse().ok()).unwrap_or(0.0),
    }
}

/// `  99% in 0.0214 secs` (`99%%` in some versions), `Requests/sec: 498.1`, and a count for each error.
fn hey(text: &str) -> Figures {
    let quantile = |name: &str| {
        let line = text.lines().map(str::trim).find(|line| line.starts_with(name) && line.contains(" in "))?;
        Some(line.split_whitespace().nth_back(1)?.parse::<f64>().ok()? * 1e6)
    };
    let counts = |start: &str| -> f64 {
        let after = text.lines().skip_while(|line| !line.starts_with(start)).skip(1);
        let rows = after.take_while(|line| line.trim_start().starts_with('['));
        rows.filter_map(|line| Some((line, line.trim_start().strip_prefix('[')?.split_once(']')?)))
            .filter_map(|(_, (first, rest))| {
                let count = if start.starts_with("Status") { rest.split_whitespace().next()? } else { first };
                count.parse::<f64>().ok()
            })
            .fold(0.0, |sum, count| sum + count)
    };
    let (good, bad) = (counts("Status code distribution"), counts("Error distribution"));
    Figures {
        quantiles: [quantile("50%"), quantile("90%"), quantile("99%"), None],
        failed_percent: Some(bad * 100.0 / (good + bad).max(1.0)),
        requests: good + bad,
        requests_per_second: text
            .lines()
            .find_map(|line| line.trim().strip_prefix("Requests/sec:")?.trim().parse().ok())
            .unwrap_or(0.0),
    }
}

fn oha(text: &str) -> Figures {
    let result: Value = serde_json::from_str(text).expect("oha's JSON");
    let quantile = |name: &str| result["latencyPercentiles"][name].as_f64().map(|seconds| seconds * 1e6);
    let sum = |name: &str| -> f64 {
        result[name].as_object().map_or(0.0, |counts| counts.values().filter_map(Value::as_f64).sum())
    };
    let (good, bad) = (sum("statusCodeDistribution"), sum("errorDistribution"));
    Figures {
        quantiles: ["p50", "p90", "p99", "p99.9"].map(quantile),
        failed_percent: Some(bad * 100.0 / (good + bad).max(1.0)),
        requests: good + bad,
        requests_per_second: result["summary"]["requestsPerSec"].as_f64().unwrap_or(0.0),
    }
}

fn micros(text: &str) -> Option<f64> {
    let units = [("us", 1.0), ("ms", 1e3), ("s", 1e6), ("m", 6e7)];
    let (unit, scale) = units.iter().find(|(unit, _)| text.ends_with(unit))?;
    text.strip_suffix(unit)?.parse::<f64>().ok().map(|number| number * scale)
}

/// A program that runs before others where that is allowed: what is measured is the tool, not its neighbours.
pub(crate) fn prioritized(program: &str) -> Command {
    if !may_prioritize() {
        return Command::new(program);
    }
    let mut command = Command::new("chrt");
    command.args(["-f", "10", program]);
    command
}

fn may_prioritize() -> bool {
    Command::new("chrt").args(["-f", "10", "true"]).status().is_ok_and(|status| status.success())
}

pub(crate) fn priority() -> &'static str {
    if may_prioritize() {
        "before everything else on the machine (`chrt -f 10`)"
    } else {
        "like everything else on the machine"
    }
}

pub(crate) fn millis(micros: f64) -> String {
    if micros.is_finite() { format!("{:.2} ms", micros / 1000.0) } else { "none".to_owned() }
}

/// `20.12 ms, +0.6 %`
pub(crate) fn percent_off(said: Option<f64>, truth: f64) -> String {
    let Some(said) = said else { return "not said".to_owned() };
    match (said.is_finite(), truth.is_finite()) {
        (true, true) => format!("{}, {:+.1} %", millis(said), (said / truth - 1.0) * 100.0),
        (false, false) => "none, right".to_owned(),
        _ => format!("{}, **wrong**", millis(said)),
    }
}
