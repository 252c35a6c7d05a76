//! `release`: all files that are given away, in one directory with their hashes. It pushes nothing and signs nothing: that
//! takes rights, and is what .github/workflows/release.yml does with what lies there.

mod chart;
mod krew;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::programs::{Architecture, MANIFEST, Made, PLUGIN};
use crate::{Outcome, Paths, disk, helm, image, say, sha256};
use chart::Released;

/// The directory below `target`.
const NAME: &str = "release-files";

/// The hashes of all others, in the form of sha256sum.
const SUMS: &str = "SHA256SUMS";

/// The images, each as one file, with their bills of materials.
const IMAGE: &str = "image.tar";
const BILL: &str = "sbom.spdx.json";

/// What is applied by who has no helm, and the definitions in it.
const INSTALL: &str = "install.yaml";
const DEFINITIONS: &str = "manifests/crds.yaml";

const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(crate) fn release(paths: &Paths) -> Outcome {
    // What is missing is said before the builds, which take minutes.
    let (here, helm, repository) = (Architecture::here()?, helm::needed(paths)?, chart::repository()?);
    let (image, made) = image::provide(paths)?;
    chart::all_of(&repository, made.operators.iter().map(|(architecture, _)| *architecture))?;
    let lab = image::provide_lab(paths)?;
    let directory = paths.given_away(NAME);
    disk::remove(&directory)?;
    disk::create(&directory)?;
    programs(&made, &directory)?;
    krew::krew(&paths.root, &made, &directory)?;
    for (image, [archive, bill]) in [(&image, [IMAGE.to_owned(), BILL.to_owned()]), (&lab, of_lab(here))] {
        disk::write(&directory.join(archive), &image::archive(&image.directory)?, 0o644)?;
        disk::write(&directory.join(bill), image.bill.as_bytes(), 0o644)?;
    }
    let released = Released { repository, version: VERSION, digest: image.digest };
    let staged = paths.given_away("release-chart");
    let operator = chart::give(paths, &helm, &released, &staged, &directory)?;
    let definitions = disk::read(&paths.root.join(DEFINITIONS))?;
    let install = install(&String::from_utf8_lossy(&definitions), &operator);
    disk::write(&directory.join(INSTALL), install.as_bytes(), 0o644)?;
    complete(&directory, &names(&made, here))?;
    let sums = sums(&directory)?;
    disk::write(&directory.join(SUMS), sums.as_bytes(), 0o644)?;
    say::text(&sums);
    say::line(format_args!("{}", directory.display()));
    Ok(())
}

/// The mirror's manifest, and each program and the plugin under its name and architecture: a release has no directories.
fn programs(made: &Made, directory: &Path) -> Outcome {
    disk::copy(&made.directory.join(MANIFEST), &directory.join(MANIFEST))?;
    for program in &made.programs {
        let name = format!("{}-{}", program.name, program.architecture.name());
        disk::copy(&made.directory.join(&program.sha256).join(program.name), &directory.join(name))?;
    }
    for (architecture, path) in &made.plugins {
        disk::copy(path, &directory.join(format!("{PLUGIN}-{}", architecture.name())))?;
    }
    Ok(())
}

/// The names of the lab's image and its bill: it is of the machine that it was made on.
fn of_lab(architecture: Architecture) -> [String; 2] {
    let name = architecture.name();
    [format!("lab-image-{name}.tar"), format!("lab-image-{name}.spdx.json")]
}

/// The file that installs without helm: how to go on, then the definitions, then what is made of them.
fn install(definitions: &str, operator: &str) -> String {
    format!(
        "\
# ClusterBenchmark {VERSION}: its definitions, and the operator in its own namespace with the least it needs of the Kubernetes API.
# Before applying: set the account's role (eks.amazonaws.com/role-arn or Pod Identity) and AWS_REGION; outside of AWS
# OPERATOR_CONTROL_SOURCES and a Secret with credentials (envFrom) as well. `kubectl clusterbenchmark iam` prints the AWS permissions.
# Then: kubectl apply --server-side --filename {INSTALL}
{}
---
{operator}",
        definitions.trim_end()
    )
}

/// All files of a release of these programs but the sums.
fn names(made: &Made, here: Architecture) -> BTreeSet<String> {
    let mut names = BTreeSet::from([MANIFEST, IMAGE, BILL, INSTALL, krew::MANIFEST].map(str::to_owned));
    names.insert(chart::file(VERSION));
    names.extend(of_lab(here));
    names.extend(made.programs.iter().map(|program| format!("{}-{}", program.name, program.architecture.name())));
    for (architecture, _) in &made.plugins {
        let plugin = format!("{PLUGIN}-{}", architecture.name());
        names.extend([format!("{plugin}.tar.gz"), plugin]);
    }
    names
}

/// Whether the directory has these files and no others.
fn complete(directory: &Path, names: &BTreeSet<String>) -> Outcome {
    let files = files(directory)?;
    let found: BTreeSet<String> =
        files.iter().filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect();
    let differing: Vec<&str> = found.symmetric_difference(names).map(String::as_str).collect();
    if differing.is_empty() {
        return Ok(());
    }
    let (differing, directory) = (differing.join(", "), directory.display());
    Err(format!("of the files of a release are missing or too much: {differing}: correct what writes {directory}"))
}

fn files(directory: &Path) -> Outcome<Vec<PathBuf>> {
    let describe = |error| format!("{} cannot be read: {error}", directory.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(describe)? {
        files.push(entry.map_err(describe)?.path());
    }
    files.sort();
    Ok(files)
}

/// A line for each file, sorted.
fn sums(directory: &Path) -> Outcome<String> {
    let line = |path: &PathBuf| {
        Ok(format!("{}  {}\n", sha256::hex(&disk::read(path)?), path.file_name().unwrap_or_default().display()))
    };
    files(directory)?.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::programs::Program;

    #[test]
    fn a_release_has_these_files() {
        let program = |name| Program { name, architecture: Architecture::Arm64, sha256: String::new(), bytes: 0 };
        let made = Made {
            directory: PathBuf::new(),
            programs: vec![program("worker")],
            operators: Vec::new(),
            plugins: vec![(Architecture::Arm64, PathBuf::new())],
        };
        let names = names(&made, Architecture::X86_64);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let chart = format!("clusterbenchmark-{VERSION}.tgz");
        let wanted = [
            &*chart,
            "clusterbenchmark.yaml",
            "image.tar",
            "install.yaml",
            "kubectl-clusterbenchmark-arm64",
            "kubectl-clusterbenchmark-arm64.tar.gz",
            "lab-image-x86_64.spdx.json",
            "lab-image-x86_64.tar",
            "manifest.json",
            "sbom.spdx.json",
            "worker-arm64",
        ];
        assert_eq!(names, wanted);
        // Who reads how to install is told of each; programs and plugin have a row of their own there.
        let document = include_str!("../../docs/install.md");
        for name in wanted.into_iter().filter(|name| !name.ends_with("arm64")) {
            let name =
                name.replace(VERSION, "X.Y.Z").replace("arm64", "ARCHITECTURE").replace("x86_64", "ARCHITECTURE");
            assert!(document.contains(&format!("`{name}`")), "docs/install.md does not name {name}");
        }
    }

    #[test]
    fn a_file_that_is_missing_or_too_much_is_named() {
        let directory = std::env::temp_dir().join(format!("xtask-release-files-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("strange"), "").unwrap();
        fs::write(directory.join(INSTALL), "").unwrap();
        let wanted = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<String>>();
        complete(&directory, &wanted(&["strange", INSTALL])).unwrap();
        let error = complete(&directory, &wanted(&[IMAGE, INSTALL])).unwrap_err();
        assert!(error.contains(": image.tar, strange: "), "{error}");
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn the_sums_are_those_of_everybodys_tool() {
        let directory = std::env::temp_dir().join(format!("xtask-release-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        for name in ["b", "a"] {
            fs::write(directory.join(name), name.repeat(100)).unwrap();
        }
        let text = sums(&directory).unwrap();
        assert_eq!(text.lines().map(|line| &line[64..]).collect::<Vec<_>>(), ["  a", "  b"]);
        fs::write(directory.join(SUMS), text).unwrap();
        let mut check = Command::new("sha256sum");
        check.current_dir(&directory).args(["--check", "--strict", "--quiet", SUMS]);
        assert!(check.status().unwrap().success());
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn definitions_come_before_what_is_made_of_them() {
        let text = install(include_str!("../../manifests/crds.yaml"), include_str!("../../manifests/operator.yaml"));
        let at = |words: &str| text.find(words).unwrap_or_else(|| panic!("{words} is not there"));
        assert!(at("kind: CustomResourceDefinition") < at("kind: Deployment"));
        let mut documents = text.split("\n---\n").skip(1); // a comment comes first
        assert!(documents.all(|document| document.contains("apiVersion: ")), "a document is empty or cut");
    }
}
