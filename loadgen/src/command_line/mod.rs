//! Command line: arguments as clap reads them, and the output for scripts.

pub(crate) mod fail_if;
pub(crate) mod files;
pub(crate) mod json;
mod load;
mod price;
mod request;
mod search;
pub(crate) mod stored;
mod times;
pub(crate) mod watch;

use std::path::PathBuf;

use agent::ControlArgs;
use clap::{Args, CommandFactory, Parser, Subcommand};
use loadgen::InvalidSpec;
use wire::{AUTO_ROUNDS, Judging, Looks, Metric, Rounds, RunSpec, Target};

use self::fail_if::FailIf;
use self::load::{LoadArguments, WarmUp, flag};
use self::price::HourlyPrice;
use self::request::RequestArguments;
use self::search::SearchArguments;
use self::times::{Seconds, seconds};
use self::watch::WatchArguments;

/// Ten rounds give an interval of useful width; see the table in the README.
const ROUNDS_OF_A_RUN: u32 = 10;
/// Defaults of `compare`: few enough users not to saturate, enough requests for a stable median.
const USERS_OF_A_COMPARISON: u32 = 8;
const REQUESTS_OF_A_COMPARISON: u64 = 1000;
const WARM_UP_OF_A_COMPARISON: u64 = 200;

/// Load generator: load that arrives when it should, percentiles that count failures, verdicts with an interval.
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
    Run(Box<RunArguments>),
    Compare(Box<CompareArguments>),
    Search(Box<SearchArguments>),
    Report(ReportArguments),
    Watch(WatchArguments),
    Agent(Box<AgentArguments>),
}

/// One command with its arguments.
pub(crate) enum Invocation {
    Measure(Box<Task>),
    Report(ReportArguments),
    Watch(WatchArguments),
    Agent(Box<AgentArguments>),
}

/// What is measured, and what becomes of the result.
pub(crate) struct Task {
    pub(crate) spec: RunSpec,
    pub(crate) request: RequestArguments,
    pub(crate) output: OutputArguments,
    pub(crate) fail_if: Vec<FailIf>,
    /// Requests that a URL serves at the same time, for a search that was told it.
    pub(crate) slots: Option<u32>,
    /// What messages call URLs: some commands have them without a flag.
    pub(crate) urls_as: &'static str,
}

/// Measures one or more URLs and prints the result.
///
/// Exit codes: 0 a valid result, 1 it could not be measured, 2 wrong arguments, 3 the result is not valid and must not
/// be quoted (the reasons are on standard error and in the result), 4 a condition of --fail-if holds.
#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// What to measure, http://host:port/path or https://, optionally as NAME=URL; repeat it to compare each with the first.
    #[arg(long = "url", value_name = "[NAME=]URL", required = true)]
    urls: Vec<String>,
    /// What messages call them: `compare` has them without a flag.
    #[arg(skip = "--url")]
    urls_as: &'static str,
    /// How often each URL is measured, in shuffled order; 1 for one URL and 10 for several when absent.
    #[arg(long, value_name = "COUNT")]
    rounds: Option<u32>,
    /// Set by `compare` without --rounds.
    #[arg(skip)]
    looks: Looks,
    #[command(flatten)]
    load: LoadArguments,
    #[command(flatten)]
    output: OutputArguments,
    #[command(flatten)]
    judging: JudgingArguments,
}

/// Compares URLs with the first one: shuffled rounds, one seed for each round, and a verdict with an interval.
///
/// Without --rate or --closed-loop it keeps 8 requests open, without --requests or --duration it sends 1000 to each in
/// each round. Exit codes as of `run`.
#[derive(Debug, Args)]
pub(crate) struct CompareArguments {
    /// What to compare, http://host:port/path or https://, optionally as NAME=URL; the first is what the others are compared with.
    #[arg(value_name = "[NAME=]URL", required = true, num_args = 2..)]
    urls: Vec<String>,
    /// How often each URL is measured, in shuffled order; when absent it is looked at after 10, 20 and 40 rounds, and
    /// the first look that decides ends it.
    #[arg(long, value_name = "COUNT")]
    rounds: Option<u32>,
    #[command(flatten)]
    load: LoadArguments,
    #[command(flatten)]
    output: OutputArguments,
    #[command(flatten)]
    judging: JudgingArguments,
}

#[derive(Debug, Args)]
pub(crate) struct OutputArguments {
    /// Prints one JSON object instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
    /// Prints one line for each URL in each round, as CSV, instead of a table.
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
    /// Writes the result as a page into this file: one that can be mailed, printed and opened without a network.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Writes every second's histograms into this file, an HdrHistogram interval log.
    #[arg(long, value_name = "FILE")]
    pub(crate) histogram: Option<PathBuf>,
    /// Writes every send of an open loop into this file: planned and real moment, in nanoseconds from its start.
    #[arg(long, value_name = "FILE")]
    pub(crate) sends: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct JudgingArguments {
    /// What URLs are compared by: p50, p90, p99, p99.9, rate, or per-dollar with --price and --closed-loop.
    #[arg(long, value_name = "METRIC", default_value = "p50", value_parser = metric)]
    metric: Metric,
    /// What the instances behind a URL cost an hour, in US dollars; repeat it for each.
    #[arg(long, value_name = "NAME=USD")]
    price: Vec<HourlyPrice>,
    /// Ends with exit code 4 when it holds for a URL, such as 'p99 > 50ms', 'rate < 1000', 'failed > 0.1%' or 'wrong > 0'.
    #[arg(long, value_name = "CONDITION")]
    fail_if: Vec<FailIf>,
}

/// Prints a report that is there already: what `run --json` wrote, or a BenchmarkReport as `kubectl get -o json` prints it.
///
/// Exit codes: 0 it is valid, 1 it cannot be read or drawn, 3 it is not valid and must not be quoted.
#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// The JSON document, of the report alone or of the BenchmarkReport around it; `-`: standard input.
    pub(crate) file: PathBuf,
    /// Prints one line for each cluster in each round, as CSV, instead of text.
    #[arg(long)]
    pub(crate) csv: bool,
    /// Prints it as Markdown, for the comment of a pull request, instead of text.
    #[arg(long, conflicts_with_all = ["csv", "svg", "html"])]
    pub(crate) md: bool,
    /// Draws requests, requests per target and response times over time instead, CloudWatch's beside them where the
    /// BenchmarkReport has them: requests.svg, per-target.svg and response-time.svg in this directory, and where requests
    /// went through queues queue.svg and instances.svg.
    #[arg(long, value_name = "DIR", conflicts_with = "csv")]
    pub(crate) svg: Option<PathBuf>,
    /// Writes it as a page into this file instead: one that can be mailed, printed and opened without a network.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["csv", "svg"])]
    pub(crate) html: Option<PathBuf>,
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
    /// A hosts file (hosts(5)) that is read before anybody is asked for a name, anew each time.
    #[arg(long, env = "HOSTS_FILE", value_name = "FILE")]
    pub(crate) hosts: Option<PathBuf>,
}

#[derive(Debug, Parser)]
#[command(name = "loadgen")]
struct BareAgent {
    #[command(flatten)]
    agent: AgentArguments,
}

fn metric(text: &str) -> Result<Metric, String> {
    match text {
        "p50" => Ok(Metric::P50),
        "p90" => Ok(Metric::P90),
        "p99" => Ok(Metric::P99),
        "p99.9" => Ok(Metric::P999),
        "rate" => Ok(Metric::RequestsPerSecond),
        "per-dollar" => Ok(Metric::RequestsPerUsd),
        "per-thousand" => {
            Err("what a thousand right answers cost is measured in a benchmark with balancer.kind Queue \
                               (load.comparison.metric UsdMicrosPerThousand): here nobody knows what was used"
                .to_owned())
        }
        _ => Err("give p50, p90, p99, p99.9, rate or per-dollar".to_owned()),
    }
}

/// Reads the command line; ends the process with code 2 and a message when it is wrong.
///
/// # Errors
/// Arguments that do not go together.
pub(crate) fn parse() -> anyhow::Result<Invocation> {
    Ok(match Arguments::parse().command {
        Some(Command::Run(run)) => Invocation::Measure(Box::new(run.task()?)),
        Some(Command::Compare(compare)) => Invocation::Measure(Box::new(compare.run().task()?)),
        Some(Command::Search(search)) => Invocation::Measure(Box::new(search.task()?)),
        Some(Command::Watch(watch)) => Invocation::Watch(watch),
        Some(Command::Agent(agent)) => Invocation::Agent(agent),
        Some(Command::Report(report)) => Invocation::Report(report),
        None if std::env::var_os("CONTROL_LISTEN").is_some() => Invocation::Agent(Box::new(BareAgent::parse().agent)),
        None => Arguments::command()
            .error(
                clap::error::ErrorKind::MissingSubcommand,
                "say what to do: `loadgen run --url http://host:port/ --closed-loop 10 --requests 1000`, \
                 or `loadgen agent` (also when CONTROL_LISTEN is set)",
            )
            .exit(),
    })
}

impl CompareArguments {
    /// The run that it is.
    fn run(self) -> RunArguments {
        let Self { urls, rounds, mut load, output, judging } = self;
        if load.rate.is_none() {
            load.closed_loop.get_or_insert(USERS_OF_A_COMPARISON);
        }
        if load.duration.is_none() {
            load.requests.get_or_insert(REQUESTS_OF_A_COMPARISON);
        }
        load.warmup.get_or_insert(WarmUp::Requests(WARM_UP_OF_A_COMPARISON));
        let looks = if rounds.is_none() { Looks::Auto } else { Looks::AtTheEnd };
        let rounds = Some(rounds.unwrap_or(AUTO_ROUNDS));
        RunArguments { urls, urls_as: "URL", rounds, looks, load, output, judging }
    }
}

impl RunArguments {
    fn task(self) -> anyhow::Result<Task> {
        let Self { urls, urls_as, rounds, looks, load, output, judging } = self;
        let count = rounds.unwrap_or(if urls.len() > 1 { ROUNDS_OF_A_RUN } else { 1 });
        let targets = targets(&urls);
        let JudgingArguments { metric, price, fail_if } = judging;
        let mut spec = load.spec()?;
        spec.facts.clusters = price::facts(&price, &targets, metric)?;
        let judging = Judging { looks, metric, ..Judging::default() };
        let spec = RunSpec { rounds: Rounds { count }, targets, judging, ..spec };
        Ok(Task { spec, request: load.request, output, fail_if, slots: None, urls_as })
    }
}

impl Task {
    /// The same error with the flag instead of the field of the document.
    pub(crate) fn in_flags(&self, error: &InvalidSpec) -> anyhow::Error {
        let flag = if error.field.starts_with("targets") { self.urls_as } else { flag(&error.field) };
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
        Target { cluster, url: (*url).to_owned(), ..Target::default() }
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
    let before_query = after_scheme.split(['?', '#']).next().unwrap_or_default();
    let path = before_query.split_once('/').map_or("", |(_, path)| path);
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
        assert_eq!(names(&["http://h?a=b/c"]), ["url1 http://h?a=b/c"]);
    }

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
        BareAgent::command().debug_assert();
    }
}
