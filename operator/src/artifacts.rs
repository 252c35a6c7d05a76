//! The programs of instances: their hashes, by a manifest or a file of the user's, and their files, or the mirror that they come
//! from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use planner::ports::Architecture;
use planner::world::{Artifacts, Delivery};
use serde::Deserialize;
use wire::{PROGRAM_LIMIT_BYTES, ProgramFile, Programs};

use crate::arguments::{Arguments, Way};

/// All programs of instances. A name that is not among them is a slip: its hash would be looked at by nobody.
const PROGRAMS: [&str; 6] = ["worker", "starter", "balancer", "front", "puller", "loadgen"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    version: String,
    base_url: String,
    /// Hashes by program name, then architecture.
    sha256: BTreeMap<String, BTreeMap<String, String>>,
}

/// What `--artifacts` says, else the manifest, an image has one always: with its files where the operator brings them, else with
/// their mirror.
pub(crate) fn artifacts(arguments: &Arguments) -> anyhow::Result<(Artifacts, controller::Programs)> {
    match (&arguments.artifacts, arguments.programs_delivery) {
        (None, Way::Push) => brought(arguments),
        (Some(path), Way::Push) => bail!(
            "--artifacts {}: names programs that instances fetch: set --programs-delivery Pull, or --programs to a manifest in its place",
            path.display()
        ),
        (Some(path), Way::Pull) => {
            if let Some(url) = arguments.programs_base_url.as_deref().filter(|url| !url.is_empty()) {
                bail!(
                    "--programs-base-url {url}: --artifacts {} names a mirror of its own: remove one of the two",
                    path.display()
                );
            }
            read("--artifacts", path, parse).map(|artifacts| (artifacts, controller::Programs::default()))
        }
        (None, Way::Pull) => fetched(arguments).map(|artifacts| (artifacts, controller::Programs::default())),
    }
}

/// The files beside the manifest, each of which is what the manifest says.
fn brought(arguments: &Arguments) -> anyhow::Result<(Artifacts, controller::Programs)> {
    if let Some(url) = arguments.programs_base_url.as_deref().filter(|url| !url.is_empty()) {
        bail!(
            "--programs-base-url {url}: nobody fetches from there with --programs-delivery Push: remove it, or set Pull"
        );
    }
    let path = arguments
        .programs
        .as_ref()
        .context("no programs for instances: set --programs to a manifest, which lies beside their files")?;
    let manifest = read("--programs", path, |text| Ok(Programs::parse(text)?))?;
    let directory = path.parent().unwrap_or(Path::new("."));
    let by_hash = manifest.programs.iter().map(|file| Ok((file.sha256.clone(), checked(directory, file)?)));
    let by_hash = by_hash.collect::<anyhow::Result<_>>()?;
    Ok((of_manifest(manifest, Delivery::Push)?, controller::Programs::new(by_hash)))
}

/// Path of a program's file: an image has it under its hash, a mirror under hash and name.
fn checked(directory: &Path, file: &ProgramFile) -> anyhow::Result<PathBuf> {
    let mut path = directory.join(&file.sha256);
    if path.is_dir() {
        path = directory.join(file.path());
    }
    let bytes = std::fs::read(&path).with_context(|| format!("{} of --programs: {}", file.name, path.display()))?;
    if bytes.len() as u64 > PROGRAM_LIMIT_BYTES {
        let (name, bytes) = (&file.name, bytes.len());
        bail!(
            "{name} of --programs: {}: {bytes} bytes, and instances take {PROGRAM_LIMIT_BYTES}: strip it",
            path.display()
        );
    }
    let got = wire::sha256_hex(&bytes);
    if got != file.sha256 {
        bail!(
            "{} of --programs: {} has sha256 {got}, not {}: make manifest and files anew, or take those of one build",
            file.name,
            path.display(),
            file.sha256
        );
    }
    Ok(path)
}

fn fetched(arguments: &Arguments) -> anyhow::Result<Artifacts> {
    let path = arguments.programs.as_ref().context(
        "no programs for instances: set --programs to a manifest, with --programs-delivery Push or with --programs-base-url for a mirror of its files; or set --artifacts",
    )?;
    let base_url = arguments.programs_base_url.as_deref().filter(|url| !url.is_empty()).with_context(|| {
        format!(
            "no mirror for the programs of {}: set --programs-base-url to the URL below which instances find {{sha256}}/{{name}}",
            path.display()
        )
    })?;
    let delivery = from_mirror("--programs-base-url", base_url)?;
    let manifest = read("--programs", path, |text| Ok(Programs::parse(text)?))?;
    of_manifest(manifest, delivery)
}

fn from_mirror(field: &str, base_url: &str) -> anyhow::Result<Delivery> {
    if !["http://", "https://"].iter().any(|scheme| base_url.starts_with(scheme)) {
        bail!("{field} {base_url}: is no URL of HTTP: begin it with http:// or https://");
    }
    Ok(Delivery::Pull { base_url: base_url.to_owned() })
}

fn read<T>(option: &str, path: &Path, parse: impl FnOnce(&[u8]) -> anyhow::Result<T>) -> anyhow::Result<T> {
    let text = std::fs::read(path).with_context(|| format!("{option} {}", path.display()))?;
    parse(&text).with_context(|| format!("{option} {}", path.display()))
}

fn of_manifest(manifest: Programs, delivery: Delivery) -> anyhow::Result<Artifacts> {
    let Programs { version, programs } = manifest;
    let mut sha256 = BTreeMap::new();
    for file in programs {
        let architecture = architecture(&file.name, &file.architecture)?;
        sha256.insert((file.name, architecture), file.sha256);
    }
    Ok(Artifacts { version, delivery, sha256 })
}

fn parse(text: &[u8]) -> anyhow::Result<Artifacts> {
    let file: File = serde_json::from_slice(text)?;
    let delivery = from_mirror("baseUrl", &file.base_url)?;
    if file.sha256.is_empty() {
        bail!("sha256: no program has a hash, so no instance could run one: name those of manifest.json beside them");
    }
    let mut sha256 = BTreeMap::new();
    for (name, architectures) in file.sha256 {
        if !PROGRAMS.contains(&name.as_str()) {
            bail!("sha256.{name}: instances have no program of this name: they are {}", PROGRAMS.join(", "));
        }
        if architectures.is_empty() {
            bail!("sha256.{name}: has no hash: name one for x86_64, arm64 or both, or leave {name} out");
        }
        for (word, digest) in architectures {
            let architecture = architecture(&name, &word)?;
            if digest.len() != 64 || !digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
                bail!("sha256.{name}: {digest:?} is not 64 lower-case hexadecimal digits");
            }
            sha256.insert((name.clone(), architecture), digest);
        }
    }
    Ok(Artifacts { version: file.version, delivery, sha256 })
}

fn architecture(name: &str, word: &str) -> anyhow::Result<Architecture> {
    match word {
        "x86_64" => Ok(Architecture::X86_64),
        "arm64" => Ok(Architecture::Arm64),
        other => bail!("sha256.{name}: architecture {other:?} is neither x86_64 nor arm64"),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[test]
    fn reads_programs_by_architecture() {
        let text = format!(
            r#"{{"version":"1","baseUrl":"https://x","sha256":{{"worker":{{"arm64":"{}"}}}}}}"#,
            "0".repeat(64)
        );
        let artifacts = parse(text.as_bytes()).unwrap();
        assert_eq!(artifacts.sha256[&("worker".to_owned(), Architecture::Arm64)], "0".repeat(64));
    }

    #[test]
    fn names_what_is_wrong() {
        let error = |text: &str| parse(text.as_bytes()).unwrap_err().to_string();
        let odd = r#"{"version":"1","baseUrl":"https://x","sha256":{"worker":{"riscv":"00"}}}"#;
        assert_eq!(error(odd), r#"sha256.worker: architecture "riscv" is neither x86_64 nor arm64"#);
        let short = r#"{"version":"1","baseUrl":"https://x","sha256":{"worker":{"arm64":"00"}}}"#;
        assert_eq!(error(short), r#"sha256.worker: "00" is not 64 lower-case hexadecimal digits"#);
        let none = r#"{"version":"1","baseUrl":"https://x","sha256":{}}"#;
        assert!(error(none).starts_with("sha256: no program has a hash"), "{}", error(none));
        let empty = r#"{"version":"1","baseUrl":"https://x","sha256":{"worker":{}}}"#;
        assert!(error(empty).starts_with("sha256.worker: has no hash: name one for x86_64"), "{}", error(empty));
        let slip = r#"{"version":"1","baseUrl":"https://x","sha256":{"wroker":{"arm64":"00"}}}"#;
        assert_eq!(
            error(slip),
            "sha256.wroker: instances have no program of this name: they are worker, starter, balancer, front, puller, loadgen"
        );
        let odd = r#"{"version":"1","baseUrl":"mirror.example","sha256":{}}"#;
        assert_eq!(error(odd), "baseUrl mirror.example: is no URL of HTTP: begin it with http:// or https://");
    }

    #[test]
    fn the_chart_takes_hashes_of_these_programs_and_no_others() {
        let schema = include_str!("../../charts/clusterbenchmark/values.schema.json");
        let schema: serde_json::Value = serde_json::from_str(schema).unwrap();
        let taken = &schema["properties"]["programs"]["properties"]["sha256"]["properties"];
        let mut taken: Vec<&str> = taken.as_object().unwrap().keys().map(String::as_str).collect();
        let mut known = PROGRAMS;
        taken.sort_unstable();
        known.sort_unstable();
        assert_eq!(taken, known);
    }

    #[test]
    fn a_manifest_says_the_same_as_a_file() {
        let hash = "0".repeat(64);
        let manifest = format!(
            r#"{{"version":"1","programs":[{{"name":"worker","architecture":"arm64","sha256":"{hash}","bytes":7}}]}}"#
        );
        let file = format!(r#"{{"version":"1","baseUrl":"https://x","sha256":{{"worker":{{"arm64":"{hash}"}}}}}}"#);
        let delivery = Delivery::Pull { base_url: "https://x".to_owned() };
        let manifest = Programs::parse(manifest.as_bytes()).unwrap();
        assert_eq!(of_manifest(manifest, delivery).unwrap(), parse(file.as_bytes()).unwrap());
    }

    /// The words with which the operator ends.
    fn refused(words: &[&str]) -> String {
        let needed = ["operator", "--control-sources", "10.0.0.0/8"];
        let words = if words.contains(&"--programs-delivery") {
            words.to_vec()
        } else {
            [words, &["--programs-delivery", "Pull"]].concat()
        };
        let arguments = Arguments::try_parse_from([&needed[..], &words].concat()).unwrap();
        format!("{:#}", artifacts(&arguments).unwrap_err())
    }

    #[test]
    fn files_that_are_brought_are_what_the_manifest_says() {
        let directory = std::env::temp_dir().join(format!("operator-programs-{}", std::process::id()));
        let hash = wire::sha256_hex(b"program");
        let manifest = directory.join("manifest.json");
        std::fs::create_dir_all(&directory).unwrap();
        let text = format!(
            r#"{{"version":"1","programs":[{{"name":"worker","architecture":"arm64","sha256":"{hash}","bytes":7}}]}}"#
        );
        std::fs::write(&manifest, text).unwrap();
        let push = ["--programs-delivery", "Push", "--programs", manifest.to_str().unwrap()];
        let missing = refused(&push);
        assert!(
            missing.starts_with(&format!("worker of --programs: {}", directory.join(&hash).display())),
            "{missing}"
        );
        // As in an image, and as in a mirror.
        for file in [directory.join(&hash), directory.join(&hash).join("worker")] {
            let _ = std::fs::remove_file(directory.join(&hash));
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, "another").unwrap();
            let wrong = refused(&push);
            assert!(wrong.contains(&format!("{} has sha256", file.display())) && wrong.contains(&hash), "{wrong}");
            std::fs::write(&file, "program").unwrap();
            let needed = ["operator", "--control-sources", "10.0.0.0/8"];
            let arguments = Arguments::try_parse_from([&needed[..], &push[..]].concat()).unwrap();
            assert!(artifacts(&arguments).unwrap().0.has(&hash));
        }
        let both = refused(&[&push[..], &["--programs-base-url", "https://x"]].concat());
        assert!(both.contains("remove it, or set Pull"), "{both}");
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn what_is_missing_is_said_with_the_way_out() {
        assert!(refused(&[]).contains("set --programs to a manifest"));
        let without = refused(&["--programs", "/programs/manifest.json"]);
        assert!(
            without.contains("set --programs-base-url to the URL below which instances find {sha256}/{name}"),
            "{without}"
        );
        let both = ["--programs", "/m.json", "--programs-base-url", "https://x", "--artifacts", "/a.json"];
        assert!(refused(&both).contains("--artifacts /a.json names a mirror of its own: remove one of the two"));
        let odd = refused(&["--programs", "/m.json", "--programs-base-url", "mirror.example"]);
        assert!(odd.contains("mirror.example: is no URL of HTTP"), "{odd}");
        let gone = refused(&["--programs", "/m.json", "--programs-base-url", "https://mirror.example"]);
        assert!(gone.starts_with("--programs /m.json: No such file"), "{gone}");
    }
}
