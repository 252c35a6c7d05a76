//! `test`: everything that gates a commit, in the order in which a mistake is cheapest to find.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::{Outcome, Paths, build, lab, oldest, run, say, tidy};

/// `cargo clippy` would check the EC2 SDK anew for these two, which costs minutes: the compiler's own warnings must do.
const NOT_LINTED: [&str; 2] = ["cloud", "operator"];

pub(crate) fn test(paths: &Paths) -> Outcome {
    let started = Instant::now();
    format(paths)?;
    tidy::tidy(paths)?;
    let built = build::build(paths)?;
    oldest::check(paths)?;
    lint(paths)?;
    // After the binaries, so that both agree on features; all tests run even when one fails, to show all of it.
    let mut command = run::cargo(paths, &["test", "--workspace", "--no-fail-fast"]);
    command.envs(lab::environment(&built));
    let tally = counted("tests", &mut command)?;
    say::line(format_args!("{tally} passed, tidy clean, {}", run::duration(started.elapsed())));
    Ok(())
}

/// What can be known without the EC2 SDK and a control plane.
pub(crate) fn fast(paths: &Paths) -> Outcome {
    let started = Instant::now();
    let mut tally =
        counted("tests", &mut run::cargo(paths, &["test", "-p", "planner", "-p", "cloudsim", "-p", "stats"]))?;
    let policies = counted("policy tests", &mut run::cargo(paths, &["test", "-p", "balancer", "--lib", "polic"]))?;
    if policies.passed == 0 {
        return Err("no test of the balancer has `polic` in its path: the filter in xtask is out of date".to_owned());
    }
    tally.add(&policies);
    say::line(format_args!("{tally} passed, {}", run::duration(started.elapsed())));
    Ok(())
}

fn format(paths: &Paths) -> Outcome {
    run::step("format", &mut run::cargo(paths, &["fmt", "--all", "--check"]))
        .map_err(|error| format!("{error}: run `cargo fmt --all`"))
}

fn lint(paths: &Paths) -> Outcome {
    let mut arguments = vec!["clippy", "--workspace", "--all-targets"];
    for name in NOT_LINTED {
        arguments.extend(["--exclude", name]);
    }
    arguments.extend(["--", "-D", "warnings"]);
    run::step("clippy", &mut run::cargo(paths, &arguments))
}

/// What test binaries said about themselves.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: u64,
    ignored: u64,
    binaries: u64,
}

impl Tally {
    /// Reads the summary line of one test binary: `test result: ok. 12 passed; 0 failed; 1 ignored; ...`.
    fn read(&mut self, line: &str) {
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

    fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.ignored += other.ignored;
        self.binaries += other.binaries;
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} tests in {} binaries", self.passed, self.binaries)?;
        if self.ignored > 0 { write!(f, " ({} ignored)", self.ignored) } else { Ok(()) }
    }
}

/// Runs tests, shows what they print as they print it, and counts.
fn counted(label: &str, command: &mut Command) -> Outcome<Tally> {
    let started = Instant::now();
    eprintln!("xtask: {label}");
    let mut child =
        command.stdout(Stdio::piped()).spawn().map_err(|error| run::missing(command.get_program(), &error))?;
    let mut tally = Tally::default();
    let status = run::heartbeat(label, || {
        let output = child.stdout.take();
        for line in output.into_iter().flat_map(|output| BufReader::new(output).split(b'\n')).map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line);
            tally.read(&line);
            // A reader that went away ends the show, not the tests.
            let _ = writeln!(std::io::stderr(), "{line}");
        }
        child.wait()
    })
    .map_err(|error| format!("{label}: {error}"))?;
    if !status.success() {
        return Err(format!("{label} failed after {}, see above", run::duration(started.elapsed())));
    }
    eprintln!("xtask: {label}: {}", run::duration(started.elapsed()));
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn summary_lines_are_counted() {
        let mut tally = Tally::default();
        tally.read("running 12 tests");
        tally.read("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s");
        tally.read("test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s");
        tally.read("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out");
        assert_eq!(tally, Tally { passed: 15, ignored: 1, binaries: 2 });
        assert_eq!(tally.to_string(), "15 tests in 2 binaries (1 ignored)");
    }
}
