//! The kill switch: everything that an installation holds in a region, listed and removed without Kubernetes.

use std::time::Duration;

use jiff::Timestamp;
use planner::Failure;
use planner::owner;
use planner::ports::{Answer, Cloud, Selection};
use planner::sweep::Found;
use planner::sweep::inventory::Inventory;
use tokio::time::Instant;

/// Between two lists while instances shut down.
const LOOK: Duration = Duration::from_secs(5);
/// Longer than an instance takes to shut down (minutes) and an interface to vanish (up to ten minutes).
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// Lists what is there.
///
/// *Guarantees*: changes nothing. Complete, or an error.
pub async fn inventory<C: Cloud>(cloud: &C, installation: &str, kubernetes_cluster: Option<&str>) -> Answer<Inventory> {
    let (selection, tags) = (Selection::Installation(installation.to_owned()), owner::of_installation(installation));
    let (instances, groups) = tokio::try_join!(cloud.instances(&selection), cloud.groups(&tags))?;
    Ok(Inventory::new(Found { instances, groups }, kubernetes_cluster))
}

/// Removes what is there: instances first, then groups. `tell` gets a line for each thing that is done or fails.
///
/// *Guarantees*: touches only what carries the installation's tags. What is left afterwards is returned.
/// *Errors*: when what is there cannot be listed.
/// *Cancellation*: some of it may be gone and the rest not; it can be done again.
pub async fn remove<C: Cloud>(
    cloud: &C,
    installation: &str,
    kubernetes_cluster: Option<&str>,
    mut tell: impl FnMut(String),
) -> Answer<Inventory> {
    let begun = Instant::now();
    loop {
        let left = inventory(cloud, installation, kubernetes_cluster).await?;
        if left.is_empty() || begun.elapsed() > PATIENCE {
            return Ok(left);
        }
        let ids = left.to_terminate();
        if !ids.is_empty() {
            match cloud.terminate(&ids).await {
                Ok(refused) => {
                    let is_refused = |id: &&String| refused.iter().any(|one| one.id == **id);
                    let told: Vec<String> = ids.iter().filter(|id| !is_refused(id)).cloned().collect();
                    if !told.is_empty() {
                        tell(said("terminate", &told.join(" "), None));
                    }
                    for one in refused {
                        tell(said("terminate", &one.id, Some(one.error.to_string())));
                    }
                }
                Err(error) => tell(said("terminate", &ids.join(" "), Some(error.to_string()))),
            }
        }
        for id in left.to_delete() {
            match cloud.delete_group(&id).await {
                // An interface of a terminated instance holds it for a while.
                Err(error) if error.failure == Failure::DependencyViolation => {}
                outcome => tell(said("delete", &id, outcome.err().map(|error| error.to_string()))),
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn said(what: &str, which: &str, error: Option<String>) -> String {
    let at = Timestamp::now().strftime("%H:%M:%S");
    match error {
        None => format!("{at} {what} {which}"),
        Some(error) => format!("{at} {what} {which}: {error}"),
    }
}
