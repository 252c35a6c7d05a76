//! `test`: everything that gates a commit, in the order in which a mistake is cheapest to find.

use std::time::{Duration, Instant};

use crate::outcomes::{self, Tally};
use crate::suite::{self, Binary};
use crate::{Outcome, Paths, advisories, build, lab, lint, oldest, run, say, tidy};

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

/// Only computes, and nothing in it depends on time: it uses what the tests of [`WAITING`] leave of the processors.
const COMPUTING: &str = "controller campaign";

/// Mostly waits for processes of the lab. What runs beside it must not delay it: see [`outcomes::when_idle`].
const WAITING: &str = "lab end_to_end";

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
    let built = times.part("build", || build::build(paths))?;
    times.part("oldest Kubernetes", || oldest::check(paths))?;
    times.part("clippy", || lint::lint(paths))?;
    // After the binaries, so that both agree on features.
    let binaries = times.part("build of the tests", || suite::all(paths))?;
    let mut tally = Tally::default();
    let is_beside = |binary: &&Binary| [COMPUTING, WAITING].contains(&binary.name().as_str());
    let (beside, rest): (Vec<&Binary>, Vec<&Binary>) = binaries.iter().partition(is_beside);
    for binary in rest {
        tally.add(one(paths, &mut times, binary, &[], Some(&built))?);
    }
    tally.add(side_by_side(paths, &mut times, &beside, &built)?);
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
        true => Some(times.part("build", || build::build(paths))?),
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

fn one(
    paths: &Paths,
    times: &mut Times,
    binary: &Binary,
    words: &[&str],
    built: Option<&build::Built>,
) -> Outcome<Tally> {
    let name = binary.name();
    let mut command = outcomes::command(paths, binary, words);
    command.envs(built.map(lab::environment).into_iter().flatten());
    times.part(&name, || outcomes::counted(&name, &mut command))
}

/// What takes longest: one binary that waits, and one that computes when nothing else does; one after the other where that
/// cannot be had.
fn side_by_side(paths: &Paths, times: &mut Times, binaries: &[&Binary], built: &build::Built) -> Outcome<Tally> {
    let named = |name: &str| binaries.iter().find(|binary| binary.name() == name);
    let (Some(computing), Some(waiting)) = (named(COMPUTING), named(WAITING)) else {
        return Err(format!("there is no {COMPUTING} or no {WAITING}: the names in xtask are out of date"));
    };
    if !outcomes::can_wait_for_idle() {
        let mut tally = one(paths, times, computing, &[], Some(built))?;
        tally.add(one(paths, times, waiting, &[], Some(built))?);
        return Ok(tally);
    }
    let mut command = outcomes::when_idle(paths, computing, &[]);
    let ((computed, took), waited) = std::thread::scope(|scope| {
        let computing = scope.spawn(|| {
            let started = Instant::now();
            (outcomes::counted(COMPUTING, &mut command), started.elapsed())
        });
        let waited = one(paths, times, waiting, &[], Some(built));
        (computing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), waited)
    });
    times.parts.push((format!("{COMPUTING}, beside {WAITING}"), took));
    let mut tally = waited?;
    tally.add(computed?);
    Ok(tally)
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
    if !tally.failed.is_empty() {
        return Err(format!(
            "{} failed after {}: {}",
            tally.failed.len(),
            run::duration(started.elapsed()),
            tally.failed.join(", ")
        ));
    }
    say::line(format_args!("{tally} passed{also}, {}", run::duration(started.elapsed())));
    Ok(())
}

fn format(paths: &Paths) -> Outcome {
    run::step("format", &mut run::cargo(paths, &["fmt", "--all", "--check"]))
        .map_err(|error| format!("{error}: run `cargo fmt --all`"))
}
