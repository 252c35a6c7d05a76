//! `image --lab`: a lab with all that it starts, for who has neither Rust nor Go: `docker run --rm -it IMAGE demo`.
//!
//! Instances of a lab run their user data, which are bash. So beside our own files there are a shell and some commands of the
//! distribution that the image is made on. These are of this machine's architecture, and so is the image.

mod modules;
mod trial;
mod userland;

use std::fs;
use std::path::{Path, PathBuf};

use super::bill::{self, Extra};
use super::layout::{self, Description};
use super::{Facts, Image, Layer, ROOTS, complete};
use crate::notices::{self, Linked};
use crate::programs::{self, Architecture, LAB};
use crate::{Outcome, Paths, controlplane, disk, say};
use trial::Tried;
use userland::{OF_USR, Userland};

/// The image's directory below `target`.
const NAME: &str = "lab-image";

/// The directory of our own programs in it: the lab finds the others beside itself.
const PROGRAMS: &str = "usr/local/bin";
const CONTROLPLANE: &str = "controlplane";

/// The package whose program is in it, and in nothing else that is given away.
const PACKAGES: [&str; 1] = ["lab"];

/// Files of the checkout that are in it: what is ours, under which licence, and what is linked into it.
const DOCUMENTS: [&str; 2] = ["LICENSE", notices::FILE];
const SAMPLES: &str = "manifests/samples";

/// What it is made of.
struct Parts {
    facts: Facts,
    architecture: Architecture,
    linked: Vec<Linked>,
    programs: Vec<(&'static str, Vec<u8>)>,
    controlplane: Vec<u8>,
    /// What is linked into the control plane.
    modules: Vec<Extra>,
    userland: Userland,
    /// Files with their names.
    samples: Vec<(String, Vec<u8>)>,
    documents: Vec<(&'static str, Vec<u8>)>,
}

pub(crate) fn image(paths: &Paths) -> Outcome {
    provide(paths).map(drop)
}

/// Builds what it holds, writes it, and tries it out.
pub(crate) fn provide(paths: &Paths) -> Outcome<Image> {
    let controlplane = controlplane::provide(paths)?;
    let parts = Parts::read(paths, programs::of_lab(paths)?, &[], &controlplane)?;
    let directory = paths.given_away(NAME);
    let (digest, bill) = assemble(&parts, &directory)?;
    if let Tried::Ran(last) = try_out(&parts, &directory)? {
        eprintln!("xtask: the demo in the image: {last}");
    }
    say::line(format_args!("{}:{}", directory.display(), parts.facts.version));
    say::line(format_args!("{digest}"));
    Ok(Image { directory, digest, bill })
}

impl Parts {
    /// `dynamic` are the files of those programs that are not static: their libraries come with them.
    fn read(
        paths: &Paths,
        programs: Vec<(&'static str, Vec<u8>)>,
        dynamic: &[PathBuf],
        controlplane: &Path,
    ) -> Outcome<Self> {
        let document = |name: &'static str| Ok((name, disk::read(&paths.root.join(name))?));
        Ok(Self {
            facts: Facts::read(paths)?,
            architecture: Architecture::here()?,
            linked: notices::linked_into(paths, &PACKAGES)?,
            programs,
            controlplane: disk::read(controlplane)?,
            modules: modules::of(controlplane)?,
            userland: userland::of_this_machine(dynamic)?,
            samples: samples(&paths.root.join(SAMPLES))?,
            documents: DOCUMENTS.into_iter().map(document).collect::<Outcome<_>>()?,
        })
    }
}

fn samples(directory: &Path) -> Outcome<Vec<(String, Vec<u8>)>> {
    let entries =
        fs::read_dir(directory).map_err(|error| format!("{} cannot be read: {error}", directory.display()))?;
    let named = |path: &PathBuf| Some((path.file_name()?.to_str()?.to_owned(), path.clone()));
    let files = entries.flatten().filter_map(|entry| named(&entry.path()));
    files.map(|(name, path)| Ok((name, disk::read(&path)?))).collect()
}

/// Writes the image; returns its digest and the bill of materials that is in it.
fn assemble(parts: &Parts, directory: &Path) -> Outcome<(String, String)> {
    let facts = &parts.facts;
    complete(&parts.linked, parts.programs.iter().map(|(_, bytes)| bytes))?;
    let mut extras = facts.extras()?;
    if parts.programs.iter().any(|(_, bytes)| !programs::is_dynamic(bytes)) {
        extras.push(Extra::of("musl", None, "MIT"));
    }
    extras.extend(parts.modules.iter().chain(&parts.userland.packages).cloned());
    let bill = bill::bill(&facts.version, &facts.created, &parts.linked, &facts.lock, &extras);
    let digest = layout::write(directory, &description(facts), &[(parts.architecture, layer(parts, &bill))])?;
    Ok((digest, bill))
}

fn layer(parts: &Parts, bill: &str) -> Layer {
    let mut layer = Layer::default();
    for (name, bytes) in &parts.programs {
        layer.file(&format!("{PROGRAMS}/{name}"), 0o755, bytes.clone());
    }
    layer.file(&format!("{PROGRAMS}/{CONTROLPLANE}"), 0o755, parts.controlplane.clone());
    // It is each of its programs by the name that it is called by.
    layer.link(&format!("{PROGRAMS}/kubectl"), CONTROLPLANE);
    for (path, (mode, bytes)) in &parts.userland.files {
        layer.file(path, *mode, bytes.clone());
    }
    for directory in OF_USR {
        layer.directory(&format!("usr/{directory}"), 0o755);
        layer.link(directory, &format!("usr/{directory}"));
    }
    layer.link("usr/bin/sh", "bash");
    for (name, bytes) in &parts.samples {
        layer.file(&format!("samples/{name}"), 0o644, bytes.clone());
    }
    for (name, bytes) in &parts.documents {
        layer.file(&format!("usr/share/doc/clusterbenchmark/{name}"), 0o644, bytes.clone());
    }
    layer.file(ROOTS[0].trim_start_matches('/'), 0o644, parts.facts.roots.clone());
    let user = layout::USER;
    let users = format!("root:x:0:0::/:/bin/bash\nlab:x:{user}:{user}::/tmp:/bin/bash\n");
    layer.file("etc/passwd", 0o644, users);
    layer.file("etc/group", 0o644, format!("root:x:0:\nlab:x:{user}:\n"));
    // Where who runs it mounts what the kernel shows.
    for directory in ["dev", "proc", "sys"] {
        layer.directory(directory, 0o755);
    }
    layer.directory("tmp", 0o1777);
    layer.file("sbom.spdx.json", 0o644, bill);
    layer
}

fn description(facts: &Facts) -> Description {
    let words =
        "ClusterBenchmark without AWS: a simulated region, a real control plane, the operator, and a demo of them";
    Description {
        entrypoint: vec![format!("/{PROGRAMS}/{LAB}")],
        environment: environment(),
        labels: facts.labels("clusterbenchmark-lab", words),
        version: facts.version.clone(),
    }
}

fn environment() -> Vec<String> {
    vec![
        format!("PATH=/{PROGRAMS}:/usr/bin:/bin"),
        // Whoever runs it may write there, whatever his number is.
        "HOME=/tmp".to_owned(),
        format!("CLUSTERBENCHMARK_CONTROLPLANE=/{PROGRAMS}/{CONTROLPLANE}"),
        format!("CLUSTERBENCHMARK_LAB={LAB}"),
    ]
}

fn try_out(parts: &Parts, directory: &Path) -> Outcome<Tried> {
    trial::demo(directory, &parts.facts.version, &format!("/{PROGRAMS}/{LAB}"), &environment())
}

#[cfg(test)]
mod tests;
