//! `test`: everything that gates a commit, in the order in which a mistake is cheapest to find.

use std::time::{Duration, Instant};

use crate::outcomes::{self, Failure, Tally};
use crate::suite::{self, Binary};
use crate::{Outcome, Paths, advisories, build, helm, lab, lint, oldest, run, say, tidy, workflows};

/// Tests that are named at the end, for who has to make room.
const SLOWEST: usize = 10;

/// Parts and binaries that took less are not listed on their own.
const WORTH_A_LINE: Duration = Duration::from_secs(1);

/// Crates all of whose tests `--fast` runs.
const FAST: [&str; 3] = ["planner", "cloudsim", "stats"];

/// The balancer's policies are pure; the rest of it opens sockets.
const POLICIES: (&str, &str) = ("balancer", "polic");

/// Crates whose tests start programs of ours, or the control plane.
const STARTING: [&str; 2] = ["lab", "cloud"];

/// Tests run beside each other, on a machine that others use too: what fails is tried once more, alone, and the end says that it
/// was. More failures of a binary than this are no disturbance.
const TRIED_AGAIN: usize = 4;

/// What a failure says that is never tried again: an instance too many, one that is left, or something of somebody else.
const NEVER: &str = "broken rule";

/// What took how long.
#[derive(Default)]
struct Times {
    parts: Vec<(String, Duration)>,
}

impl Times {
    fn part<T>(&mut self, name: &str, work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
        let started = Instant::now();
        let result = work();
        self.parts.push((name.to_owned(), started.elapsed()));
        result
    }
}

pub(crate) fn test(paths: &Paths) -> Outcome {
    let started = Instant::now();
    let mut times = Times::default();
    times.part("format", || format(paths))?;
    times.part("tidy", || tidy::tidy(paths))?;
    times.part("advisories", || advisories::check(paths))?;
    let built = times.part("build", || build_with_helm(paths))?;
    times.part("oldest Kubernetes", || oldest::check(paths))?;
    times.part("workflows", || workflows::check(paths))?;
    times.part("clippy", || lint::lint(paths))?;
    // After the binaries, so that both agree on features.
    let binaries = times.part("build of the tests", || suite::all(paths))?;
    let mut tally = Tally::default();
    for binary in &binaries {
        tally.add(one(paths, &mut times, binary, &[], Some(&built))?);
    }
    let documents = &mut run::cargo(paths, &["test", "--workspace", "--doc", "--quiet", "--no-fail-fast"]);
    tally.add(times.part("documentation", || outcomes::counted("documentation", documents))?);
    finish(&times, &tally, ", tidy clean", started)
}

/// What can be known without the EC2 SDK and a control plane, from what the gate builds.
pub(crate) fn fast(paths: &Paths) -> Outcome {
    let started = Instant::now();
    let mut times = Times::default();
    let binaries = times.part("build of the tests", || suite::of(paths, &FAST, &[POLICIES.0]))?;
    let mut tally = Tally::default();
    for binary in binaries.iter().filter(|binary| binary.package != POLICIES.0) {
        tally.add(one(paths, &mut times, binary, &[], None)?);
    }
    let before = tally.passed;
    for binary in binaries.iter().filter(|binary| binary.package == POLICIES.0) {
        tally.add(one(paths, &mut times, binary, &[POLICIES.1], None)?);
    }
    if tally.passed == before && tally.failed.is_empty() {
        return Err("no test of the balancer has `polic` in its path: the filter in xtask is out of date".to_owned());
    }
    finish(&times, &tally, "", started)
}

/// The tests of one crate, or those of them that have one of `words` in their path.
pub(crate) fn of_crate(paths: &Paths, package: &str, words: &[&str]) -> Outcome {
    let started = Instant::now();
    let mut times = Times::default();
    let built = match STARTING.contains(&package) {
        true => Some(times.part("build", || build_with_helm(paths))?),
        false => None,
    };
    let binaries = times.part("build of the tests", || suite::of(paths, &[package], &[]))?;
    let mut tally = Tally::default();
    for binary in &binaries {
        tally.add(one(paths, &mut times, binary, words, built.as_ref())?);
    }
    if tally.passed == 0 && tally.failed.is_empty() {
        return Err(format!("no test of {package} has one of {words:?} in its path"));
    }
    finish(&times, &tally, "", started)
}

/// What tests start: what a lab starts, and helm.
fn build_with_helm(paths: &Paths) -> Outcome<build::Built> {
    let built = build::build(paths)?;
    let helm = helm::provide(paths, "the chart was NOT tested: there is no `go` on the PATH to build helm with")?;
    Ok(build::Built { helm, ..built })
}

fn one(
    paths: &Paths,
    times: &mut Times,
    binary: &Binary,
    words: &[&str],
    built: Option<&build::Built>,
) -> Outcome<Tally> {
    let name = binary.name();
    let run = |label: &str, words: &[&str]| {
        let mut command = outcomes::command(paths, binary, words);
        command.envs(built.map(lab::environment).into_iter().flatten());
        outcomes::counted(label, &mut command)
    };
    let mut tally = times.part(&name, || run(&name, words))?;
    if tally.failed.len() <= TRIED_AGAIN {
        for failure in std::mem::take(&mut tally.failed) {
            let is_disturbed = may_be_disturbed(&failure)
                && times.part(&format!("{name}, again"), || run(&name, &["--exact", &failure.test]))?.passed == 1;
            if is_disturbed { &mut tally.disturbed } else { &mut tally.failed }.push(failure);
        }
    }
    Ok(tally)
}

/// Whether it can have failed because of who else was on the machine.
fn may_be_disturbed(failure: &Failure) -> bool {
    !failure.test.is_empty() && !failure.said.iter().any(|line| line.contains(NEVER))
}

/// Says where the time went and what failed: all of it, because all tests run even when one fails.
fn finish(times: &Times, tally: &Tally, also: &str, started: Instant) -> Outcome {
    for (name, time) in times.parts.iter().filter(|(_, time)| *time >= WORTH_A_LINE) {
        say::line(format_args!("{:>7}  {name}", run::duration(*time)));
    }
    let rest: Duration = times.parts.iter().map(|(_, time)| *time).filter(|time| *time < WORTH_A_LINE).sum();
    say::line(format_args!("{:>7}  all others", run::duration(rest)));
    say::line(format_args!("the slowest tests:"));
    for (name, time) in tally.slowest(SLOWEST) {
        say::line(format_args!("{:>7}  {name}", run::duration(*time)));
    }
    for (failures, what) in [(&tally.disturbed, "failed beside others and passed alone"), (&tally.failed, "failed")] {
        for failure in failures {
            say::line(format_args!("{failure} {what}:"));
            failure.shown().for_each(|line| say::line(format_args!("    {line}")));
        }
    }
    if !tally.failed.is_empty() {
        let names: Vec<String> = tally.failed.iter().map(Failure::to_string).collect();
        return Err(format!("{} failed after {}: {}", names.len(), run::duration(started.elapsed()), names.join(", ")));
    }
    say::line(format_args!("{tally} passed{also}, {}", run::duration(started.elapsed())));
    Ok(())
}

fn format(paths: &Paths) -> Outcome {
    run::step("format", &mut run::cargo(paths, &["fmt", "--all", "--check"]))
        .map_err(|error| format!("{error}: run `cargo fmt --all`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_busy_machine_can_do_is_tried_again() {
        let failure = |test: &str, said: &str| Failure {
            binary: "lab end_to_end".to_owned(),
            test: test.to_owned(),
            said: vec![said.to_owned()],
        };
        assert!(may_be_disturbed(&failure("plugin::a", "not within 240 s: it is ready")));
        assert!(!may_be_disturbed(&failure("plugin::a", "broken rule: [i-1] is left")));
        assert!(!may_be_disturbed(&failure("", "ended with signal: 9")));
    }
}
