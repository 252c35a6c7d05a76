use std::collections::BTreeSet;
use std::env;
use std::io::Write as _;
use std::process::Command;

use super::*;
use crate::json::Json;
use crate::run;

fn parts() -> Parts {
    let mut userland = Userland::default();
    userland.files.insert("usr/bin/bash".to_owned(), (0o755, b"bash".to_vec()));
    userland.packages.push(Extra::of("bash", Some("5.2".to_owned()), "NOASSERTION"));
    Parts {
        facts: Facts {
            version: "0.1.0".to_owned(),
            revision: None,
            created: "2026-12-01T00:00:00Z".to_owned(),
            lock: String::new(),
            roots: b"roots".to_vec(),
        },
        architecture: Architecture::X86_64,
        linked: Vec::new(),
        programs: programs::started_by_lab().map(|name| (name, name.as_bytes().to_vec())).collect(),
        controlplane: b"controlplane".to_vec(),
        modules: vec![Extra::of("k8s.io/kubernetes", Some("v1".to_owned()), "NOASSERTION")],
        userland,
        samples: vec![("one.yaml".to_owned(), b"sample".to_vec())],
        documents: vec![("NOTICE", b"notice".to_vec())],
    }
}

/// A directory that ends with the test.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("xtask-lab-image-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Not through `eprintln!`: the test runner would swallow it.
fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: the lab's image was NOT run: {why}");
}

#[test]
fn the_same_files_are_the_same_image_with_all_that_a_lab_starts() {
    let place = Place::new("digest");
    let (one, other) = (place.0.join("one"), place.0.join("other"));
    let (digest, _) = assemble(&parts(), &one).unwrap();
    assert_eq!(assemble(&parts(), &other).unwrap().0, digest);
    let everything = [parts().modules, parts().userland.packages].concat();
    let bill = bill::bill("0.1.0", "1970-01-01T00:00:00Z", &[], "", &everything);
    let Some(Json::List(packages)) = Json::parse(&bill).unwrap().at(&["packages"]).cloned() else { panic!("{bill}") };
    let named: BTreeSet<&str> = packages.iter().filter_map(|package| package.text(&["SPDXID"])).collect();
    assert_eq!(named.len(), 3, "ours, a module and a package of the distribution: {named:?}");
    let changed = Parts { controlplane: b"another".to_vec(), ..parts() };
    assert_ne!(assemble(&changed, &other).unwrap().0, digest);

    let mut tar = Command::new("tar");
    tar.arg("--list").arg("--file").arg(layout::only_layer(&one).unwrap());
    let listed = run::output(&mut tar).unwrap();
    let listed: BTreeSet<&str> = listed.lines().collect();
    for name in programs::started_by_lab().chain([CONTROLPLANE, "kubectl"]) {
        assert!(listed.contains(&*format!("{PROGRAMS}/{name}")), "{name} is not in {listed:?}");
    }
    for path in ["bin", "usr/bin/bash", "usr/bin/sh", "proc/", "tmp/", "samples/one.yaml", "sbom.spdx.json"] {
        assert!(listed.contains(path), "{path} is not in {listed:?}");
    }
}

#[test]
fn files_of_this_distribution_come_with_their_licences() {
    if !run::in_path("dpkg-query") {
        return skipped("this is no Debian, whose files it takes");
    }
    let userland = userland::of_this_machine(&[]).unwrap();
    for package in &userland.packages {
        let licence = format!("usr/share/doc/{}/copyright", package.name);
        assert!(userland.files.contains_key(&licence), "{licence}");
        assert!(package.version.is_some() && package.locator.is_some(), "{package:?}");
    }
    let names: BTreeSet<&str> = userland.packages.iter().map(|package| package.name.as_str()).collect();
    for name in ["bash", "coreutils", "curl", "libc6", "tar"] {
        assert!(names.contains(name), "{name} is not among {names:?}");
    }
    let is_linker = |path: &String| path.starts_with("usr/lib") && path.contains("/ld-linux");
    assert!(userland.files.keys().any(is_linker), "nothing would run without the dynamic linker");
}

/// The image of the binaries under test: they are not static, so their libraries are in it as well.
#[test]
fn a_user_without_rights_runs_a_demo_in_it_to_its_end() {
    let variable = |name| env::var_os(name).map(PathBuf::from);
    let (Some(binaries), Some(controlplane)) =
        (variable("CLUSTERBENCHMARK_BIN"), variable("CLUSTERBENCHMARK_CONTROLPLANE"))
    else {
        return skipped("there are no binaries; use `cargo xtask test`");
    };
    if controlplane.is_dir() {
        return skipped("the control plane is not ours (KUBEBUILDER_ASSETS)");
    }
    if let Some(tool) = ["bwrap", "dpkg-query", "go", "strip"].into_iter().find(|tool| !run::in_path(tool)) {
        return skipped(&format!("there is no `{tool}` on the PATH"));
    }
    let place = Place::new("demo");
    let (mut programs, mut files) = (Vec::new(), Vec::new());
    for name in programs::started_by_lab() {
        let stripped = place.0.join(name);
        let mut strip = Command::new("strip");
        run::step(name, strip.arg("--strip-debug").arg("-o").arg(&stripped).arg(binaries.join(name))).unwrap();
        programs.push((name, disk::read(&stripped).unwrap()));
        files.push(stripped);
    }
    let parts = Parts::read(&Paths::find().unwrap(), programs, &files, &controlplane).unwrap();
    let image = place.0.join("image");
    assemble(&parts, &image).unwrap();

    match try_out(&parts, &image).unwrap() {
        Tried::Ran(last) => assert!(last.starts_with("nothing left: ") && last.contains("launched"), "{last}"),
        Tried::Skipped => skipped("this machine allows bwrap no namespaces"),
    }
}
