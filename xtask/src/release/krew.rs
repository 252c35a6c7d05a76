//! The plugin as krew installs it: an archive for each architecture, and the manifest that names them by their hashes. Whoever keeps
//! an index takes the manifest as it is (krew.sigs.k8s.io, "Custom indexes").

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::image::Layer;
use crate::programs::{Architecture, Made, PLUGIN};
use crate::{Outcome, disk, run, sha256};

/// The manifest's file, which in an index has to have the plugin's name.
pub(super) const MANIFEST: &str = "clusterbenchmark.yaml";

/// Where the files of the release will be, without the last slash. The workflow says it; without it the name is one that no server can
/// have (RFC 6761, section 6.4).
const URL: &str = "RELEASE_URL";
const NOWHERE: &str = "https://registry.invalid/clusterbenchmark";

/// What goes into an archive beside the program: an index wants the licence in it.
const PAPERS: [&str; 2] = ["LICENSE", "NOTICE"];

/// Writes archives and manifest.
pub(super) fn krew(root: &Path, made: &Made, directory: &Path) -> Outcome {
    let url = env::var(URL).ok().filter(|url| !url.is_empty()).unwrap_or_else(|| NOWHERE.to_owned());
    let mut platforms = Vec::new();
    for (architecture, path) in &made.plugins {
        let file = format!("{PLUGIN}-{}.tar.gz", architecture.name());
        let bytes = archive(root, path)?;
        platforms.push(Platform {
            architecture: *architecture,
            uri: format!("{url}/{file}"),
            sha256: sha256::hex(&bytes),
        });
        disk::write(&directory.join(&file), &bytes, 0o644)?;
    }
    disk::write(&directory.join(MANIFEST), manifest(env!("CARGO_PKG_VERSION"), &platforms).as_bytes(), 0o644)
}

/// One architecture's archive.
struct Platform {
    architecture: Architecture,
    uri: String,
    sha256: String,
}

/// The program and the papers; the same bytes for the same files and the same gzip.
fn archive(root: &Path, program: &Path) -> Outcome<Vec<u8>> {
    let mut files = Layer::default();
    files.file(PLUGIN, 0o755, disk::read(program)?);
    for paper in PAPERS {
        files.file(paper, 0o644, disk::read(&root.join(paper))?);
    }
    gzipped(files.archive()?)
}

/// krew takes .zip and .tar.gz, and nothing else.
fn gzipped(bytes: Vec<u8>) -> Outcome<Vec<u8>> {
    let mut gzip = Command::new("gzip");
    gzip.args(["--best", "--no-name", "--stdout"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = gzip.spawn().map_err(|error| run::missing(gzip.get_program(), &error))?;
    let mut input = child.stdin.take().ok_or("gzip has no standard input")?;
    // It writes while it reads: who only wrote would wait for who only wrote.
    let writing = std::thread::spawn(move || std::io::Write::write_all(&mut input, &bytes));
    let output = child.wait_with_output().map_err(|error| format!("gzip: {error}"))?;
    let written = writing.join().is_ok_and(|written| written.is_ok());
    if !written || !output.status.success() {
        return Err(format!("gzip ended with {}", output.status));
    }
    Ok(output.stdout)
}

/// The manifest (krew, pkg/index/types.go). krew names the program after the plugin, which is the name that kubectl looks for.
fn manifest(version: &str, platforms: &[Platform]) -> String {
    let platforms: String = platforms
        .iter()
        .map(|Platform { architecture, uri, sha256 }| {
            let arch = architecture.name_in_images();
            format!(
                "    - selector:\n        matchLabels:\n          os: linux\n          arch: {arch}\n      uri: {uri}\n      \
                 sha256: {sha256}\n      bin: {PLUGIN}\n"
            )
        })
        .collect();
    format!(
        "apiVersion: krew.googlecontainertools.github.com/v1alpha2
kind: Plugin
metadata:
  name: clusterbenchmark
spec:
  version: v{version}
  shortDescription: Watch and compare benchmarks of EC2 instances
  description: |
    Reads the reports of ClusterBenchmarks, as text, as a page, as Markdown, CSV or JSON; watches a run, on the terminal or as a page;
    waits for a result with exit codes for scripts; compares two runs, and measures again.
  caveats: |
    It reads what the operator of ClusterBenchmark writes: `kubectl clusterbenchmark doctor` says whether there is one.
  platforms:
{platforms}"
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use super::*;

    /// The scalars of a manifest by their paths: mappings, and lists of mappings, indented by blanks. Text blocks are one value.
    fn scalars(text: &str) -> BTreeMap<String, String> {
        let (mut open, mut scalars) = (Vec::<(usize, String)>::new(), BTreeMap::<String, String>::new());
        let mut items = 0;
        for line in text.lines() {
            let indent = line.len() - line.trim_start().len();
            if let Some((at, path)) = open.last().cloned()
                && path.ends_with('|')
                && indent > at
            {
                scalars.entry(path.trim_end_matches('|').to_owned()).or_default().push_str(line.trim());
                continue;
            }
            let content = line.trim_start();
            let (indent, content) = match content.strip_prefix("- ") {
                Some(content) => {
                    open.retain(|(at, _)| *at < indent);
                    open.push((indent, items.to_string()));
                    items += 1;
                    (indent + 2, content)
                }
                None => (indent, content),
            };
            open.retain(|(at, _)| *at < indent);
            let (key, value) = content.split_once(':').unwrap_or_else(|| panic!("no mapping: {line:?}"));
            let mut path: Vec<&str> = open.iter().map(|(_, key)| key.as_str()).collect();
            path.push(key);
            match value.trim() {
                "" => open.push((indent, key.to_owned())),
                "|" => open.push((indent, format!("{}|", path.join(".")))),
                value => drop(scalars.insert(path.join("."), value.to_owned())),
            }
        }
        scalars
    }

    fn platforms() -> Vec<Platform> {
        let platform = |architecture: Architecture| Platform {
            architecture,
            uri: format!("https://example.com/v0.1.0/{PLUGIN}-{}.tar.gz", architecture.name()),
            sha256: sha256::hex(architecture.name().as_bytes()),
        };
        Architecture::ALL.into_iter().map(platform).collect()
    }

    /// What krew's ValidatePlugin asks for (internal/index/validation/validate.go).
    #[test]
    fn the_manifest_is_one_that_krew_accepts() {
        let text = manifest("0.1.0", &platforms());
        let found = scalars(&text);
        let value = |path: &str| found.get(path).map(String::as_str).unwrap_or_else(|| panic!("no {path} in {text}"));
        assert_eq!(value("apiVersion"), "krew.googlecontainertools.github.com/v1alpha2");
        assert_eq!(value("kind"), "Plugin");
        let name = value("metadata.name");
        assert!(name.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '-'), "{name}");
        assert_eq!(PLUGIN, format!("kubectl-{name}"), "kubectl finds it by this name");
        assert_eq!(MANIFEST, format!("{name}.yaml"));
        let version = value("spec.version").strip_prefix('v').expect("krew wants a v before the version");
        assert!(
            version.split('.').count() == 3 && version.split('.').all(|part| part.parse::<u32>().is_ok()),
            "{version}"
        );
        assert!(!value("spec.shortDescription").is_empty() && value("spec.shortDescription").len() <= 50);
        assert!(value("spec.description").contains("exit codes"));
        for (place, arch) in ["amd64", "arm64"].into_iter().enumerate() {
            let of = |field: &str| value(&format!("spec.platforms.{place}.{field}"));
            assert_eq!((of("selector.matchLabels.os"), of("selector.matchLabels.arch")), ("linux", arch));
            assert!(of("uri").starts_with("https://") && of("uri").ends_with(".tar.gz"), "{}", of("uri"));
            let hash = of("sha256");
            assert!(hash.len() == 64 && hash.chars().all(|sign| matches!(sign, '0'..='9' | 'a'..='f')), "{hash}");
            assert_eq!(of("bin"), PLUGIN);
        }
        let known = [
            "apiVersion",
            "kind",
            "metadata.",
            "spec.version",
            "spec.shortDescription",
            "spec.description",
            "spec.caveats",
            "spec.platforms.",
        ];
        let strange: Vec<&String> =
            found.keys().filter(|path| !known.iter().any(|known| path.starts_with(known))).collect();
        assert_eq!(strange, [""; 0], "krew refuses what it does not know");
    }

    #[test]
    fn an_archive_is_what_everybodys_tar_unpacks() {
        let root = crate::Paths::find().unwrap().root;
        let directory = env::temp_dir().join(format!("xtask-krew-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let program = directory.join("plugin");
        fs::write(&program, "#!/bin/sh\necho it runs\n").unwrap();
        let bytes = archive(&root, &program).unwrap();
        assert_eq!(bytes, archive(&root, &program).unwrap());
        fs::write(directory.join("a.tar.gz"), bytes).unwrap();
        let mut tar = Command::new("tar");
        assert!(
            tar.current_dir(&directory).args(["--extract", "--gzip", "--file=a.tar.gz"]).status().unwrap().success()
        );
        assert_eq!(run::output(&mut Command::new(directory.join(PLUGIN))).unwrap(), "it runs\n");
        assert_eq!(fs::read(directory.join("LICENSE")).unwrap(), fs::read(root.join("LICENSE")).unwrap());
        fs::remove_dir_all(directory).unwrap();
    }
}
