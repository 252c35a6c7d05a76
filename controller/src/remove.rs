//! The kill switch: everything that an installation holds in a region, listed and removed without Kubernetes.

use std::time::Duration;

use jiff::Timestamp;
use planner::Failure;
use planner::owner;
use planner::ports::{Answer, Cloud, Selection};
use planner::sweep::Found;
use planner::sweep::inventory::Inventory;
use tokio::time::Instant;

use crate::sweep::remove_bucket;

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
    let is_ours = |of: &owner::Tags| tags.iter().all(|(key, value)| of.get(key) == Some(value));
    let mut found = Found { instances, groups, ..Found::default() };
    // Whoever never had a load balancer, or queues, need not have the permission to list them.
    let mut unseen = Vec::new();
    match tokio::try_join!(cloud.load_balancers(), cloud.target_groups()) {
        Ok((balancers, groups)) => {
            found.load_balancers = balancers.into_iter().filter(|one| is_ours(&one.tags)).collect();
            found.target_groups = groups.into_iter().filter(|one| is_ours(&one.tags)).collect();
        }
        Err(error) if error.failure == Failure::Unauthorized => unseen.push(format!("load balancers: {error}")),
        Err(error) => return Err(error),
    }
    match tokio::try_join!(cloud.queues(), cloud.buckets()) {
        Ok((queues, buckets)) => {
            found.queues = queues.into_iter().filter(|one| is_ours(&one.tags)).collect();
            found.buckets = buckets.into_iter().filter(|one| is_ours(&one.tags)).collect();
        }
        Err(error) if error.failure == Failure::Unauthorized => unseen.push(format!("queues and buckets: {error}")),
        Err(error) => return Err(error),
    }
    Ok(Inventory::new(found, kubernetes_cluster).with_unseen(unseen))
}

/// Removes what is there: load balancers and instances first, then target groups and queues, then buckets, then groups. `tell`
/// gets a line for each thing that is done or fails.
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
        for arn in left.load_balancers() {
            let error = cloud.delete_load_balancer(&arn).await.err();
            tell(said("delete", &arn, error.map(|error| error.to_string())));
        }
        for arn in left.target_groups_to_delete() {
            tell_unless_held(cloud.delete_target_group(&arn).await, &arn, &mut tell);
        }
        for url in left.queues_to_delete() {
            let error = cloud.delete_queue(&url).await.err();
            tell(said("delete", &url, error.map(|error| error.to_string())));
        }
        let buckets = left.buckets_to_delete();
        if !buckets.is_empty() {
            // A bucket of another account may have the name by now.
            let account = cloud.identity().await?.account;
            for name in buckets {
                match remove_bucket(cloud, &name, &account).await {
                    Ok(is_gone) => tell(said(if is_gone { "delete" } else { "empty" }, &name, None)),
                    Err(error) => tell(said("delete", &name, Some(error.to_string()))),
                }
            }
        }
        for id in left.to_delete() {
            tell_unless_held(cloud.delete_group(&id).await, &id, &mut tell);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What still holds it goes by itself: a rule of a deleted load balancer, an interface of one or of an instance.
fn tell_unless_held(outcome: Answer<()>, id: &str, tell: &mut impl FnMut(String)) {
    match outcome {
        Err(error) if error.failure == Failure::DependencyViolation => {}
        outcome => tell(said("delete", id, outcome.err().map(|error| error.to_string()))),
    }
}

fn said(what: &str, which: &str, error: Option<String>) -> String {
    let at = Timestamp::now().strftime("%H:%M:%S");
    match error {
        None => format!("{at} {what} {which}"),
        Some(error) => format!("{at} {what} {which}: {error}"),
    }
}
