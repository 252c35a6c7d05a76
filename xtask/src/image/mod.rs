//! `image`: the operator and the programs of instances as an image, made from nothing but these files and certificates; and
//! `image --lab`, a lab with all that it starts.
//!
//! The same files make the same image, byte by byte. It is left as a directory that skopeo pushes.

mod bill;
mod lab;
mod layer;
mod layout;
mod trial;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::notices::{self, Linked};
use crate::programs::{Architecture, Kind, MANIFEST, Made, OPERATOR, PLACE_OF_CRATES, Program};
use crate::{Outcome, Paths, disk, programs, run, say, sha256};
use bill::Extra;
pub(crate) use lab::{image as of_lab, provide as provide_lab};
pub(crate) use layer::Layer;
use layout::Description;

/// The image's directory below `target`.
pub(crate) const NAME: &str = "image";

/// Where Linux distributions keep the certificates of public authorities: Debian and its kin, Fedora and its kin, SUSE.
const ROOTS: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"];

/// What every image is made of, and says of itself.
struct Facts {
    version: String,
    revision: Option<String>,
    /// When the sources were committed, as RFC 3339 writes it.
    created: String,
    lock: String,
    /// The certificates of public authorities.
    roots: Vec<u8>,
}

/// What the operator's image is made of.
struct Parts {
    facts: Facts,
    linked: Vec<Linked>,
    operators: Vec<(Architecture, Vec<u8>)>,
    programs: Vec<(Program, Vec<u8>)>,
    /// The plugin of each architecture: not in the image, but given away beside it, and the bill is of it as well.
    plugins: Vec<Vec<u8>>,
}

/// An image that was made.
pub(crate) struct Image {
    pub(crate) directory: PathBuf,
    /// `sha256:` and the hash of its index: what it is pulled by, wherever it is pushed.
    pub(crate) digest: String,
    pub(crate) bill: String,
}

pub(crate) fn image(paths: &Paths) -> Outcome {
    provide(paths).map(drop)
}

/// Builds what it holds, writes it, and tries it out; returns it with the programs that are in it.
pub(crate) fn provide(paths: &Paths) -> Outcome<(Image, Made)> {
    let made = programs::provide(paths, Kind::Release)?;
    let parts = Parts::read(paths, &made)?;
    let directory = paths.given_away(NAME);
    let (digest, bill) = assemble(&parts, &directory)?;
    trial::try_out(&directory, &parts.facts.version)?;
    say::line(format_args!("{}:{}", directory.display(), parts.facts.version));
    say::line(format_args!("{digest}"));
    Ok((Image { directory, digest, bill }, made))
}

impl Facts {
    fn read(paths: &Paths) -> Outcome<Self> {
        let lock = disk::read(&paths.root.join("Cargo.lock"))?;
        Ok(Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            revision: git(paths, &["rev-parse", "HEAD"]),
            created: git(paths, &["log", "-1", "--format=%cd", "--date=format-local:%Y-%m-%dT%H:%M:%SZ"])
                .unwrap_or_else(|| "1970-01-01T00:00:00Z".to_owned()),
            lock: String::from_utf8_lossy(&lock).into_owned(),
            roots: roots()?,
        })
    }

    /// What is in every image and is no package of Cargo.lock: Rust's own library, and the certificates.
    fn extras(&self) -> Outcome<Vec<Extra>> {
        let said = run::output(Command::new("rustc").arg("--version").stdin(Stdio::null()))?;
        let rust = said.split(' ').nth(1).map(str::to_owned);
        let roots = Extra { sha256: Some(sha256::hex(&self.roots)), ..Extra::of("ca-certificates", None, "MPL-2.0") };
        Ok(vec![Extra::of("rust-std", rust, "MIT OR Apache-2.0"), roots])
    }

    /// The words of an image about itself.
    fn labels(&self, title: &str, description: &str) -> Vec<(&'static str, String)> {
        let mut labels = vec![
            ("title", title.to_owned()),
            ("description", description.to_owned()),
            ("version", self.version.clone()),
            ("licenses", "Apache-2.0".to_owned()),
        ];
        labels.extend(self.revision.clone().map(|revision| ("revision", revision)));
        labels
    }
}

impl Parts {
    fn read(paths: &Paths, made: &Made) -> Outcome<Self> {
        let operators = made.operators.iter().map(|(architecture, path)| Ok((*architecture, disk::read(path)?)));
        let file = |program: &Program| disk::read(&made.directory.join(&program.sha256).join(program.name));
        let programs = made.programs.iter().map(|program| Ok((program.clone(), file(program)?)));
        Ok(Self {
            facts: Facts::read(paths)?,
            linked: notices::linked(paths)?,
            operators: operators.collect::<Outcome<_>>()?,
            programs: programs.collect::<Outcome<_>>()?,
            plugins: made.plugins.iter().map(|(_, path)| disk::read(path)).collect::<Outcome<_>>()?,
        })
    }
}

/// Writes the image of all architectures; returns its digest and the bill of materials that is in it.
fn assemble(parts: &Parts, directory: &Path) -> Outcome<(String, String)> {
    let binaries = parts.operators.iter().map(|(_, bytes)| bytes).chain(parts.programs.iter().map(|(_, bytes)| bytes));
    complete(&parts.linked, binaries.chain(&parts.plugins))?;
    let facts = &parts.facts;
    let mut extras = facts.extras()?;
    // Rust's standard library brings it along, and does not say which version.
    extras.push(Extra::of("musl", None, "MIT"));
    let bill = bill::bill(&facts.version, &facts.created, &parts.linked, &facts.lock, &extras);
    let images: Vec<(Architecture, Layer)> =
        parts.operators.iter().map(|(architecture, operator)| (*architecture, layer(parts, operator, &bill))).collect();
    let digest = layout::write(directory, &description(parts), &images)?;
    Ok((digest, bill))
}

/// Whether a bill of these packages names all that is linked into these files.
fn complete<'a>(linked: &[Linked], binaries: impl Iterator<Item = &'a Vec<u8>>) -> Outcome {
    for binary in binaries {
        let forgotten = bill::forgotten(binary, PLACE_OF_CRATES, linked);
        if !forgotten.is_empty() {
            return Err(format!("linked, and not in the bill of materials: {}", forgotten.join(", ")));
        }
    }
    Ok(())
}

/// All files of one architecture: its operator, and the programs of every architecture, as instances may have any.
fn layer(parts: &Parts, operator: &[u8], bill: &str) -> Layer {
    let mut layer = Layer::default();
    layer.file(OPERATOR, 0o755, operator);
    for (program, bytes) in &parts.programs {
        layer.file(&format!("programs/{}", program.sha256), 0o755, bytes.clone());
    }
    let programs: Vec<Program> = parts.programs.iter().map(|(program, _)| program.clone()).collect();
    layer.file(&format!("programs/{MANIFEST}"), 0o644, programs::manifest(&programs));
    layer.file(ROOTS[0].trim_start_matches('/'), 0o644, parts.facts.roots.clone());
    let user = layout::USER;
    layer.file(
        "etc/passwd",
        0o644,
        format!("root:x:0:0::/:/sbin/nologin\noperator:x:{user}:{user}::/:/sbin/nologin\n"),
    );
    layer.file("etc/group", 0o644, format!("root:x:0:\noperator:x:{user}:\n"));
    layer.directory("tmp", 0o1777);
    layer.file("sbom.spdx.json", 0o644, bill);
    layer
}

fn description(parts: &Parts) -> Description {
    let words = "Measures EC2 instances under load: the operator, and the programs of its instances";
    Description {
        entrypoint: vec![format!("/{OPERATOR}")],
        environment: vec![format!("OPERATOR_PROGRAMS=/programs/{MANIFEST}")],
        labels: parts.facts.labels("clusterbenchmark", words),
        version: parts.facts.version.clone(),
    }
}

/// A layout as one file, which skopeo reads as `oci-archive:`.
pub(crate) fn archive(directory: &Path) -> Outcome<Vec<u8>> {
    let mut layer = Layer::default();
    for name in ["oci-layout", "index.json"] {
        layer.file(name, 0o644, disk::read(&directory.join(name))?);
    }
    let blobs = directory.join("blobs/sha256");
    let entries = fs::read_dir(&blobs).map_err(|error| format!("{} cannot be read: {error}", blobs.display()))?;
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        layer.file(&format!("blobs/sha256/{name}"), 0o644, disk::read(&path)?);
    }
    layer.archive()
}

/// The certificates of public authorities, as this machine has them: AWS is told by them.
fn roots() -> Outcome<Vec<u8>> {
    let chosen = env::var_os("SSL_CERT_FILE").filter(|file| !file.is_empty()).map(PathBuf::from);
    let files = chosen.into_iter().chain(ROOTS.map(PathBuf::from));
    for file in files {
        if let Ok(bytes) = fs::read(&file)
            && bytes.windows(11).any(|words| words == b"BEGIN CERTI")
        {
            return Ok(bytes);
        }
    }
    Err("there are no certificates of public authorities: apt-get install ca-certificates, or set SSL_CERT_FILE"
        .to_owned())
}

/// What git says; nothing where there is no git, or no clone.
fn git(paths: &Paths, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    command.current_dir(&paths.root).args(arguments).env("TZ", "UTC").stdin(Stdio::null()).stderr(Stdio::null());
    let output = command.output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Json;

    fn facts(roots: &[u8]) -> Facts {
        Facts {
            version: "0.1.0".to_owned(),
            revision: Some("abc".to_owned()),
            created: "2026-12-01T00:00:00Z".to_owned(),
            lock: String::new(),
            roots: roots.to_vec(),
        }
    }

    fn parts() -> Parts {
        let program = |name, architecture| {
            let bytes = format!("{name} {architecture:?}").into_bytes();
            let size = bytes.len() as u64;
            (Program { name, architecture, sha256: sha256::hex(&bytes), bytes: size }, bytes)
        };
        Parts {
            facts: facts(b"-----BEGIN CERTIFICATE-----"),
            linked: Vec::new(),
            operators: Architecture::ALL.map(|one| (one, format!("operator {one:?}").into_bytes())).to_vec(),
            programs: vec![program("worker", Architecture::X86_64), program("worker", Architecture::Arm64)],
            plugins: Architecture::ALL.map(|one| format!("plugin {one:?}").into_bytes()).to_vec(),
        }
    }

    fn directory(name: &str) -> PathBuf {
        env::temp_dir().join(format!("xtask-image-{name}-{}", std::process::id()))
    }

    fn blob(directory: &Path, of: &Json) -> Vec<u8> {
        let digest = of.text(&["digest"]).unwrap().strip_prefix("sha256:").unwrap();
        let bytes = fs::read(directory.join("blobs/sha256").join(digest)).unwrap();
        assert_eq!(sha256::hex(&bytes), digest);
        assert_eq!(of.at(&["size"]), Some(&Json::number(bytes.len() as u64)));
        bytes
    }

    fn json(bytes: &[u8]) -> Json {
        Json::parse(std::str::from_utf8(bytes).unwrap()).unwrap()
    }

    fn list<'a>(of: &'a Json, key: &str) -> &'a [Json] {
        let Some(Json::List(list)) = of.at(&[key]) else { panic!("no {key} in {of}") };
        list
    }

    #[test]
    fn two_images_of_the_same_files_have_one_digest() {
        let (one, other) = (directory("one"), directory("other"));
        let (digest, _) = assemble(&parts(), &one).unwrap();
        assert_eq!(assemble(&parts(), &other).unwrap().0, digest);
        let changed = Parts { facts: facts(b"-----BEGIN CERTIFICATE----- other"), ..parts() };
        assert_ne!(assemble(&changed, &other).unwrap().0, digest, "another content is another image");
        fs::remove_dir_all(one).unwrap();
        fs::remove_dir_all(other).unwrap();
    }

    #[test]
    fn every_blob_is_what_it_is_called_and_each_architecture_has_its_own() {
        let directory = directory("blobs");
        let (digest, bill) = assemble(&parts(), &directory).unwrap();
        let entry = json(&fs::read(directory.join("index.json")).unwrap());
        let root = &list(&entry, "manifests")[0];
        assert_eq!(root.text(&["digest"]), Some(&*digest));
        assert_eq!(root.text(&["annotations", "org.opencontainers.image.ref.name"]), Some("0.1.0"));
        let index = json(&blob(&directory, root));
        let mut platforms = Vec::new();
        for descriptor in list(&index, "manifests") {
            platforms.push(descriptor.text(&["platform", "architecture"]).unwrap().to_owned());
            let manifest = json(&blob(&directory, descriptor));
            let config = json(&blob(&directory, manifest.at(&["config"]).unwrap()));
            assert_eq!(config.text(&["architecture"]), platforms.last().map(String::as_str));
            assert_eq!(config.text(&["config", "User"]), Some("65532:65532"));
            assert_eq!(config.text(&["config", "Labels", "org.opencontainers.image.revision"]), Some("abc"));
            let layer = blob(&directory, &list(&manifest, "layers")[0]);
            let word = if platforms.len() == 1 { "operator X86_64" } else { "operator Arm64" };
            for inside in [word, "worker X86_64", "worker Arm64", "operator:x:65532", bill.lines().nth(1).unwrap()] {
                assert!(layer.windows(inside.len()).any(|bytes| bytes == inside.as_bytes()), "{inside}");
            }
        }
        assert_eq!(platforms, ["amd64", "arm64"]);
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn an_image_with_a_package_that_its_bill_does_not_name_is_refused() {
        let binary = |package: &str| format!("x{PLACE_OF_CRATES}/index/{package}/src/lib.rs").into_bytes();
        let (mut operator, mut plugin) = (parts(), parts());
        operator.operators[0].1 = binary("tokio-9.9.9");
        plugin.plugins[1] = binary("clap-9.9.9");
        let directory = directory("forgotten");
        for (parts, forgotten) in [(operator, "tokio-9.9.9"), (plugin, "clap-9.9.9")] {
            let error = assemble(&parts, &directory).unwrap_err();
            assert_eq!(error, format!("linked, and not in the bill of materials: {forgotten}"));
        }
    }

    /// Registries' tools read it, where they are: skopeo checks every digest as it copies.
    #[test]
    fn tools_of_registries_read_it() {
        let directory = directory("skopeo");
        assemble(&parts(), &directory).unwrap();
        let copied = trial::copy(&directory, "0.1.0").unwrap();
        for made in copied.into_iter().chain([directory]) {
            fs::remove_dir_all(made).unwrap();
        }
    }
}
