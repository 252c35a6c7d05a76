//! `bench NAME`: measurements that print ratios against a peer measured in the same run. Never part of `test`: a busy
//! machine must not fail a commit.
//!
//! A benchmark prints one Markdown section to its standard output. A run with its default arguments replaces the
//! section of its name in `docs/performance.md`, dated.

use std::fs;
use std::process::{Command, Stdio};

use crate::{Outcome, Paths, programs, run, say};

/// Name, the crate whose `benches/NAME.rs` it is, and what it answers.
const BENCHES: &[(&str, &str, &str)] = &[
    ("policies", "balancer", "how far each policy is from the queueing bound, simulated; 5 minutes of one core"),
    (
        "statistics",
        "stats",
        "how often verdicts are wrong and real gaps are found, beside the usual methods, in simulated campaigns",
    ),
    ("truth", "loadgen", "what load generators say of a server whose answers are known exactly"),
    ("loadgen", "loadgen", "what our generator costs, beside wrk and hey: CPU, memory, allocations, pacing"),
    (
        "verdicts",
        "loadgen",
        "whether verdicts on real processes are right: 20 live campaigns with a self-test, and the worth of one seed; 9 minutes",
    ),
    (
        "scaling",
        "planner",
        "rules that scale a tier behind a queue, beside AWS target tracking and KEDA, simulated; one minute",
    ),
    (
        "search",
        "loadgen",
        "searches for a capacity, beside bisection, nighthawk's rule, Bayes and a formula, simulated; two minutes",
    ),
    (
        "capacity",
        "loadgen",
        "the search for a capacity on real processes whose capacity a formula knows; a quarter of an hour",
    ),
    ("operator", "controller", "what an operator costs: AWS calls, CPU time and memory for 1 to 1,000 benchmarks"),
    (
        "simulation",
        "cloudsim",
        "what the reads of one pass cost in the simulated EC2, which campaigns play by the million",
    ),
    (
        "balancer",
        "balancer",
        "the data plane beside nginx and HAProxy: CPU, rate, latency, memory; unequal and failing members, live",
    ),
    (
        LINKING,
        "loadgen",
        "balancer and generator static, as they are shipped, beside the same linked with glibc: CPU for a request; two minutes",
    ),
    ("front", "queue", "requests a second through the front, on queues in memory, and what a held request costs"),
];

/// The one that measures programs which are linked in two ways.
const LINKING: &str = "linking";

const DOCUMENT: &str = "docs/performance.md";

pub(crate) fn bench(paths: &Paths, arguments: &[&str]) -> Outcome {
    let Some((&name, rest)) = arguments.split_first() else { return Err(usage("which one?")) };
    let Some((name, package, _)) = BENCHES.iter().find(|(known, ..)| *known == name) else {
        return Err(usage(&format!("there is no benchmark `{name}`")));
    };
    let mut command = run::cargo(paths, &["bench", "--quiet", "--package", package, "--bench", name, "--"]);
    command.args(rest);
    if *name == LINKING {
        let [dynamic, fixed] = programs::linked_both_ways(paths)?;
        command.env("PROGRAMS_DYNAMIC", dynamic).env("PROGRAMS_STATIC", fixed);
    }
    let section = run::output(&mut command)?;
    say::text(&section);
    if !rest.is_empty() {
        return Ok(());
    }
    let path = paths.root.join(DOCUMENT);
    let text = fs::read_to_string(&path).map_err(|error| format!("{DOCUMENT} cannot be read: {error}"))?;
    let date = run::output(Command::new("date").arg("+%Y-%m-%d").stdin(Stdio::null()))?;
    fs::write(&path, replaced(&text, name, date.trim(), &section))
        .map_err(|error| format!("{DOCUMENT} cannot be written: {error}"))?;
    eprintln!("xtask: section `{name}` of {DOCUMENT} is written");
    Ok(())
}

fn usage(problem: &str) -> String {
    let lines = BENCHES.iter().map(|(name, _, answers)| format!("  {name:<12} {answers}\n"));
    format!(
        "bench: {problem}\n\nusage: cargo xtask bench NAME [ARGUMENTS of the benchmark]\n\n{}",
        lines.collect::<String>()
    )
}

/// The document with the section `## name` replaced, or appended. A section ends where the next of its rank begins.
fn replaced(text: &str, name: &str, date: &str, section: &str) -> String {
    let heading = format!("## {name}");
    let new = format!("{heading}\n\nMeasured on {date} by `cargo xtask bench {name}`.\n\n{}\n", section.trim());
    let lines: Vec<&str> = text.lines().collect();
    let Some(start) = lines.iter().position(|line| *line == heading) else {
        return format!("{}\n\n{new}", text.trim_end());
    };
    let end = lines[start + 1..].iter().position(|line| line.starts_with("## ")).map(|at| start + 1 + at);
    let before: String = lines[..start].iter().map(|line| format!("{line}\n")).collect();
    let after: String =
        end.map(|end| lines[end..].iter().map(|line| format!("\n{line}")).collect()).unwrap_or_default();
    let after = if after.is_empty() { after } else { format!("{after}\n") };
    format!("{before}{new}{after}")
}

#[cfg(test)]
mod tests {
    use super::replaced;

    #[test]
    fn a_section_is_appended_then_replaced_and_its_neighbours_stay() {
        let one = replaced("# Performance\n", "a", "2026-01-01", "| 1 |\n");
        assert_eq!(one, "# Performance\n\n## a\n\nMeasured on 2026-01-01 by `cargo xtask bench a`.\n\n| 1 |\n");
        let two = replaced(&one, "b", "2026-01-02", "| 2 |");
        let three = replaced(&two, "a", "2026-01-03", "| 3 |");
        assert!(!three.contains("| 1 |") && three.contains("| 3 |") && three.contains("2026-01-03"), "{three}");
        assert!(three.ends_with(&two[two.find("## b").unwrap()..]), "{three}");
        assert_eq!(replaced(&three, "a", "2026-01-03", "| 3 |"), three);
    }
}
