//! Refuses a run that could not be carried out as written. Pure.

use std::collections::BTreeSet;

use wire::{Phase, RunSpec, Stop};

use crate::{Target, TargetError};

/// A run of 1,000 rounds of many clusters already takes days.
const MOST_ROUNDS: u32 = 1000;
/// One day: longer phases outlive every instance.
const LONGEST_SECONDS: u32 = 86_400;
/// What the process needs besides one open file per connection.
const OWN_OPEN_FILES: u64 = 64;

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
/// `open_files` is how many files this process may have open.
pub fn validate(spec: &RunSpec, open_files: u64) -> Result<Vec<Target>, InvalidSpec> {
    validate_id(&spec.id)?;
    if !(1..=MOST_ROUNDS).contains(&spec.rounds.count) {
        return invalid("rounds.count", format!("is {}: it must be between 1 and {MOST_ROUNDS}", spec.rounds.count));
    }
    validate_phases(&spec.phases, open_files)?;
    if let Some(url) = &spec.balancer_control {
        Target::parse("balancer", url).map_err(|error| of_target("balancerControl".into(), &error))?;
    }
    validate_targets(spec)
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

fn validate_phases(phases: &[Phase], open_files: u64) -> Result<(), InvalidSpec> {
    if !phases.iter().any(|phase| matches!(phase, Phase::ClosedLoop(_))) {
        return invalid("phases", "hold no load: add a closedLoop phase");
    }
    for (index, phase) in phases.iter().enumerate() {
        let field = |name: &str| format!("phases[{index}].{name}");
        let seconds = |name: &str, seconds: u32| match seconds {
            1..=LONGEST_SECONDS => Ok(()),
            _ => invalid(field(name), format!("is {seconds}: it must be between 1 and {LONGEST_SECONDS} seconds")),
        };
        match phase {
            Phase::Pause { seconds: length } => seconds("pause.seconds", *length)?,
            Phase::ClosedLoop(load) => {
                let most = open_files.saturating_sub(OWN_OPEN_FILES);
                if load.concurrency == 0 || u64::from(load.concurrency) > most {
                    return invalid(
                        field("closedLoop.concurrency"),
                        format!(
                            "is {}: it must be between 1 and {most}; each connection is an open file (ulimit -n)",
                            load.concurrency
                        ),
                    );
                }
                match load.stop {
                    Stop::Requests(0) => return invalid(field("closedLoop.stop.requests"), "is 0: send at least one"),
                    Stop::Requests(_) => {}
                    Stop::DurationSeconds(length) => seconds("closedLoop.stop.durationSeconds", length)?,
                }
            }
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
        let parsed = Target::parse(&target.cluster, &target.url)
            .map_err(|error| of_target(format!("targets[{index}].url"), &error))?;
        targets.push(parsed);
    }
    Ok(targets)
}

fn of_target(field: String, error: &TargetError) -> InvalidSpec {
    InvalidSpec { field, problem: error.to_string() }
}

#[cfg(test)]
mod tests {
    use wire::{ClosedLoop, Rounds, Target as SpecTarget};

    use super::*;

    fn good() -> RunSpec {
        RunSpec {
            id: "run-1".into(),
            seed: 1,
            rounds: Rounds { count: 20 },
            warmup_requests: 0,
            targets: vec![SpecTarget { cluster: "cluster1".into(), url: "http://127.0.0.1:1/cluster1".into() }],
            phases: vec![
                Phase::ClosedLoop(ClosedLoop { concurrency: 100, stop: Stop::Requests(500) }),
                Phase::Pause { seconds: 60 },
                Phase::ClosedLoop(ClosedLoop { concurrency: 1, stop: Stop::DurationSeconds(10) }),
            ],
            balancer_control: Some("http://127.0.0.1:2".into()),
        }
    }

    #[test]
    fn takes_a_good_run() {
        assert_eq!(validate(&good(), 1024).unwrap().len(), 1);
    }

    #[test]
    fn names_the_field_and_the_way_out() {
        type Case = (fn(&mut RunSpec), &'static str);
        let cases: [Case; 14] = [
            (|s| s.id = "../etc/passwd".into(), "id: is"),
            (|s| s.id = String::new(), "id: is"),
            (|s| s.rounds.count = 0, "rounds.count: is 0: it must be between 1 and 1000"),
            (|s| s.rounds.count = 1001, "rounds.count: is 1001"),
            (|s| s.targets.clear(), "targets: is empty"),
            (|s| s.targets[0].url = "ftp://x".into(), "targets[0].url: \"ftp://x\" does not start with http://"),
            (|s| s.targets.push(s.targets[0].clone()), "targets[1].cluster: \"cluster1\" is there twice"),
            (|s| s.targets[0].cluster.clear(), "targets[0].cluster: is empty"),
            (|s| s.phases.clear(), "phases: hold no load"),
            (|s| s.phases.retain(|p| matches!(p, Phase::Pause { .. })), "phases: hold no load"),
            (|s| s.phases[1] = Phase::Pause { seconds: 0 }, "phases[1].pause.seconds: is 0"),
            (|s| s.phases[0] = closed(0, 1), "phases[0].closedLoop.concurrency: is 0: it must be between 1 and 960"),
            (|s| s.phases[0] = closed(5000, 1), "phases[0].closedLoop.concurrency: is 5000"),
            (|s| s.phases[0] = closed(1, 0), "phases[0].closedLoop.stop.requests: is 0"),
        ];
        for (change, text) in cases {
            let mut spec = good();
            change(&mut spec);
            let error = validate(&spec, 1024).unwrap_err().to_string();
            assert!(error.starts_with(text), "{error:?} does not start with {text:?}");
        }
    }

    fn closed(concurrency: u32, requests: u64) -> Phase {
        Phase::ClosedLoop(ClosedLoop { concurrency, stop: Stop::Requests(requests) })
    }

    #[test]
    fn a_bad_balancer_address_is_named() {
        let mut spec = good();
        spec.balancer_control = Some("127.0.0.1:2".into());
        assert!(validate(&spec, 1024).unwrap_err().to_string().starts_with("balancerControl: "));
    }
}
