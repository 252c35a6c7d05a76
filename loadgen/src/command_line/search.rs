//! `loadgen search`: the highest rate at which URLs keep an objective. Pure.

use std::str::FromStr;

use clap::Args;
use wire::{AUTO_ROUNDS, Judging, Looks, Metric, Objective, Rounds, RunSpec, Search};

use super::price::{self, HourlyPrice};
use super::request::RequestArguments;
use super::times::with_unit;
use super::{OutputArguments, ROUNDS_OF_A_RUN, Task, targets};

/// Searches for the highest rate at which each URL keeps an objective, and compares these capacities.
///
/// Before the first round each URL is asked one request at a time for 10 s, and by users that wait for 5 s. A round takes some
/// three steps of at least 11 s for each URL. The generator decides every rate itself. Exit codes as of `run`.
#[derive(Debug, Args)]
pub(super) struct SearchArguments {
    /// What to search on, http://host:port/path or https://, optionally as NAME=URL; repeat it to compare each with the first.
    #[arg(long = "url", value_name = "[NAME=]URL", required = true)]
    urls: Vec<String>,
    /// What answers have to keep: a quantile and a time, such as 'p99 <= 50ms'.
    #[arg(long, value_name = "OBJECTIVE")]
    objective: Kept,
    /// Requests of a thousand that may fail.
    #[arg(long, value_name = "PER_MILLE", default_value_t = 1)]
    max_failed: u32,
    /// How often each capacity is searched, in shuffled order; when absent 10 for one URL, and for several it is looked at after 10,
    /// 20 and 40 rounds, and the first look that decides ends it.
    #[arg(long, value_name = "COUNT")]
    rounds: Option<u32>,
    /// The highest rate that a step asks for, in requests per second. Users that wait for their answers, in the seconds before the
    /// first round, are not held to it.
    #[arg(long, value_name = "REQUESTS_PER_SECOND")]
    most: Option<u32>,
    /// Requests that a URL serves at the same time: 8 users for each show where the search begins. 8 when absent.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    slots: Option<u32>,
    /// What the instances behind a URL cost an hour, in US dollars: URLs are then compared by requests per dollar. Repeat it for
    /// each.
    #[arg(long, value_name = "NAME=USD")]
    price: Vec<HourlyPrice>,
    #[command(flatten)]
    request: RequestArguments,
    #[command(flatten)]
    output: OutputArguments,
}

/// `p99 <= 50ms`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kept {
    metric: Metric,
    at_most_micros: u64,
}

/// Text that is no objective.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum NoObjective {
    #[error("{0:?} is no objective: write QUANTILE <= TIME, such as 'p99 <= 50ms'")]
    Form(String),
    #[error("{0:?} is no quantile: give p50, p90, p99 or p99.9")]
    Quantile(String),
    #[error("{0:?} is no time above 0 with a unit: give one such as 50ms, 250us or 1.5s")]
    Time(String),
}

impl FromStr for Kept {
    type Err = NoObjective;

    fn from_str(text: &str) -> Result<Self, NoObjective> {
        let (quantile, time) = text.split_once("<=").ok_or_else(|| NoObjective::Form(text.to_owned()))?;
        let metric = match quantile.trim() {
            "p50" => Metric::P50,
            "p90" => Metric::P90,
            "p99" => Metric::P99,
            "p99.9" => Metric::P999,
            other => return Err(NoObjective::Quantile(other.to_owned())),
        };
        let micros = with_unit(time).and_then(|time| u64::try_from(time.as_micros()).ok()).filter(|micros| *micros > 0);
        let at_most_micros = micros.ok_or_else(|| NoObjective::Time(time.trim().to_owned()))?;
        Ok(Self { metric, at_most_micros })
    }
}

impl SearchArguments {
    pub(super) fn task(self) -> anyhow::Result<Task> {
        let Self { urls, objective, max_failed, rounds, most, slots, price, request, output } = self;
        let limit = request.timeout().0;
        anyhow::ensure!(
            u128::from(objective.at_most_micros) <= limit.as_micros(),
            "--objective: an answer may take {} s (--timeout), and the objective is longer: raise --timeout",
            limit.as_secs_f64()
        );
        let (looks, usual) =
            if urls.len() > 1 { (Looks::Auto, AUTO_ROUNDS) } else { (Looks::AtTheEnd, ROUNDS_OF_A_RUN) };
        let looks = if rounds.is_some() { Looks::AtTheEnd } else { looks };
        let targets = targets(&urls);
        let metric = if price.is_empty() { Metric::Capacity } else { Metric::RequestsPerUsd };
        let Kept { metric: quantile, at_most_micros } = objective;
        let objective = Objective { metric: quantile, at_most_micros, max_failed_per_mille: max_failed };
        let mut spec = request.spec()?;
        spec.facts.clusters = price::facts(&price, &targets, metric)?;
        let spec = RunSpec {
            rounds: Rounds { count: rounds.unwrap_or(usual) },
            targets,
            search: Some(Search { objective, most_requests_per_second: most, sizing: None }),
            judging: Judging { looks, metric, ..Judging::default() },
            ..spec
        };
        Ok(Task { spec, request, output, fail_if: Vec::new(), slots, urls_as: "--url" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_objective_is_a_quantile_and_a_time() {
        let kept = |metric, at_most_micros| Ok(Kept { metric, at_most_micros });
        assert_eq!("p99 <= 50ms".parse(), kept(Metric::P99, 50_000));
        assert_eq!("p99.9<=1.5s".parse(), kept(Metric::P999, 1_500_000));
        assert_eq!(" p50 <= 250us ".parse(), kept(Metric::P50, 250));
    }

    #[test]
    fn what_is_no_objective_is_told_why() {
        let said = |text: &str| text.parse::<Kept>().unwrap_err().to_string();
        assert_eq!(said("p99 < 50ms"), "\"p99 < 50ms\" is no objective: write QUANTILE <= TIME, such as 'p99 <= 50ms'");
        assert_eq!(said("p95 <= 50ms"), "\"p95\" is no quantile: give p50, p90, p99 or p99.9");
        for (text, time) in [("p99 <= 50", "50"), ("p99 <= 0ms", "0ms"), ("p99 <= -1ms", "-1ms"), ("p99 <=", "")] {
            let expected = format!("{time:?} is no time above 0 with a unit: give one such as 50ms, 250us or 1.5s");
            assert_eq!(said(text), expected);
        }
    }
}
