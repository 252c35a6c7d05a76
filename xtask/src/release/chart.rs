//! The chart as a release gives it away: the image of the release, by its digest, is its default. helm packages it, and renders it for
//! who installs with kubectl alone.

use std::env;
use std::fs::{self, File};
use std::path::Path;
use std::time::SystemTime;

use crate::programs::Architecture;
use crate::{Outcome, Paths, chart, disk, helm, run};

/// The variable that says where the image will be. The workflow sets it.
const IMAGE: &str = "RELEASE_IMAGE";

/// The repository that the chart names in the checkout. No registry can have it (RFC 6761, section 6.4).
const NOWHERE: &str = "registry.invalid/clusterbenchmark/operator";

/// What a release replaces in the chart's values.
const VALUES: &str = "values.yaml";
const REPOSITORY: &str = "\
  # There is no published image yet: name your own. No registry can have the default's name (RFC 6761, section 6.4), so
  # nobody else's image runs in its place.
  repository: registry.invalid/clusterbenchmark/operator
";
const DIGEST: &str = "  digest: \"\"\n";

/// The image of a release.
pub(super) struct Released {
    /// Where it is pushed, without a tag.
    pub(super) repository: String,
    pub(super) version: &'static str,
    pub(super) digest: String,
}

impl Released {
    /// What a kubelet is told to pull.
    fn reference(&self) -> String {
        format!("{}:{}@{}", self.repository, self.version, self.digest)
    }
}

/// Where the image will be. Without the variable that is nowhere, with a word.
pub(super) fn repository() -> Outcome<String> {
    let Some(name) = env::var(IMAGE).ok().filter(|name| !name.is_empty()) else {
        eprintln!("xtask: {IMAGE} is not set: chart and install.yaml will name an image that is nowhere");
        return Ok(NOWHERE.to_owned());
    };
    if is_name(&name) {
        return Ok(name);
    }
    Err(format!(
        "{IMAGE} is `{name}`, which is no place of an image: say HOST/OWNER/NAME, in small letters and without tag or digest"
    ))
}

/// Whether an image that others are to have has all architectures. One that is nowhere may have fewer: it is for who works on it.
pub(super) fn all_of(repository: &str, made: impl Iterator<Item = Architecture>) -> Outcome {
    let made: Vec<Architecture> = made.collect();
    let lacking: Vec<&str> = Architecture::ALL.iter().filter(|one| !made.contains(one)).map(|one| one.name()).collect();
    if repository == NOWHERE || lacking.is_empty() {
        return Ok(());
    }
    Err(format!(
        "the image has nothing for {}: install the target and the C compiler that the lines above name, or unset {IMAGE}",
        lacking.join(", ")
    ))
}

/// Whether it is a registry and a name in it (OCI distribution specification, "Pulling manifests"). Without a registry each tool would
/// look in another place.
fn is_name(name: &str) -> bool {
    let is_sign = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit();
    let is_part = |part: &str| {
        let is_inside = |sign: char| is_sign(sign) || matches!(sign, '.' | '_' | '-');
        part.starts_with(is_sign) && part.ends_with(is_sign) && part.chars().all(is_inside)
    };
    let Some((registry, path)) = name.split_once('/') else { return false };
    let (host, port) = registry.split_once(':').unwrap_or((registry, "443"));
    let is_registry = registry.contains(['.', ':']) || registry == "localhost";
    let is_port = !port.is_empty() && port.chars().all(|sign| sign.is_ascii_digit());
    is_registry && is_port && is_part(host) && path.split('/').all(is_part)
}

/// The name of the package, which is helm's choice.
pub(super) fn file(version: &str) -> String {
    format!("clusterbenchmark-{version}.tgz")
}

/// Leaves the package in `directory`, and returns the rendering; `staged` is where the chart may lie meanwhile.
pub(super) fn give(
    paths: &Paths,
    helm: &Path,
    released: &Released,
    staged: &Path,
    directory: &Path,
) -> Outcome<String> {
    disk::remove(staged)?;
    stage(&paths.root.join(chart::CHART), staged)?;
    let values = staged.join(VALUES);
    write(&values, with_image(&String::from_utf8_lossy(&disk::read(&values)?), released)?.as_bytes())?;

    let mut package = helm::command(paths, helm);
    package.arg("package").arg(staged).arg("--destination").arg(directory);
    run::step("package of the chart", &mut package)?;
    let file = directory.join(file(released.version));
    if !file.is_file() {
        let directory = chart::CHART;
        return Err(format!("helm made no {}: correct `version` in {directory}/Chart.yaml", file.display()));
    }
    // The package and not the directory: what is rendered is what is given away.
    let rendered = chart::rendered(paths, helm, &file)?;
    disk::remove(staged)?;
    names_only(&rendered, &released.reference())?;
    Ok(rendered)
}

/// Copies a directory with all that is in it; helm leaves out of the package what `.helmignore` names.
fn stage(from: &Path, to: &Path) -> Outcome {
    disk::create(to)?;
    let describe = |error| format!("{} cannot be read: {error}", from.display());
    for entry in fs::read_dir(from).map_err(describe)? {
        let entry = entry.map_err(describe)?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            stage(&path, &target)?;
        } else {
            write(&target, &disk::read(&path)?)?;
        }
    }
    Ok(())
}

/// Writes a file that has no time of its own: helm packs files with their times, and the same files are to be the same package.
fn write(path: &Path, bytes: &[u8]) -> Outcome {
    disk::write(path, bytes, 0o644)?;
    let timed = File::options().write(true).open(path).and_then(|file| file.set_modified(SystemTime::UNIX_EPOCH));
    timed.map_err(|error| format!("the time of {} cannot be set: {error}", path.display()))
}

/// The chart's values with this image as the default.
fn with_image(values: &str, released: &Released) -> Outcome<String> {
    let Released { repository, digest, .. } = released;
    let comment = "  # The image of this release. One of your own has another digest: name that as well, or \"\".";
    let values = replaced(values, REPOSITORY, &format!("{comment}\n  repository: {repository}\n"))?;
    replaced(&values, DIGEST, &format!("  digest: \"{digest}\"\n"))
}

fn replaced(text: &str, old: &str, new: &str) -> Outcome<String> {
    match text.matches(old).count() {
        1 => Ok(text.replacen(old, new, 1)),
        count => Err(format!(
            "{}/{VALUES} has these lines {count} times, and a release replaces them once: let them be as \
             xtask/src/release/chart.rs has them, or change both\n{old}",
            chart::CHART
        )),
    }
}

/// Whether there is an image in these objects, and each is this one.
fn names_only(objects: &str, reference: &str) -> Outcome {
    let named = objects.lines().filter_map(|line| line.trim_start().trim_start_matches("- ").strip_prefix("image: "));
    let named: Vec<&str> = named.map(|name| name.trim_matches('"')).collect();
    if !named.is_empty() && named.iter().all(|name| *name == reference) {
        return Ok(());
    }
    Err(format!("the chart's objects name the images [{}], not {reference}: correct its templates", named.join(", ")))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::path::PathBuf;

    use super::*;

    fn released() -> Released {
        Released {
            repository: "ghcr.io/someone/clusterbenchmark".to_owned(),
            version: env!("CARGO_PKG_VERSION"),
            digest: format!("sha256:{}", "a".repeat(64)),
        }
    }

    #[test]
    fn an_image_without_a_registry_or_with_a_tag_is_refused() {
        for name in
            ["ghcr.io/someone/clusterbenchmark", "localhost/a", "registry:5000/a/b", "a-1.example.com/a_b/c.d/e"]
        {
            assert!(is_name(name), "{name}");
        }
        for name in [
            "",
            "clusterbenchmark",
            "someone/clusterbenchmark",
            "ghcr.io/Someone/clusterbenchmark",
            "ghcr.io/someone/clusterbenchmark:1",
            "ghcr.io/someone/clusterbenchmark@sha256:00",
            "https://ghcr.io/someone/clusterbenchmark",
            "ghcr.io/someone/",
            "ghcr.io//a",
            "ghcr.io:/a",
            "ghcr.io/a,image.tag=b",
        ] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn a_release_for_others_has_all_architectures() {
        let one = || [Architecture::X86_64].into_iter();
        let error = all_of("ghcr.io/someone/clusterbenchmark", one()).unwrap_err();
        assert!(error.starts_with(&format!("the image has nothing for {}", Architecture::Arm64.name())), "{error}");
        all_of(NOWHERE, one()).unwrap();
        all_of("ghcr.io/someone/clusterbenchmark", Architecture::ALL.into_iter()).unwrap();
    }

    #[test]
    fn the_values_of_the_chart_get_the_image_of_the_release() {
        let values = include_str!("../../../charts/clusterbenchmark/values.yaml");
        let given = with_image(values, &released()).unwrap();
        let changed: Vec<&str> = given.lines().filter(|line| !values.lines().any(|old| old == *line)).collect();
        assert_eq!(changed.len(), 3, "{changed:?}");
        assert_eq!(changed[1], "  repository: ghcr.io/someone/clusterbenchmark");
        assert_eq!(changed[2], format!("  digest: \"sha256:{}\"", "a".repeat(64)));
        assert!(!given.contains(NOWHERE), "the words about an image that is nowhere go with it");
        let error = with_image(&given, &released()).unwrap_err();
        assert!(error.contains("values.yaml has these lines 0 times") && error.contains(NOWHERE), "{error}");
    }

    #[test]
    fn objects_with_another_image_or_none_are_refused() {
        let deployment = |image: &str| format!("containers:\n  - name: operator\n    image: \"{image}\"\n");
        let (ours, other) = (released().reference(), "registry.invalid/clusterbenchmark/operator:0.1.0");
        names_only(&deployment(&ours), &ours).unwrap();
        let error = names_only(&deployment(other), &ours).unwrap_err();
        assert_eq!(error, format!("the chart's objects name the images [{other}], not {ours}: correct its templates"));
        assert!(names_only(&[deployment(&ours), deployment(other)].concat(), &ours).is_err());
        assert!(names_only("kind: Namespace\n", &ours).is_err());
    }

    /// With the real helm.
    #[test]
    fn package_and_rendering_name_the_image_and_are_the_same_for_the_same_files() {
        let Some(helm) = env::var_os("CLUSTERBENCHMARK_HELM").map(PathBuf::from) else {
            // Not through `eprintln!`: the test runner would swallow it.
            let why = "there is no helm; use `cargo xtask test`, which builds it where there is Go";
            let _ = writeln!(std::io::stderr(), "SKIPPED: the chart of a release was NOT packaged: {why}");
            return;
        };
        let paths = Paths::find().unwrap();
        let place = env::temp_dir().join(format!("xtask-release-chart-{}", std::process::id()));
        let given = |name: &str| {
            let directory = place.join(name);
            fs::create_dir_all(&directory).unwrap();
            let rendered = give(&paths, &helm, &released(), &place.join("clusterbenchmark"), &directory).unwrap();
            (rendered, fs::read(directory.join(file(released().version))).unwrap())
        };
        let (rendered, package) = given("one");
        assert!(rendered.contains(&format!("image: \"{}\"\n", released().reference())), "{rendered}");
        assert!(!rendered.contains("registry.invalid"), "{rendered}");
        assert!(given("other") == (rendered, package), "another package or another rendering of the same files");
        fs::remove_dir_all(place).unwrap();
    }
}
