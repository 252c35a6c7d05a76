//! `cargo xtask`: the only automation of the repository. Continuous integration calls it and nothing else.
//!
//! The standard library only, so that it compiles in two seconds on an empty machine.

#![warn(clippy::print_stdout)] // `say` does not panic when nobody reads

mod advisories;
mod bench;
mod build;
mod campaign;
mod chart;
mod controlplane;
mod disk;
mod gate;
mod generated;
mod go;
mod helm;
mod image;
mod json;
mod lab;
mod lint;
mod notices;
mod oldest;
mod outcomes;
mod paths;
mod programs;
mod release;
mod run;
// The same words as everywhere, without a dependency.
#[path = "../../say/src/lib.rs"]
#[allow(unreachable_pub)]
mod say;
mod sha256;
mod soak;
mod suite;
mod tidy;
mod tour;
mod workflows;

use std::process::ExitCode;

use paths::Paths;

/// What ends a command: one message for people, which names the way out.
pub(crate) type Outcome<T = ()> = Result<T, String>;

const HELP: &str = "\
usage: cargo xtask <command>

  demo [FILE]             start a fresh lab, run the benchmark of FILE in it, show the result, prove nothing is left
  lab up | env | status | logs [PART] | kill PART | ledger | down
                          the local cloud and control plane (`lab up --help` for its flags)
  test [--fast]           everything that gates a commit; --fast: planner, cloudsim, stats, balancer policies
  test CRATE [WORD...]    the tests of one crate, or those with one of the words in their path
  bench NAME [ARGUMENTS]  measure, beside a peer; `bench` alone lists what there is
  campaign --seeds A..B [--plan crash|lag|two-operators|scaled|all]
                          benchmarks on bad days in the simulated cloud: never twice, never leaked, never someone else's
  campaign --pairs [KIND,...] [--faults N] [--minutes M] [--mutant [NAME]]
                          the same, of small benchmarks: every pair of faults, enumerated (`campaign --help` for the kinds);
                          --mutant: whether that catches an operator that is broken on purpose
  soak [MINUTES]          what the gate does a little of, on new seeds: campaign, deaths of the operator, live A/A, fuzzers
  build                   all binaries and the control plane
  programs [--release]    static programs for instances, with one manifest; --release: of both architectures, with the operator
  image [--lab]           an image of the operator and the programs, for both architectures; left in target/image. --lab: of a
                          lab with all that it starts, for this machine's; left in target/lab-image
  release                 all files that are given away, with their hashes; left in target/release-files
  gen [--check]           write the generated files; --check fails when one is stale
  tour [SAMPLE...]        the pictures of docs/tour.md, from lab runs of the samples that they are of; --pages DIR: from pages
                          that are there; --all: every sample runs, and a browser judges the page of each
  tidy [--circles]        rules of the repository: arrows, circles of imports, features, names, sizes, generated files;
                          --circles: counts the circles of every crate and names a ring of each
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let Some((&command, rest)) = words.split_first() else {
        eprint!("{HELP}");
        return ExitCode::from(2);
    };
    if matches!(command, "help" | "--help" | "-h") {
        say::text(HELP);
        return ExitCode::SUCCESS;
    }
    let outcome = Paths::find().and_then(|paths| match (command, rest) {
        ("demo", rest) => lab::demo(&paths, rest),
        ("lab", rest) => lab::lab(&paths, rest),
        ("test", []) => gate::test(&paths),
        ("test", ["--fast"]) => gate::fast(&paths),
        ("test", [package, words @ ..]) if !package.starts_with('-') => gate::of_crate(&paths, package, words),
        ("bench", rest) => bench::bench(&paths, rest),
        ("soak", rest) => soak::soak(&paths, rest),
        ("campaign", rest) => campaign::campaign(&paths, rest),
        ("build", []) => {
            build::build(&paths).map(|built| say::line(format_args!("binaries are in {}", built.binaries.display())))
        }
        ("programs", []) => programs::programs(&paths, programs::Kind::Fast),
        ("programs", ["--release"]) => programs::programs(&paths, programs::Kind::Release),
        ("programs", ["--release", "--again"]) => programs::again(&paths),
        ("image", []) => image::image(&paths),
        ("image", ["--lab"]) => image::of_lab(&paths),
        ("release", []) => release::release(&paths),
        ("gen", []) => generated::write(&paths),
        ("gen", ["--check"]) => generated::check(&paths),
        ("tour", words) => tour::tour(&paths, words),
        ("tidy", []) => tidy::tidy(&paths),
        ("tidy", ["--circles"]) => tidy::circles(&paths),
        _ => Err(String::new()),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) if message.is_empty() => {
            eprint!("xtask: there is no command `{}`\n\n{HELP}", words.join(" "));
            ExitCode::from(2)
        }
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
