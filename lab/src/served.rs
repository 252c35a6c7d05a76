//! Whether a user's kubectl would find our resources now.
//!
//! A resource definition that is `Established` has its names; that they are served, found and explained comes later,
//! from the API server's own loops for discovery and OpenAPI: "It might take a few seconds for the endpoint to be
//! created. You can watch the Established condition [...] or watch the discovery information of the API server for your
//! resource to show up" (kubernetes.io, Extend the Kubernetes API with CustomResourceDefinitions). The same is so after
//! each start of an API server, when its `/readyz` answers already.

use std::time::Duration;

use anyhow::{Context, bail};

use crate::kubectl::Kubectl;

/// What a newcomer may ask for, as README does.
const QUESTIONS: [&str; 2] = ["clusterbenchmarks.spec.load.phases", "benchmarkreports"];
/// What serves the plain list of a version, for programs that do not take the aggregated one.
const LIST: &str = "/apis/clusterbench.dev/v1alpha1";
const NAMES: [&str; 2] = ["clusterbenchmarks", "benchmarkreports"];

/// How long resources may take to be served. It is a second or two, and more beside a build.
const PATIENCE: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(100);

/// Returns when both kinds are served.
pub(crate) async fn wait(kubectl: &Kubectl) -> anyhow::Result<()> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while let Err(error) = look(kubectl).await {
        if tokio::time::Instant::now() > deadline {
            return Err(error).context(format!("the custom resources are not served within {} s", PATIENCE.as_secs()));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// Whether a kubectl that never asked before finds both kinds and explains them; if not, what it says.
pub(crate) async fn look(kubectl: &Kubectl) -> anyhow::Result<()> {
    let list = kubectl.run(&["get", "--raw", LIST, "--request-timeout=5s"]).await?;
    if let Some(missing) = NAMES.iter().find(|name| !list.contains(&format!("\"{name}\""))) {
        bail!("{LIST} does not show {missing}");
    }
    let newcomer = kubectl.newcomer();
    for question in QUESTIONS {
        newcomer.kubectl().run(&["explain", question]).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};

    use super::*;

    fn script(path: &Path, body: &str) -> PathBuf {
        fs::write(path, format!("#!/bin/bash\n{body}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        path.to_owned()
    }

    /// A kubectl in front of a server that is asked, and begins to serve one thing after the other. Like the real one,
    /// it remembers in its cache directory what it was told first.
    const KUBECTL: &str = r#"
        cache=$2; shift 2
        asked=$(($(cat "$WORLD/asked") + 1)); echo "$asked" >"$WORLD/asked"
        case "$1 $2" in
          "get --raw") if [ "$asked" -gt 2 ]; then echo '{"name":"clusterbenchmarks"},{"name":"benchmarkreports"}'; fi ;;
          "explain clusterbenchmarks.spec.load.phases") mkdir -p "$cache"
             [ -e "$cache/known" ] || echo "$asked" >"$cache/known"
             if [ "$(cat "$cache/known")" -le 6 ]; then echo "couldn't find resource for" >&2; exit 1; fi ;;
          "explain benchmarkreports") if [ "$asked" -le 12 ]; then echo "couldn't find resource for" >&2; exit 1; fi
             echo served >"$WORLD/served" ;;
        esac"#;

    #[tokio::test]
    async fn established_is_not_served() {
        let world = std::env::temp_dir().join(format!("lab-served-test-{}", std::process::id()));
        fs::create_dir_all(&world).unwrap();
        fs::write(world.join("asked"), "0").unwrap();
        // As the lab binary does it: become PID PROGRAM NAME ...
        let lab = script(
            &world.join("lab"),
            &format!("export WORLD={}\nshift 2; exec -a \"$2\" \"$1\" \"${{@:3}}\"", world.display()),
        );
        let path = script(&world.join("kubectl"), KUBECTL);
        let kubectl = Kubectl::new(&path, &lab, &world.join("kubeconfig"), &world.join("cache"));
        let why = look(&kubectl).await.unwrap_err().to_string();
        assert_eq!(why, "/apis/clusterbench.dev/v1alpha1 does not show clusterbenchmarks");
        assert!(look(&kubectl).await.is_err());
        let why = look(&kubectl).await.unwrap_err().to_string();
        assert!(why.contains("kubectl explain clusterbenchmarks.spec.load.phases: couldn't find resource"), "{why}");
        wait(&kubectl).await.unwrap();
        assert!(world.join("served").exists());
        let left: Vec<_> = fs::read_dir(&world).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().contains("newcomer")), "{left:?}");
        fs::remove_dir_all(&world).unwrap();
    }
}
