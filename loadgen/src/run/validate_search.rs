//! Refuses a search that could not be carried out as written. Pure.

use wire::{Metric, RunSpec};

use crate::{InvalidSpec, Settings};

/// More than any server takes; a generator can be asked for no more.
const FASTEST: u32 = 10_000_000;

/// Checks a search, and what only a search has.
pub(crate) fn validate_search(spec: &RunSpec) -> Result<(), InvalidSpec> {
    let invalid = |field: String, problem: String| Err(InvalidSpec { field, problem });
    let Some(search) = &spec.search else {
        return match asks_for_capacity(spec) {
            Some(field) => invalid(
                field,
                "is Capacity, which only a search finds: give search in place of phases, or choose another metric"
                    .to_owned(),
            ),
            None => Ok(()),
        };
    };
    if !spec.phases.is_empty() {
        return invalid(
            "search".to_owned(),
            "stands beside phases: a search decides its load itself, remove one of them".to_owned(),
        );
    }
    let objective = &search.objective;
    if !matches!(objective.metric, Metric::P50 | Metric::P90 | Metric::P99 | Metric::P999) {
        let problem = format!(
            "is {:?}, which is no quantile of the latency: choose P50Micros, P90Micros, P99Micros or P999Micros",
            objective.metric
        );
        return invalid("search.objective.metric".to_owned(), problem);
    }
    let limit = spec
        .timeout_seconds
        .map_or(Settings::REQUEST_LIMIT.as_micros() as u64, |seconds| u64::from(seconds) * 1_000_000);
    if objective.at_most_micros == 0 || objective.at_most_micros > limit {
        let problem = format!(
            "is {}: it must be above 0, and at most {limit}, how long an answer may take (timeoutSeconds)",
            objective.at_most_micros
        );
        return invalid("search.objective.atMostMicros".to_owned(), problem);
    }
    if objective.max_failed_per_mille >= 1000 {
        let problem = format!(
            "is {}: it must be below 1000, or nothing would have to be answered",
            objective.max_failed_per_mille
        );
        return invalid("search.objective.maxFailedPerMille".to_owned(), problem);
    }
    if let Some(most) = search.most_requests_per_second.filter(|most| !(1..=FASTEST).contains(most)) {
        return invalid(
            "search.mostRequestsPerSecond".to_owned(),
            format!("is {most}: it must be between 1 and {FASTEST}"),
        );
    }
    if spec.slice.count > 1 {
        let problem = format!(
            "is {}: generators would have to agree on every rate, let one generator search, or give phases",
            spec.slice.count
        );
        return invalid("slice.count".to_owned(), problem);
    }
    if let Some(at) = spec.targets.iter().position(|target| target.scaled) {
        return invalid(format!("targets[{at}].scaled"), BEHIND_QUEUES.to_owned());
    }
    if let Some(at) = spec.targets.iter().position(|target| target.shared) {
        let problem = "a search is of each cluster alone: leave this target out, or give phases";
        return invalid(format!("targets[{at}].shared"), problem.to_owned());
    }
    if !matches!(spec.judging.metric, Metric::Capacity | Metric::RequestsPerUsd) {
        let problem = format!(
            "is {:?}, which a search has at another rate of each cluster: choose Capacity or RequestsPerUsd",
            spec.judging.metric
        );
        return invalid("judging.metric".to_owned(), problem);
    }
    Ok(())
}

/// What is said of a search on what takes every request and answers it some time.
pub(crate) const BEHIND_QUEUES: &str = "a queue takes every request, and its instances follow it, so that there is no rate \
                                        which is just kept: measure it with phases, or search behind a balancer";

/// The field that asks for capacities.
fn asks_for_capacity(spec: &RunSpec) -> Option<String> {
    if spec.judging.metric == Metric::Capacity {
        return Some("judging.metric".to_owned());
    }
    let at = spec.judging.thresholds.iter().position(|threshold| threshold.metric == Metric::Capacity)?;
    Some(format!("judging.thresholds[{at}].metric"))
}

#[cfg(test)]
mod tests {
    use wire::{Judging, Limit, Objective, Phase, Search, Slice, Target, Threshold};

    use super::*;

    fn good() -> RunSpec {
        let objective = Objective { metric: Metric::P99, at_most_micros: 50_000, max_failed_per_mille: 1 };
        RunSpec {
            search: Some(Search { objective, most_requests_per_second: Some(1_000), sizing: None }),
            slice: Slice::default(),
            targets: vec![Target::default()],
            judging: Judging { metric: Metric::Capacity, ..Judging::default() },
            ..RunSpec::default()
        }
    }

    fn refused(change: impl FnOnce(&mut RunSpec)) -> Option<String> {
        let mut spec = good();
        change(&mut spec);
        validate_search(&spec).err().map(|error| error.to_string())
    }

    #[test]
    fn names_the_field_and_the_way_out() {
        type Case = (fn(&mut RunSpec), &'static str);
        fn asked(spec: &mut RunSpec) -> &mut Objective {
            &mut spec.search.as_mut().unwrap().objective
        }
        let cases: [Case; 12] = [
            (
                |s| s.targets[0].shared = true,
                "targets[0].shared: a search is of each cluster alone: leave this target out",
            ),
            (
                |s| s.phases.push(Phase::Pause { seconds: 1 }),
                "search: stands beside phases: a search decides its load itself, remove one of them",
            ),
            (
                |s| asked(s).metric = Metric::RequestsPerSecond,
                "search.objective.metric: is RequestsPerSecond, which is no quantile of the latency: choose P50Micros",
            ),
            (
                |s| asked(s).at_most_micros = 0,
                "search.objective.atMostMicros: is 0: it must be above 0, and at most 30000000",
            ),
            (|s| asked(s).at_most_micros = 30_000_001, "search.objective.atMostMicros: is 30000001: it must"),
            (
                |s| asked(s).max_failed_per_mille = 1000,
                "search.objective.maxFailedPerMille: is 1000: it must be below 1000",
            ),
            (
                |s| s.search.as_mut().unwrap().most_requests_per_second = Some(0),
                "search.mostRequestsPerSecond: is 0: it must be between 1 and 10000000",
            ),
            (
                |s| s.slice = Slice { index: 0, count: 2 },
                "slice.count: is 2: generators would have to agree on every rate, let one",
            ),
            (|s| s.targets[0].scaled = true, "targets[0].scaled: a queue takes every request"),
            (
                |s| s.judging.metric = Metric::P50,
                "judging.metric: is P50, which a search has at another rate of each cluster: choose Capacity",
            ),
            (
                |s| s.search = None,
                "judging.metric: is Capacity, which only a search finds: give search in place of phases",
            ),
            (
                |s| {
                    (s.search, s.judging.metric) = (None, Metric::P50);
                    let limit = Limit::AtLeast(1);
                    s.judging.thresholds = vec![Threshold { metric: Metric::Capacity, cluster: String::new(), limit }];
                },
                "judging.thresholds[0].metric: is Capacity, which only a search finds",
            ),
        ];
        for (change, text) in cases {
            let error = refused(change).unwrap_or_default();
            assert!(error.starts_with(text), "{error:?} does not start with {text:?}");
        }
    }

    #[test]
    fn a_search_is_taken_also_by_requests_per_dollar_and_with_a_longer_limit() {
        assert_eq!(refused(|_| ()), None);
        assert_eq!(refused(|s| s.judging.metric = Metric::RequestsPerUsd), None);
        let longer = |s: &mut RunSpec| {
            s.timeout_seconds = Some(60);
            s.search.as_mut().unwrap().objective.at_most_micros = 60_000_000;
        };
        assert_eq!(refused(longer), None);
        assert_eq!(refused(|s| *s = RunSpec::default()), None, "no search");
    }
}
