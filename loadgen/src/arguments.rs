//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use agent::ControlArgs;
use anyhow::bail;
use clap::{Args, CommandFactory, Parser, Subcommand};
use loadgen::InvalidSpec;
use wire::{ClosedLoop, Phase, Rounds, RunSpec, Stop, Target};

/// Ten rounds give an interval of useful width; see the table in the README.
const ROUNDS_OF_A_COMPARISON: u32 = 10;

/// Load generator: closed-loop load in interleaved rounds, honest percentiles, clusters compared with an interval.
///
/// Without a command it is the agent, when CONTROL_LISTEN is set.
#[derive(Debug, Parser)]
#[command(name = "loadgen", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(RunArguments),
    Agent(Box<AgentArguments>),
}

/// What was asked for.
pub(crate) enum Invocation {
    Run(RunArguments),
    Agent(Box<AgentArguments>),
}

/// Measures one or more URLs once and prints the result.
///
/// Exit codes: 0 a valid result, 1 it could not be measured, 2 wrong arguments, 3 the result is not valid and must not
/// be quoted (the reasons are on standard error and in the result).
#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// What to measure, http://host:port/path, optionally as NAME=URL; repeat it to compare each with the first.
    #[arg(long = "url", value_name = "[NAME=]URL", required = true)]
    urls: Vec<String>,
    /// Requests kept open at the same time; each waits for its whole answer before the next is sent.
    #[arg(long, value_name = "CONCURRENCY")]
    closed_loop: u32,
    /// Requests per URL and round.
    #[arg(long, value_name = "COUNT", required_unless_present = "duration", conflicts_with = "duration")]
    requests: Option<u64>,
    /// Seconds of load per URL and round, instead of a number of requests; open requests are waited for.
    #[arg(long, value_name = "SECONDS")]
    duration: Option<u32>,
    /// How often each URL is measured, in shuffled order; 1 for one URL and 10 for several when absent.
    #[arg(long, value_name = "COUNT")]
    rounds: Option<u32>,
    /// Decides the order and the header x-clusterbench-seed of each request; drawn and printed when absent.
    #[arg(long)]
    seed: Option<u64>,
    /// Requests sent to each URL before the first round and counted nowhere.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    warmup: u64,
    /// Seconds a request may take; then it is counted as a timeout.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) timeout: Seconds,
    /// Prints one JSON object instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Serves the control API of the operator and carries out the runs it asks for.
#[derive(Debug, Args)]
pub(crate) struct AgentArguments {
    #[command(flatten)]
    pub(crate) control: ControlArgs,
    /// Where runs and reports are kept until the operator has collected them.
    #[arg(long, env = "DATA_DIR", value_name = "DIRECTORY", default_value = "data")]
    pub(crate) data_dir: PathBuf,
    /// Seconds a request may take; then it is counted as a timeout.
    #[arg(long, env = "REQUEST_TIMEOUT_SECONDS", value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) timeout: Seconds,
    /// Seconds to wait before a round for lost members to be healthy again; then the round is void.
    #[arg(long, env = "RECOVERY_SECONDS", value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) recovery: Seconds,
}

#[derive(Debug, Parser)]
#[command(name = "loadgen")]
struct BareAgent {
    #[command(flatten)]
    agent: AgentArguments,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Seconds(pub(crate) Duration);

fn seconds(text: &str) -> Result<Seconds, String> {
    const WAY_OUT: &str = "give a number of seconds above 0 and up to 3600, such as 30 or 0.5";
    let number: f64 = text.parse().map_err(|_| WAY_OUT.to_owned())?;
    if number > 0.0 && number <= 3600.0 {
        Ok(Seconds(Duration::from_secs_f64(number)))
    } else {
        Err(WAY_OUT.to_owned())
    }
}

/// Reads the command line; ends the process with code 2 and a message when it is wrong.
pub(crate) fn parse() -> Invocation {
    match Arguments::parse().command {
        Some(Command::Run(run)) => Invocation::Run(run),
        Some(Command::Agent(agent)) => Invocation::Agent(agent),
        None if std::env::var_os("CONTROL_LISTEN").is_some() => Invocation::Agent(Box::new(BareAgent::parse().agent)),
        None => Arguments::command()
            .error(
                clap::error::ErrorKind::MissingSubcommand,
                "say what to do: `loadgen run --url http://host:port/ --closed-loop 10 --requests 1000`, \
                 or `loadgen agent` (also when CONTROL_LISTEN is set)",
            )
            .exit(),
    }
}

impl RunArguments {
    pub(crate) fn spec(&self) -> anyhow::Result<RunSpec> {
        let stop = match (self.requests, self.duration) {
            (Some(requests), _) => Stop::Requests(requests),
            (None, Some(seconds)) => Stop::DurationSeconds(seconds),
            (None, None) => bail!("--requests: say how many, or give --duration"),
        };
        let count = self.rounds.unwrap_or(if self.urls.len() > 1 { ROUNDS_OF_A_COMPARISON } else { 1 });
        Ok(RunSpec {
            id: "command-line".to_owned(),
            // Below 2^53, so that the JSON holds it exactly.
            seed: self.seed.unwrap_or_else(|| rand::random::<u64>() >> 11),
            rounds: Rounds { count },
            warmup_requests: self.warmup,
            targets: targets(&self.urls),
            phases: vec![Phase::ClosedLoop(ClosedLoop { concurrency: self.closed_loop, stop })],
            balancer_control: None,
        })
    }

    /// The same error with the flag instead of the field of the document.
    pub(crate) fn in_flags(&self, error: &InvalidSpec) -> anyhow::Error {
        let flag = match error.field.as_str() {
            "rounds.count" => "--rounds",
            "phases[0].closedLoop.concurrency" => "--closed-loop",
            "phases[0].closedLoop.stop.requests" => "--requests",
            "phases[0].closedLoop.stop.durationSeconds" => "--duration",
            field if field.starts_with("targets") => "--url",
            field => field,
        };
        anyhow::anyhow!("{flag}: {}", error.problem)
    }
}

/// Names that were not given come from the path, or count up where paths are empty or the same.
fn targets(urls: &[String]) -> Vec<Target> {
    let split: Vec<(Option<&str>, &str)> = urls.iter().map(|url| name_and_url(url)).collect();
    let paths: Vec<String> = split.iter().map(|(_, url)| last_segment(url)).collect();
    let number = |path: &String| paths.iter().filter(|other| *other == path).count();
    let named = |(index, (name, url)): (usize, &(Option<&str>, &str))| {
        let path = &paths[index];
        let cluster = match name {
            Some(name) => (*name).to_owned(),
            None if !path.is_empty() && number(path) == 1 => path.clone(),
            None => format!("url{}", index + 1),
        };
        Target { cluster, url: (*url).to_owned() }
    };
    split.iter().enumerate().map(named).collect()
}

/// `NAME=URL`; an equals sign after a colon or slash is part of the URL.
fn name_and_url(text: &str) -> (Option<&str>, &str) {
    match text.split_once('=') {
        Some((name, url)) if !name.contains([':', '/']) => (Some(name), url),
        _ => (None, text),
    }
}

fn last_segment(url: &str) -> String {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = after_scheme.split_once('/').map_or("", |(_, path)| path);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    path.trim_matches('/').rsplit('/').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(urls: &[&str]) -> Vec<String> {
        let urls: Vec<String> = urls.iter().map(|url| (*url).to_owned()).collect();
        targets(&urls).into_iter().map(|target| format!("{} {}", target.cluster, target.url)).collect()
    }

    #[test]
    fn urls_have_names() {
        assert_eq!(
            names(&["a=http://h/x", "http://h/cluster2?q=1"]),
            ["a http://h/x", "cluster2 http://h/cluster2?q=1"]
        );
        assert_eq!(names(&["http://h:1/", "http://h:2"]), ["url1 http://h:1/", "url2 http://h:2"]);
        assert_eq!(names(&["http://h/same", "http://h/same"]), ["url1 http://h/same", "url2 http://h/same"]);
        assert_eq!(names(&["http://h/?a=b"]), ["url1 http://h/?a=b"]);
    }

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
        BareAgent::command().debug_assert();
    }

    #[test]
    fn seconds_may_have_decimals() {
        assert_eq!(seconds("0.5").unwrap().0, Duration::from_millis(500));
        assert!(["0", "-1", "x", "3601", "inf", "NaN"].iter().all(|text| seconds(text).is_err()));
    }
}
