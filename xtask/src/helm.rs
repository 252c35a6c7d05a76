//! helm, which renders and packages the chart: built from its own module (lab/helm, Go).

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::go::{self, Program};
use crate::{Outcome, Paths, run};

/// The module in go.mod; a build that is not a release's calls itself by its minor version alone.
const LINK_FLAGS: &str = "-s -w -X helm.sh/helm/v4/internal/version.version=v4.3.2";

const HELM: Program = Program {
    parent: "lab",
    name: "helm",
    label: "helm",
    takes: "about 4 minutes on two cores",
    link_flags: LINK_FLAGS,
    otherwise: "",
};

/// The binary, built if it is not in the cache. `None` where there is no Go: `skipped` is said then, and is a failure
/// where `CI` is `true`.
pub(crate) fn provide(paths: &Paths, skipped: &str) -> Outcome<Option<PathBuf>> {
    if go::is_there(skipped)? { HELM.provide(paths).map(Some) } else { Ok(None) }
}

/// The binary for who cannot do without it.
pub(crate) fn needed(paths: &Paths) -> Outcome<PathBuf> {
    if !run::in_path("go") {
        let missing = "helm renders and packages the chart, and there is no `go` on the PATH to build it with";
        return Err(format!("{missing}: install Go 1.26 or newer (https://go.dev/dl)"));
    }
    HELM.provide(paths)
}

/// A command that knows nothing of the user's own settings of helm, and of no Kubernetes cluster.
pub(crate) fn command(paths: &Paths, helm: &Path) -> Command {
    let mut command = Command::new(helm);
    command.current_dir(&paths.root).stdin(Stdio::null());
    for variable in ["HELM_CONFIG_HOME", "HELM_CACHE_HOME", "HELM_DATA_HOME"] {
        command.env(variable, paths.cache.join("helm-home"));
    }
    command.env("KUBECONFIG", "/dev/null");
    command
}

#[cfg(test)]
mod tests {
    use super::LINK_FLAGS;

    #[test]
    fn the_version_is_that_of_the_module() {
        let module = include_str!("../../lab/helm/go.mod");
        let version = LINK_FLAGS.rsplit_once('=').unwrap().1;
        assert!(module.contains(&format!("helm.sh/helm/v4 {version}\n")), "{version}");
    }
}
