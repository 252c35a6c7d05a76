//! moto's server, somebody else's idea of EC2, SQS and S3, in a Python environment of its own that is made once and kept.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::kept;
use crate::server::Server;

/// The version whose differences are listed below.
const VERSION: &str = "5.2.5";
/// What its server needs besides; the extra `moto[server]` would bring ten times as much.
const SERVER: [&str; 2] = ["flask>=3,<4", "flask-cors>=6,<7"];

/// Rows that moto does not keep, and why.
pub(crate) const KNOWN_TO_DIFFER: &[(&str, &str)] = &[
    ("a_launch_is_idempotent_by_token", "it ignores client tokens and launches again"),
    ("a_token_is_good_for_one_request", "it ignores client tokens and launches again"),
    ("a_token_of_the_dead_launches_nothing", "it ignores client tokens and launches again"),
    (
        "a_rehearsal_is_refused_as_the_launch_would_be",
        "with DryRun it checks nothing, and without it launches any image",
    ),
    ("an_ipv6_address_of_nobody_tells_nothing", "it has no filter by IPv6 addresses and answers HTTP 500"),
    ("lists_by_token_see_it", "it has no client-token filter and answers HTTP 500"),
    ("what_is_terminated_is_neither_started_nor_stopped", "it starts what is terminated"),
    ("terminating_twice_is_once", "the second call fails with InvalidNetworkInterfaceID.NotFound"),
    ("too_little_capacity_launches_none", "it always has capacity"),
    ("an_unknown_type_is_refused", "it launches any type"),
    ("an_unknown_image_is_refused", "it launches any image"),
    ("a_network_is_listed_without_its_host_bits", "it lists host bits as they were written"),
    ("a_group_in_use_stays", "it lists no groups of instances that were launched with a network interface"),
    ("a_group_that_another_one_names_stays", "it deletes groups that rules of other groups name"),
    ("default_subnets_reach_the_internet", "its default VPC has no route to the internet"),
    ("a_name_is_one_load_balancer", "a second create of one name makes a second load balancer, whatever the settings"),
    ("a_load_balancer_needs_two_zones_and_a_name_of_its_form", "it takes one zone, 33 characters and `internal-`"),
    ("interfaces_of_a_load_balancer_hold_its_group", "its load balancers have no interfaces"),
    ("an_equal_target_group_is_the_same_one", "an equal one is DuplicateTargetGroupName"),
    ("an_equal_listener_is_the_same_one", "it makes a second listener on the port"),
    ("an_instance_that_does_not_run_is_no_target", "it registers instances that it does not know"),
    ("a_target_is_unused_until_a_rule_names_its_group", "targets are healthy at once, also those of an unused group"),
    ("a_target_that_is_taken_out_drains_and_goes", "targets that are taken out are gone at once"),
    ("an_attribute_has_its_range", "it takes any number of seconds"),
    ("a_name_of_a_queue_rests_after_its_deletion", "a name is free at once"),
    ("a_bucket_is_what_was_asked_for", "it has no tags in the call that creates a bucket"),
    ("a_bucket_name_has_its_form", "it takes capital letters and underscores"),
    ("a_bucket_of_another_account_is_left", "it does not look at the expected owner"),
];

/// Starts a server of our own, which ends when the value is dropped.
///
/// *Errors*: why there is none: no Python, no network to install it from, a server that does not start.
pub(crate) async fn start() -> Result<Server, String> {
    let mut command = Command::new(install().await?);
    command.args(["-H", "127.0.0.1", "-p", "0"]).env("PYTHONUNBUFFERED", "1");
    Server::announced(command, |line| Some(line.split_once("Running on ")?.1.trim().to_owned())).await
}

/// Nothing was checked.
pub(crate) fn skipped(why: &str) {
    kept::skipped(&format!(
        "contract with moto {VERSION}: {why}\n  NOTHING was checked against it; it needs python3 with venv (Debian: apt-get \
         install python3-venv) and, once, PyPI"
    ));
}

/// The program `moto_server` of exactly this version.
async fn install() -> Result<PathBuf, String> {
    let name = format!("moto-{VERSION}");
    let home = kept::install(&name, async |home| {
        kept::run(Path::new("python3"), &["-m", "venv", "--clear", &home.to_string_lossy()]).await?;
        let version = format!("moto=={VERSION}");
        let packages = ["-q", "--disable-pip-version-check", "install", &version, SERVER[0], SERVER[1]];
        kept::run(&home.join("bin/pip"), &packages).await.map(drop)
    });
    Ok(home.await?.join("bin/moto_server"))
}
