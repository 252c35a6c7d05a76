//! The shares of a soak: each with its part of the time, the command of one slice, and the command that repeats it.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::build::Built;
use crate::campaign::KINDS;
use crate::{Outcome, Paths, lab, outcomes, run, suite};

/// What slices are made with.
pub(super) struct Stage<'a> {
    pub(super) paths: &'a Paths,
    pub(super) built: &'a Built,
    pub(super) binaries: Vec<suite::Binary>,
}

pub(super) struct Share {
    pub(super) name: &'static str,
    /// For people.
    pub(super) what: &'static str,
    /// Its part of the time, beside those of the others.
    pub(super) weight: u32,
    /// What a slice takes, about, on two cores.
    pub(super) slice: Duration,
    /// A program without which it is skipped, and how to get it.
    pub(super) program: Option<&'static str>,
    pub(super) needs: &'static str,
    pub(super) command: fn(&Stage<'_>, u64) -> Outcome<Command>,
    /// What a slice that found nothing did, from what it printed.
    pub(super) essence: fn(&str) -> String,
    pub(super) repeat: fn(u64) -> String,
}

impl Share {
    pub(super) fn is_possible(&self) -> bool {
        self.program.is_none_or(run::in_path)
    }
}

/// Seeds of one slice of the campaign.
const SEEDS: u64 = 1_000;
/// The same of benchmarks that scale, each of which takes as long as many others.
const SCALED: u64 = 50;
/// Parts of the pairs of a kind, each of minutes.
const PARTS: u64 = 16;
/// Deaths of one slice; the gate has a few.
const DEATHS: &str = "20";
/// The test of queues whose pullers and whose operator are killed.
const UNDER_FIRE: &str = "nothing_is_lost_while_a_puller_dies";
/// Seconds of one slice of each fuzzer.
const FUZZING: &str = "120";

const NOTHING: Share = Share {
    name: "",
    what: "",
    weight: 1,
    slice: Duration::from_secs(60),
    program: None,
    needs: "",
    command: |_, _| Err(String::new()),
    essence: last_line,
    repeat: |_| String::new(),
};

pub(super) const SHARES: [Share; 13] = [
    Share {
        name: "campaign",
        what: "the real loop on bad days in the simulated cloud, a thousand seeds a slice, fifty of those that scale",
        weight: 8,
        slice: Duration::from_secs(60),
        command: |stage, seed| {
            let mut command = stage.tests("controller", "campaign", &["--exact", "campaign::seeds"])?;
            command.env("CAMPAIGN_SEEDS", seeds(seed));
            command.env("CAMPAIGN_PLAN", plan(seed));
            Ok(command)
        },
        essence: |text| line_with(text, "campaign of "),
        repeat: |seed| format!("cargo xtask campaign --seeds {} --plan {}", seeds(seed), plan(seed)),
        ..NOTHING
    },
    Share {
        name: "pairs",
        what: "every pair of faults of small benchmarks, one sixteenth of a kind a slice, by turns",
        weight: 4,
        slice: Duration::from_secs(600),
        command: |stage, seed| {
            let mut command = stage.tests("controller", "campaign", &["--exact", "pairs::tests::asked"])?;
            command.env("CAMPAIGN_PAIRS", kind(seed)).env("CAMPAIGN_PART", part(seed)).env("CAMPAIGN_MINUTES", "10");
            Ok(command)
        },
        essence: |text| line_with(text, "| 2 |"),
        repeat: |seed| format!("cargo xtask campaign --pairs {} --part {}", kind(seed), part(seed)),
        ..NOTHING
    },
    Share {
        name: "deaths",
        what: "twenty operators killed at random moments in a lab that lags, throttles and loses answers",
        weight: 8,
        slice: Duration::from_secs(240),
        command: |stage, seed| {
            let mut command = stage.tests("lab", "end_to_end", &["operators_die"])?;
            command.env("SEED", seed.to_string()).env("DEATHS", DEATHS);
            Ok(command)
        },
        essence: |text| line_with(text, "instances launched"),
        repeat: |seed| format!("SEED={seed} DEATHS={DEATHS} cargo xtask test lab operators_die"),
        ..NOTHING
    },
    Share {
        name: "unkind",
        what: "a control plane and an endpoint that go away, in the same lab",
        weight: 2,
        slice: Duration::from_secs(120),
        command: |stage, seed| {
            let words = ["unkind", "--skip", "operators_die"];
            let mut command = stage.tests("lab", "end_to_end", &words)?;
            command.env("SEED", seed.to_string());
            Ok(command)
        },
        repeat: |seed| format!("SEED={seed} cargo xtask test lab unkind"),
        ..NOTHING
    },
    Share {
        name: "queues",
        what: "pullers and the operator killed while queues hold requests; on odd seeds a fifth of all messages comes twice",
        weight: 2,
        slice: Duration::from_secs(150),
        command: |stage, seed| {
            let mut command = stage.tests("lab", "end_to_end", &[UNDER_FIRE])?;
            command.envs(under_fire(seed));
            Ok(command)
        },
        essence: |text| line_with(text, "operators died"),
        repeat: |seed| {
            let [service, duplicates] = under_fire(seed).map(|(name, value)| format!("{name}={value}"));
            format!("{service} {duplicates} cargo xtask test lab {UNDER_FIRE}")
        },
        ..NOTHING
    },
    Share {
        name: "searches",
        what: "searches of known capacities by the real generator, in one of which it stands still most of the time",
        weight: 1,
        slice: Duration::from_secs(240),
        command: |stage, _| stage.tests("loadgen", "capacity", &["--ignored"]),
        repeat: |_| "cargo test --workspace --test capacity -- --ignored".to_owned(),
        ..NOTHING
    },
    Share {
        name: "ways",
        what: "an operator killed in the way of a search in the lab",
        weight: 1,
        slice: Duration::from_secs(180),
        command: |stage, _| stage.tests("lab", "end_to_end", &["--ignored", "killed_in_a_way"]),
        repeat: |_| "cargo xtask test lab killed_in_a_way --ignored".to_owned(),
        ..NOTHING
    },
    Share {
        name: "equal",
        what: "a search in the lab for the capacity of two equal clusters",
        weight: 3,
        slice: Duration::from_secs(15 * 60),
        command: |stage, seed| {
            let mut command = stage.tests("lab", "end_to_end", &["--ignored", "equal_clusters"])?;
            command.env("SEED", seed.to_string());
            Ok(command)
        },
        essence: |text| line_with(text, "equal clusters: "),
        repeat: |seed| format!("SEED={seed} cargo xtask test lab equal_clusters --ignored"),
        ..NOTHING
    },
    Share {
        name: "properties",
        what: "properties of the planner over worlds that nobody wrote",
        weight: 2,
        command: |stage, seed| {
            let mut command = stage.tests("planner", "it", &["properties"])?;
            command.env("PROPTEST_RNG_SEED", seed.to_string());
            Ok(command)
        },
        repeat: |seed| format!("PROPTEST_RNG_SEED={seed} cargo xtask test planner properties"),
        ..NOTHING
    },
    Share {
        name: "messages",
        what: "generated HTTP messages that the balancer and hyper must read alike",
        weight: 1,
        command: |stage, seed| {
            let mut command = stage.tests("balancer", "lib", &["differential"])?;
            command.env("SEED", seed.to_string());
            Ok(command)
        },
        repeat: |seed| format!("SEED={seed} cargo xtask test balancer differential"),
        ..NOTHING
    },
    Share {
        name: "verdicts",
        what: "twenty live campaigns in which a cluster is measured against itself",
        weight: 3,
        slice: Duration::from_secs(6 * 60),
        command: |stage, seed| {
            let words = ["bench", "--quiet", "--workspace", "--bench", "verdicts", "--", "judge"];
            let mut command = run::cargo(stage.paths, &words);
            command.env("SEED", seed.to_string());
            Ok(command)
        },
        essence: |text| line_with(text, "is found to differ from itself"),
        repeat: |seed| format!("SEED={seed} cargo xtask bench verdicts judge"),
        ..NOTHING
    },
    Share {
        name: "again",
        what: "everything that is given away, built twice and compared byte by byte; only in soaks that are longer than it",
        weight: 1,
        slice: Duration::from_secs(60 * 60),
        command: |stage, _| Ok(run::cargo(stage.paths, &["xtask", "programs", "--release", "--again"])),
        repeat: |_| "cargo xtask programs --release --again".to_owned(),
        ..NOTHING
    },
    Share {
        name: "fuzz",
        what: "bytes that a fuzzer makes of the corpora of the HTTP parsers",
        weight: 3,
        slice: Duration::from_secs(150),
        program: Some("cargo-fuzz"),
        needs: "cargo install cargo-fuzz, and a nightly toolchain",
        command: |stage, seed| {
            let target = target(seed);
            let found = stage.paths.target.join("soak").join(target);
            crate::disk::create(&found)?;
            // Not by `run::cargo`: only the toolchains' proxy reads `+nightly`, and the sanitizer's build has a directory
            // of its own.
            let mut command = Command::new("cargo");
            command.current_dir(stage.paths.root.join("http1")).stdin(Stdio::null());
            command.args(["+nightly", "fuzz", "run", target]).arg(found).arg(format!("fuzz/corpus/{target}"));
            command.arg("--").arg(format!("-max_total_time={FUZZING}"));
            command.arg(format!("-seed={}", seed % u64::from(u32::MAX)));
            Ok(command)
        },
        repeat: |seed| {
            let target = target(seed);
            format!("cd http1 && cargo +nightly fuzz run {target} fuzz/artifacts/{target}/NAME (the log has it)")
        },
        ..NOTHING
    },
];

impl Stage<'_> {
    /// The command line of some tests of one binary, with what they may start.
    fn tests(&self, package: &str, target: &str, words: &[&str]) -> Outcome<Command> {
        let found = self.binaries.iter().find(|binary| (&*binary.package, &*binary.target) == (package, target));
        let binary = found.ok_or_else(|| format!("soak: {package} has no test binary `{target}`"))?;
        let mut command = outcomes::command(self.paths, binary, words);
        command.arg("--nocapture").envs(lab::environment(self.built));
        Ok(command)
    }
}

/// The plan of a slice: mostly all of them mixed.
fn plan(seed: u64) -> &'static str {
    ["all", "all", "lag", "two-operators", "all", "scaled", "all", "two-operators"][(seed % 8) as usize]
}

/// The seeds of a slice of the campaign.
fn seeds(seed: u64) -> String {
    let count = if plan(seed) == "scaled" { SCALED } else { SEEDS };
    format!("{}..{}", seed * SEEDS, seed * SEEDS + count)
}

/// What the test of queues is told: half a second a request, and on odd seeds a fifth of all messages twice.
fn under_fire(seed: u64) -> [(&'static str, &'static str); 2] {
    [("SERVICE_MILLIS", "500"), ("DUPLICATES_PER_MILLE", ["0", "200"][(seed % 2) as usize])]
}

/// The kind of a slice of pairs: all by turns.
fn kind(seed: u64) -> &'static str {
    KINDS[(seed % KINDS.len() as u64) as usize]
}

/// The part of it: after all kinds the next one.
fn part(seed: u64) -> String {
    format!("{}/{PARTS}", 1 + seed / KINDS.len() as u64 % PARTS)
}

fn target(seed: u64) -> &'static str {
    ["request", "response"][(seed % 2) as usize]
}

fn last_line(text: &str) -> String {
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().to_owned()
}

/// The last line with these words, or the last one of all.
fn line_with(text: &str, words: &str) -> String {
    text.lines().rev().find(|line| line.contains(words)).map_or_else(|| last_line(text), str::to_owned)
}
