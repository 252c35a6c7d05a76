//! Running test binaries: what they print is shown as it comes, counted, and the time of each test is kept.

use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::suite::Binary;
use crate::{Outcome, Paths, run};

/// Lines of what a failed test said that are shown at the end.
const SHOWN: usize = 12;

/// A test that failed, or a binary that did not end as tests do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) binary: String,
    /// Empty: the binary as a whole.
    pub(crate) test: String,
    /// What it printed.
    pub(crate) said: Vec<String>,
}

impl Failure {
    /// The first lines of its panic, without the way that led to it.
    pub(crate) fn shown(&self) -> impl Iterator<Item = &str> {
        let panic = self.said.iter().position(|line| line.contains(" panicked at ")).unwrap_or(0);
        let lines = self.said[panic..].iter().map(|line| line.trim()).take_while(|line| *line != "stack backtrace:");
        lines.filter(|line| !line.is_empty()).take(SHOWN)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.binary, if self.test.is_empty() { "the whole binary" } else { &self.test })
    }
}

/// What test binaries said about themselves.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    ignored: u64,
    binaries: u64,
    pub(crate) failed: Vec<Failure>,
    /// What failed beside others and passed alone.
    pub(crate) disturbed: Vec<Failure>,
    /// The place in `failed` of the test whose output is being read.
    read: Option<usize>,
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
                self.failed.push(Failure { binary: binary.to_owned(), test: name.to_owned(), said: Vec::new() });
            }
        }
        // The harness repeats what failed tests printed, each below `---- NAME stdout ----`, up to a list of their names.
        if let Some(name) = line.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" stdout ----")) {
            self.read = self.failed.iter().position(|one| one.binary == binary && one.test == name);
        } else if line == "failures:" {
            self.read = None;
        } else if let Some(place) = self.read {
            self.failed[place].said.push(line.to_owned());
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
        self.disturbed.extend(other.disturbed);
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
    let mut command = Command::new(&binary.file);
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
        let said = vec![format!("ended with {status}")];
        tally.failed.push(Failure { binary: label.to_owned(), test: String::new(), said });
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
        assert_eq!(tally.failed.iter().map(Failure::to_string).collect::<Vec<_>>(), ["a it: two"]);
        let slowest: Vec<_> =
            tally.slowest(2).into_iter().map(|(name, time)| (name.as_str(), time.as_millis())).collect();
        assert_eq!(slowest, [("a it: one::slow", 61_500), ("a it: two", 2_000)]);
    }

    #[test]
    fn a_failure_keeps_what_it_said() {
        let mut tally = Tally::default();
        let printed = "test one ... FAILED\ntest two ... FAILED\n\nfailures:\n\n---- one stdout ----\nbefore\n\n\
                       thread 'one' (7) panicked at a.rs:1:\nit is wrong\nstack backtrace:\n  0: x\n\n---- two stdout ----\nError: no\n\n\n\
                       failures:\n    one\n    two\n";
        printed.lines().for_each(|line| tally.read("a it", line));
        let shown: Vec<Vec<&str>> = tally.failed.iter().map(|one| one.shown().collect()).collect();
        assert_eq!(shown, [vec!["thread 'one' (7) panicked at a.rs:1:", "it is wrong"], vec!["Error: no"]]);
    }

    /// The harness of this very binary tells times, when it is asked as tests are.
    #[test]
    fn the_harness_tells_times() {
        let binary = Binary {
            package: "xtask".to_owned(),
            target: "bin xtask".to_owned(),
            file: std::env::current_exe().unwrap(),
            directory: std::env::current_dir().unwrap(),
        };
        let paths = Paths { root: "".into(), cache: "".into(), target: "".into() };
        let words = ["--exact", "outcomes::tests::summary_lines_are_counted"];
        let tally = counted("itself", &mut command(&paths, &binary, &words)).unwrap();
        assert_eq!((tally.passed, tally.times.len()), (1, 1), "{tally:?}");
    }
}
