//! Running test binaries: what they print is shown as it comes, counted, and the time of each test is kept.

use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::suite::Binary;
use crate::{Outcome, Paths, run};

/// What test binaries said about themselves.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    ignored: u64,
    binaries: u64,
    /// What failed, with its binary.
    pub(crate) failed: Vec<String>,
    /// Each test with its time, in the order in which they ended.
    pub(crate) times: Vec<(String, Duration)>,
}

impl Tally {
    /// Reads one line of the test binary of this name.
    pub(crate) fn read(&mut self, binary: &str, line: &str) {
        if let Some((name, rest)) = line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... ")) {
            if let Some(time) = time(rest) {
                self.times.push((format!("{binary}: {name}"), time));
            }
            if rest.starts_with("FAILED") {
                self.failed.push(format!("{binary}: {name}"));
            }
        }
        // `test result: ok. 12 passed; 0 failed; 1 ignored; ...`
        let Some(counts) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". ")) else { return };
        let count = |what: &str| -> u64 {
            let found = counts.1.split("; ").find_map(|part| part.strip_suffix(what));
            found.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
        };
        self.passed += count("passed");
        self.ignored += count("ignored");
        // A binary or a document without a test is no evidence.
        self.binaries += u64::from(count("passed") + count("failed") + count("ignored") > 0);
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.ignored += other.ignored;
        self.binaries += other.binaries;
        self.failed.extend(other.failed);
        self.times.extend(other.times);
    }

    /// The tests that took longest, longest first.
    pub(crate) fn slowest(&self, count: usize) -> Vec<&(String, Duration)> {
        let mut times: Vec<_> = self.times.iter().collect();
        times.sort_by_key(|(_, time)| std::cmp::Reverse(*time));
        times.truncate(count);
        times
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} tests in {} binaries", self.passed, self.binaries)?;
        if self.ignored > 0 { write!(f, " ({} ignored)", self.ignored) } else { Ok(()) }
    }
}

/// `ok <1.234s>`
fn time(rest: &str) -> Option<Duration> {
    let seconds = rest.split_once('<')?.1.split_once("s>")?.0.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// A test binary's command line, in the crate's directory, as cargo would start it.
///
/// The compiler's test harness tells times only to who may use what is not stable; it looks at that when it runs, not
/// when it is compiled.
pub(crate) fn command(paths: &Paths, binary: &Binary, words: &[&str]) -> Command {
    with_words(Command::new(&binary.file), paths, binary, words)
}

/// The program that starts another one under the scheduling policy SCHED_IDLE (util-linux).
const CHRT: &str = "chrt";

/// Whether [`when_idle`] is possible here.
pub(crate) fn can_wait_for_idle() -> bool {
    run::in_path(CHRT)
}

/// The same for one that runs only while nothing else wants its processor: whatever wakes up goes first, at once (sched(7),
/// SCHED_IDLE).
pub(crate) fn when_idle(paths: &Paths, binary: &Binary, words: &[&str]) -> Command {
    let mut command = Command::new(CHRT);
    command.args(["--idle", "0"]).arg(&binary.file);
    with_words(command, paths, binary, words)
}

fn with_words(mut command: Command, paths: &Paths, binary: &Binary, words: &[&str]) -> Command {
    command.current_dir(&binary.directory).args(words).stdin(Stdio::null());
    command.args(["-Zunstable-options", "--report-time"]).env("RUSTC_BOOTSTRAP", "1");
    command.env("CARGO_MANIFEST_DIR", &binary.directory).env("CARGO_PKG_NAME", &binary.package);
    command.env("CARGO_TARGET_DIR", &paths.target);
    command
}

/// Runs tests to their end, shows what they print as they print it, and counts. What failed is in the tally; an error
/// is something that did not end as tests do.
pub(crate) fn counted(label: &str, command: &mut Command) -> Outcome<Tally> {
    let started = Instant::now();
    eprintln!("xtask: {label}");
    let mut child =
        command.stdout(Stdio::piped()).spawn().map_err(|error| run::missing(command.get_program(), &error))?;
    let mut tally = Tally::default();
    let status = run::heartbeat(label, || {
        let output = child.stdout.take();
        for line in output.into_iter().flat_map(|output| BufReader::new(output).split(b'\n')).map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line);
            tally.read(label, &line);
            // A reader that went away ends the show, not the tests.
            let _ = writeln!(std::io::stderr(), "{line}");
        }
        child.wait()
    })
    .map_err(|error| format!("{label}: {error}"))?;
    if !status.success() && tally.failed.is_empty() {
        tally.failed.push(format!("{label}: ended with {status}"));
    }
    eprintln!("xtask: {label}: {}", run::duration(started.elapsed()));
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summary_lines_are_counted() {
        let mut tally = Tally::default();
        tally.read("a lib", "running 12 tests");
        tally.read(
            "a lib",
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
        );
        tally.read(
            "b lib",
            "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        );
        tally.read("c lib", "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out");
        assert_eq!(tally, Tally { passed: 15, ignored: 1, binaries: 2, ..Tally::default() });
        assert_eq!(tally.to_string(), "15 tests in 2 binaries (1 ignored)");
    }

    #[test]
    fn times_and_failures_have_names() {
        let mut tally = Tally::default();
        tally.read("a it", "test one::quick ... ok <0.001s>");
        tally.read("a it", "test one::slow ... ok <61.500s>");
        tally.read("a it", "test two ... FAILED <2.000s>");
        tally.read("a it", "test three ... ignored");
        assert_eq!(tally.failed, ["a it: two"]);
        let slowest: Vec<_> =
            tally.slowest(2).into_iter().map(|(name, time)| (name.as_str(), time.as_millis())).collect();
        assert_eq!(slowest, [("a it: one::slow", 61_500), ("a it: two", 2_000)]);
    }

    /// The harness of this very binary tells times, when it is asked as tests are.
    #[test]
    fn the_harness_tells_times() {
        let binary = Binary {
            package: "xtask".to_owned(),
            target: "bin xtask".to_owned(),
            file: std::env::current_exe().unwrap(),
            directory: env!("CARGO_MANIFEST_DIR").into(),
        };
        let paths = Paths { root: "".into(), cache: "".into(), target: "".into() };
        let words = ["--exact", "outcomes::tests::summary_lines_are_counted"];
        let idle = can_wait_for_idle().then(|| when_idle(&paths, &binary, &words));
        for mut command in [command(&paths, &binary, &words)].into_iter().chain(idle) {
            let tally = counted("itself", &mut command).unwrap();
            assert_eq!((tally.passed, tally.times.len()), (1, 1), "{tally:?}");
        }
    }
}
