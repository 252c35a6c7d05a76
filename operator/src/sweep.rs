//! `operator sweep`: the kill switch. Needs AWS credentials and nothing else.

use std::io::BufRead;

use anyhow::{Context, bail};
use clap::Parser;
use jiff::Timestamp;
use planner::ports::{Compute, Regions};
use planner::prices::price;
use planner::sweep::inventory::Inventory;

/// Exit status of a dry run that found something.
const FOUND: u8 = 3;

/// Lists, or removes, every instance and group of an installation, whatever its benchmarks say. Needs no Kubernetes.
///
/// Stop the operator first, or it makes again what is removed: its benchmarks still ask for it.
#[derive(Debug, Parser)]
#[command(name = "operator sweep", version)]
#[command(group(clap::ArgGroup::new("what").required(true)))]
pub(crate) struct Sweep {
    /// Only list what would be removed; ends with status 3 if there is anything
    #[arg(long, group = "what")]
    dry_run: bool,

    /// Remove it, after the installation's name was typed
    #[arg(long, group = "what")]
    confirm: bool,

    /// Region to look in, may be repeated [default: AWS_REGION or the profile's]
    #[arg(long = "region", env = "OPERATOR_SWEEP_REGIONS", value_delimiter = ',')]
    regions: Vec<String>,

    /// Name of the installation whose things are meant
    #[arg(long, env = "OPERATOR_INSTALLATION", default_value = "default")]
    installation: String,

    /// Only what belongs to the Kubernetes cluster of this uid (of its namespace kube-system)
    #[arg(long, value_name = "UID")]
    kubernetes_cluster: Option<String>,
}

pub(crate) async fn sweep(arguments: Sweep) -> anyhow::Result<std::process::ExitCode> {
    let aws = cloud::Aws::load().await;
    let mut regions = arguments.regions.clone();
    if regions.is_empty() {
        regions.extend(aws.default_region().map(str::to_owned));
    }
    if regions.is_empty() {
        bail!("no AWS region: set --region or AWS_REGION");
    }
    let (installation, kubernetes) = (arguments.installation.as_str(), arguments.kubernetes_cluster.as_deref());
    let mut found = Vec::new();
    for name in &regions {
        let region = aws.region(name);
        let identity = region.identity().await.context("cannot ask AWS who we are: check the credentials")?;
        let held = controller::inventory(&*region, installation, kubernetes).await.with_context(|| name.clone())?;
        say::line(format_args!(
            "installation {installation} in account {}, {name} ({}):",
            identity.account,
            price::basis()
        ));
        say::text(held.text(name, Timestamp::now()));
        found.push((name, held));
    }
    found.retain(|(_, held)| !held.is_empty());
    if found.is_empty() {
        return Ok(std::process::ExitCode::SUCCESS);
    }
    if arguments.dry_run {
        return Ok(FOUND.into());
    }
    one_kubernetes_cluster(found.iter().map(|(_, held)| held), kubernetes)?;
    say::line("type the installation's name to remove all of this:");
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    if answer.trim() != installation {
        bail!("nothing was removed: {:?} is not {installation}", answer.trim());
    }
    let mut left = false;
    for (name, _) in found {
        let region = aws.region(name);
        let rest = controller::remove(&*region, installation, kubernetes, say::line).await?;
        if !rest.is_empty() {
            say::line(format_args!("left in {name}:\n{}", rest.text(name, Timestamp::now())));
            left = true;
        }
    }
    say::line("look again in five minutes: a launch that was on its way may still take effect");
    Ok(if left { std::process::ExitCode::FAILURE } else { std::process::ExitCode::SUCCESS })
}

/// Installations of one name in two Kubernetes clusters are easily taken for one: `default` is everybody's.
fn one_kubernetes_cluster<'a>(held: impl Iterator<Item = &'a Inventory>, named: Option<&str>) -> anyhow::Result<()> {
    let uids: std::collections::BTreeSet<&str> = held.flat_map(Inventory::kubernetes_clusters).collect();
    if uids.len() > 1 && named.is_none() {
        let uids = uids.into_iter().collect::<Vec<_>>().join(", ");
        bail!(
            "nothing was removed: this is of several Kubernetes clusters ({uids}); name one with --kubernetes-cluster"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::Sweep;

    #[test]
    fn one_of_looking_and_removing_must_be_said() {
        Sweep::command().debug_assert();
        let accepts = |arguments: &[&str]| Sweep::try_parse_from([&["operator sweep"], arguments].concat()).is_ok();
        assert!(accepts(&["--dry-run"]) && accepts(&["--confirm", "--region", "eu-west-1"]));
        assert!(!accepts(&[]) && !accepts(&["--dry-run", "--confirm"]));
    }
}
