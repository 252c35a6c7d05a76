//! The control plane's Go binary (lab/controlplane), or what is there instead.

use std::env;
use std::fs;
use std::path::PathBuf;

use crate::go::Program;
use crate::{Outcome, Paths, run};

/// Without the version the API server calls itself v0.0.0, which clients compare.
const LINK_FLAGS: &str = "-s -w -X k8s.io/component-base/version.gitVersion=v1.37.2";

const CONTROLPLANE: Program = Program {
    parent: "lab",
    name: "controlplane",
    label: "the control plane",
    takes: "about 10 minutes and 6 GB on two cores",
    link_flags: LINK_FLAGS,
    otherwise: "; or set KUBEBUILDER_ASSETS",
};

/// What is there already: the directory that `KUBEBUILDER_ASSETS` names. What is missing is said before anything is
/// built, not minutes later.
pub(crate) fn present() -> Outcome<Option<PathBuf>> {
    match env::var_os("KUBEBUILDER_ASSETS").filter(|value| !value.is_empty()) {
        Some(directory) => assets(PathBuf::from(directory)).map(Some),
        None if run::in_path("go") => Ok(None),
        None => Err(run::missing("go".as_ref(), &std::io::ErrorKind::NotFound.into())),
    }
}

/// The binary, built if it is not in the cache.
pub(crate) fn provide(paths: &Paths) -> Outcome<PathBuf> {
    CONTROLPLANE.provide(paths)
}

/// Checks what is there before a lab is started on it.
fn assets(directory: PathBuf) -> Outcome<PathBuf> {
    let directory = fs::canonicalize(&directory)
        .map_err(|error| format!("KUBEBUILDER_ASSETS is {}: {error}; correct or unset it", directory.display()))?;
    let missing: Vec<_> =
        ["etcd", "kube-apiserver"].into_iter().filter(|name| !directory.join(name).is_file()).collect();
    if !missing.is_empty() {
        return Err(format!(
            "KUBEBUILDER_ASSETS is {}, which has no {}: correct it, or unset it and the control plane is built",
            directory.display(),
            missing.join(" and no ")
        ));
    }
    if !directory.join("kube-controller-manager").is_file() {
        eprintln!(
            "xtask: KUBEBUILDER_ASSETS has no kube-controller-manager: namespaces will stay Terminating and nothing \
             is garbage-collected. Unset it to have one built"
        );
    }
    if !directory.join("kubectl").is_file() && !run::in_path("kubectl") {
        return Err("neither KUBEBUILDER_ASSETS nor PATH has kubectl: put it into one of them".to_owned());
    }
    Ok(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incomplete_assets_are_named() {
        let directory = env::temp_dir().join(format!("xtask-assets-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let error = assets(directory.clone()).unwrap_err();
        assert!(error.contains("no etcd and no kube-apiserver"), "{error}");
        fs::remove_dir_all(directory).unwrap();
    }
}
