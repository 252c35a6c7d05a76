//! Discovery: whether a user's kubectl would find our resources now.
//!
//! A resource definition that is `Established` has its names; that they are served, found and explained comes later,
//! from the API server's own loops for discovery and OpenAPI: "It might take a few seconds for the endpoint to be
//! created. You can watch the Established condition [...] or watch the discovery information of the API server for your
//! resource to show up" (kubernetes.io, Extend the Kubernetes API with CustomResourceDefinitions). The same is so after
//! each start of an API server, when its `/readyz` answers already. And what is found may not be readable yet: an API server
//! whose etcd is away, or that has not filled its cache, knows a kind and cannot list it.

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use tokio::time::{Instant, sleep, timeout_at};

use crate::kubernetes::kubectl::Kubectl;

/// The kinds that a newcomer may ask for, as README does.
const QUESTIONS: [&str; 2] = ["clusterbenchmarks.spec.load.phases", "benchmarkreports"];
/// The path of the plain list of a version, for programs that do not take the aggregated one.
const LIST: &str = "/apis/clusterbench.dev/v1alpha1";
/// The resource whose list asks the storage.
const STORED: &str = "clusterbenchmarks";
/// For each question: a server that says nothing is asked anew. kubectl's own default is to wait for ever.
const LIMIT: &str = "--request-timeout=5s";
const NAMES: [&str; 2] = ["clusterbenchmarks", "benchmarkreports"];

/// The time that resources may take to be served. It is a second or two, and more beside a build.
const PATIENCE: Duration = Duration::from_secs(90);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Returns when both kinds are served.
pub(crate) async fn wait(kubectl: &Kubectl) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let mut why = anyhow!("kubectl does not answer");
    while let Ok(looked) = timeout_at(deadline, look(kubectl)).await {
        match looked {
            Ok(()) => return Ok(()),
            Err(error) => why = error,
        }
        sleep(POLL_INTERVAL).await;
    }
    Err(why).context(format!("the custom resources are not served within {} s", PATIENCE.as_secs()))
}

/// Whether a kubectl that never asked before finds both kinds and explains them, and what is stored can be listed; if not,
/// what it says.
pub(crate) async fn look(kubectl: &Kubectl) -> anyhow::Result<()> {
    let list = kubectl.run(&["get", "--raw", LIST, LIMIT]).await?;
    if let Some(missing) = NAMES.iter().find(|name| !list.contains(&format!("\"{name}\""))) {
        bail!("{LIST} does not show {missing}");
    }
    let newcomer = kubectl.newcomer();
    for question in QUESTIONS {
        newcomer.kubectl().run(&["explain", question, LIMIT]).await?;
    }
    kubectl.run(&["get", STORED, "--all-namespaces", LIMIT]).await?;
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
        case "$*" in *--request-timeout=*) ;; *) echo "waits for ever" >&2; exit 1 ;; esac
        case "$1 $2" in
          "get --raw") if [ "$asked" -gt 2 ]; then echo '{"name":"clusterbenchmarks"},{"name":"benchmarkreports"}'; fi ;;
          "explain clusterbenchmarks.spec.load.phases") mkdir -p "$cache"
             [ -e "$cache/known" ] || echo "$asked" >"$cache/known"
             if [ "$(cat "$cache/known")" -le 6 ]; then echo "couldn't find resource for" >&2; exit 1; fi ;;
          "explain benchmarkreports") if [ "$asked" -le 12 ]; then echo "couldn't find resource for" >&2; exit 1; fi ;;
          "get clusterbenchmarks") if [ "$asked" -le 20 ]; then echo "etcdserver: no leader" >&2; exit 1; fi
             echo served >"$WORLD/served" ;;
        esac"#;

    /// A lab's kubectl in a directory of its own, that does what `body` says.
    fn kubectl(name: &str, body: &str) -> (PathBuf, Kubectl) {
        let world = std::env::temp_dir().join(format!("lab-served-test-{name}-{}", std::process::id()));
        fs::create_dir_all(&world).unwrap();
        fs::write(world.join("asked"), "0").unwrap();
        // As the lab binary does it: become PID PROGRAM NAME ...
        let lab = script(
            &world.join("lab"),
            &format!("export WORLD={}\nshift 2; exec -a \"$2\" \"$1\" \"${{@:3}}\"", world.display()),
        );
        let path = script(&world.join("kubectl"), body);
        let kubectl = Kubectl::new(&path, &lab, &world.join("kubeconfig"), &world.join("cache"));
        (world, kubectl)
    }

    /// The clock stands still but for what is waited for: nothing else goes on than the call that hangs.
    #[tokio::test(start_paused = true)]
    async fn a_call_that_hangs_ends_with_the_patience() {
        let (world, kubectl) = kubectl("hangs", "exec tail -f /dev/null");
        let why = format!("{:#}", wait(&kubectl).await.unwrap_err());
        assert_eq!(why, "the custom resources are not served within 90 s: kubectl does not answer");
        fs::remove_dir_all(&world).unwrap();
    }

    #[tokio::test]
    async fn established_is_not_served() {
        let (world, kubectl) = kubectl("begins", KUBECTL);
        let why = look(&kubectl).await.unwrap_err().to_string();
        assert_eq!(why, "/apis/clusterbench.dev/v1alpha1 does not show clusterbenchmarks");
        assert!(look(&kubectl).await.is_err());
        let why = look(&kubectl).await.unwrap_err().to_string();
        assert!(
            why.contains("clusterbenchmarks.spec.load.phases --request-timeout=5s: couldn't find resource"),
            "{why}"
        );
        wait(&kubectl).await.unwrap();
        assert!(world.join("served").exists());
        let left: Vec<_> = fs::read_dir(&world).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().contains("newcomer")), "{left:?}");
        fs::remove_dir_all(&world).unwrap();
    }
}
