//! `programs`: what runs on instances, as static files under their hashes, with one manifest of all of them.
//!
//! The directory is a mirror as it stands: `{baseUrl}/{sha256}/{name}` is a file in it. Operator, lab and image read its
//! manifest and nothing else.

mod architecture;
mod elf;
mod files;
mod manifest;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::path::PathBuf;

pub(crate) use architecture::Architecture;
pub(crate) use elf::is_dynamic;
pub(crate) use manifest::{MANIFEST, Program, text as manifest};

use crate::{Outcome, Paths, disk, run, say, sha256};

/// The packages of what runs on instances, and the programs that come of them.
const PACKAGES: [&str; 5] = ["worker", "starter", "balancer", "queue", "loadgen"];
pub(crate) const NAMES: [&str; 6] = ["worker", "starter", "balancer", "front", "puller", "loadgen"];

/// The program that runs in Kubernetes. It is built with the others, so that all of them share one build of the AWS SDKs.
pub(crate) const OPERATOR: &str = "operator";

/// The program that runs where kubectl does, and its package.
pub(crate) const PLUGIN: &str = "kubectl-clusterbenchmark";
const PLUGINS_PACKAGE: &str = "cli";

/// The lab, and its package.
pub(crate) const LAB: &str = "lab";

/// Where sources of dependencies seem to be, for a program that says where it failed.
pub(crate) const PLACE_OF_CRATES: &str = "/crates";

/// A way to make them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// For this machine's instances in a lab: compiles fast, and shares what is compiled for the machine with the gate.
    Fast,
    /// To be given away: both architectures, with the operator and the plugin.
    Release,
    /// The same for this machine's architecture, with the lab.
    Lab,
}

/// Programs that were made.
pub(crate) struct Made {
    pub(crate) directory: PathBuf,
    pub(crate) programs: Vec<Program>,
    /// The operator of each architecture; none of those that compile fast.
    pub(crate) operators: Vec<(Architecture, PathBuf)>,
    /// The plugin of each architecture, in the same way.
    pub(crate) plugins: Vec<(Architecture, PathBuf)>,
}

pub(crate) fn programs(paths: &Paths, kind: Kind) -> Outcome {
    let made = provide(paths, kind)?;
    for program in &made.programs {
        say::line(format_args!(
            "{:<9} {:<7} {:>10} bytes  {}",
            program.name,
            program.architecture.name(),
            program.bytes,
            program.sha256
        ));
    }
    say::line(format_args!("{}", made.directory.join(MANIFEST).display()));
    Ok(())
}

/// Builds what is not built yet, and gathers it in one critical section, so that the files are of this clone's sources.
pub(crate) fn provide(paths: &Paths, kind: Kind) -> Outcome<Made> {
    let here = Architecture::here()?;
    let _alone = disk::lock(&paths.cache.join("build.lock"), "another clone builds")?;
    let mut wanted = vec![here];
    for other in Architecture::ALL.into_iter().filter(|one| kind == Kind::Release && *one != here) {
        // Said before half an hour of building, and one architecture is worth having without the other.
        match other.prepare(paths) {
            Ok(_) => wanted.push(other),
            Err(error) => eprintln!("xtask: SKIPPED: nothing is made for {}: {error}", other.name()),
        }
    }
    wanted.sort();
    wanted.iter().try_for_each(|architecture| build(paths, kind, *architecture))?;
    files::gather(paths, kind, &wanted)
}

/// The lab and all that it starts, but for the control plane: each with its name.
pub(crate) fn of_lab(paths: &Paths) -> Outcome<Vec<(&'static str, Vec<u8>)>> {
    let here = Architecture::here()?;
    // Read before somebody else builds.
    let _alone = disk::lock(&paths.cache.join("build.lock"), "another clone builds")?;
    build(paths, Kind::Lab, here)?;
    let read = |name| Ok((name, files::judged(&files::built(paths, Kind::Lab, here, name), here)?));
    started_by_lab().map(read).collect()
}

/// Directories with the programs linked with this machine's C library, and static: the same sources, profile and architecture.
pub(crate) fn linked_both_ways(paths: &Paths) -> Outcome<[PathBuf; 2]> {
    let here = Architecture::here()?;
    let _alone = disk::lock(&paths.cache.join("build.lock"), "another clone builds")?;
    let profile = Kind::Release.profile();
    // The same packages, so that both have the same features; the operator takes longer than all of them, and is not measured.
    build_packages(paths, Kind::Release, here, &PACKAGES)?;
    let mut arguments = vec!["build", "--locked", "--bins", "--profile", profile];
    arguments.extend(PACKAGES.iter().flat_map(|package| ["--package", package]));
    run::step("build of the programs with this machine's C library", &mut run::cargo(paths, &arguments))?;
    Ok([paths.target.join(profile), paths.target.join(here.target()).join(profile)])
}

/// The names of what a lab's image is made of.
pub(crate) fn started_by_lab() -> impl Iterator<Item = &'static str> {
    [LAB, OPERATOR, PLUGIN].into_iter().chain(NAMES)
}

/// Makes the release twice, the second time from nothing and elsewhere, and compares all files.
pub(crate) fn again(paths: &Paths) -> Outcome {
    let first = provide(paths, Kind::Release)?;
    let elsewhere = paths.target.join("again");
    disk::remove(&elsewhere)?;
    let other = Paths { root: paths.root.clone(), cache: elsewhere.join("cache"), target: elsewhere.join("target") };
    let second = provide(&other, Kind::Release)?;
    let differing = differing(&first, &second)?;
    disk::remove(&elsewhere)?;
    if !differing.is_empty() {
        return Err(format!("two builds of the same sources differ in {}", differing.join(", ")));
    }
    say::line(format_args!(
        "{} files are the same, byte by byte, in two builds",
        first.programs.len() + first.operators.len() + first.plugins.len()
    ));
    Ok(())
}

/// Files that are not the same in both, by name and architecture.
fn differing(first: &Made, second: &Made) -> Outcome<Vec<String>> {
    let all = |made: &Made| -> Outcome<BTreeMap<String, String>> {
        let name = |name: &str, architecture: Architecture| format!("{name} for {}", architecture.name());
        let programs = made.programs.iter().map(|one| (name(one.name, one.architecture), one.sha256.clone()));
        let mut files: BTreeMap<_, _> = programs.collect();
        for (program, architectures) in [(OPERATOR, &made.operators), (PLUGIN, &made.plugins)] {
            for (architecture, path) in architectures {
                files.insert(name(program, *architecture), sha256::hex(&disk::read(path)?));
            }
        }
        Ok(files)
    };
    let (first, second) = (all(first)?, all(second)?);
    let names: BTreeSet<&String> = first.keys().chain(second.keys()).collect();
    Ok(names.into_iter().filter(|name| first.get(*name) != second.get(*name)).cloned().collect())
}

fn build(paths: &Paths, kind: Kind, architecture: Architecture) -> Outcome {
    let others: &[&str] = match kind {
        Kind::Fast => &[],
        Kind::Release => &[OPERATOR, PLUGINS_PACKAGE],
        Kind::Lab => &[OPERATOR, PLUGINS_PACKAGE, LAB],
    };
    build_packages(paths, kind, architecture, &[&PACKAGES, others].concat())
}

fn build_packages(paths: &Paths, kind: Kind, architecture: Architecture, packages: &[&str]) -> Outcome {
    let compiler = architecture.prepare(paths)?;
    let mut arguments = vec!["build", "--locked", "--bins", "--target", architecture.target()];
    arguments.extend(packages.iter().flat_map(|package| ["--package", package]));
    if kind != Kind::Fast {
        arguments.extend(["--profile", kind.profile()]);
    }
    let mut command = run::cargo(paths, &arguments);
    command.envs(architecture.environment(paths, kind, compiler));
    run::step(&format!("build of the programs for {}", architecture.name()), &mut command)
}

impl Kind {
    /// Cargo's directory of the profile, which is its name but for that of `dev`.
    fn profile(self) -> &'static str {
        match self {
            Self::Fast => "debug",
            Self::Release | Self::Lab => "shipped",
        }
    }
}

/// Cargo's own directory, which holds the sources of dependencies.
fn cargo_home(paths: &Paths) -> PathBuf {
    let given = env::var_os("CARGO_HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    let of_user = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo"));
    given.or_else(of_user).unwrap_or_else(|| paths.cache.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;

    #[test]
    fn the_chart_takes_hashes_of_these_programs_and_no_others() {
        let schema = include_str!("../../../charts/clusterbenchmark/values.schema.json");
        let schema = Json::parse(schema).unwrap();
        let taken = schema.at(&["properties", "programs", "properties", "sha256", "properties"]);
        let Some(Json::Object(taken)) = taken else { panic!("values.schema.json lists no programs") };
        let taken: BTreeSet<&str> = taken.keys().map(String::as_str).collect();
        assert_eq!(taken, BTreeSet::from(NAMES));
        let said = schema.text(&["definitions", "unknownProgram", "const"]).unwrap();
        assert!(NAMES.iter().all(|name| said.contains(name)), "{said}");
    }

    #[test]
    fn what_differs_or_is_missing_in_one_of_two_builds_is_named() {
        let program = |name, sha256: &str| Program {
            name,
            architecture: Architecture::Arm64,
            sha256: sha256.to_owned(),
            bytes: 1,
        };
        let made = |programs| Made { directory: PathBuf::new(), programs, operators: Vec::new(), plugins: Vec::new() };
        let first = made(vec![program("front", "1"), program("puller", "2"), program("worker", "3")]);
        let second = made(vec![program("front", "1"), program("puller", "9")]);
        assert_eq!(differing(&first, &second).unwrap(), ["puller for arm64", "worker for arm64"]);
        assert_eq!(differing(&first, &first).unwrap(), [""; 0]);
    }
}
