//! moto's server, if it is installed: somebody else's idea of EC2.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// Rows that moto (5.2.1) does not keep, and why.
pub(crate) const KNOWN_TO_DIFFER: &[(&str, &str)] = &[
    ("a_launch_is_idempotent_by_token", "it ignores client tokens and launches again"),
    ("a_token_is_good_for_one_request", "it ignores client tokens and launches again"),
    ("a_token_of_the_dead_launches_nothing", "it ignores client tokens and launches again"),
    ("lists_by_token_see_it", "it has no client-token filter and answers HTTP 500"),
    ("terminating_twice_is_once", "the second call fails with InvalidNetworkInterfaceID.NotFound"),
    ("too_little_capacity_launches_none", "it always has capacity"),
    ("an_unknown_type_is_refused", "it launches any type"),
    ("an_unknown_image_is_refused", "it launches any image"),
    ("a_group_in_use_stays", "it lists no groups of instances that were launched with a network interface"),
    ("a_group_that_another_one_names_stays", "it deletes groups that rules of other groups name"),
    ("default_subnets_reach_the_internet", "its default VPC has no route to the internet"),
];

pub(crate) struct Server {
    pub(crate) url: String,
    _process: Child,
}

/// Starts a server of our own; it ends when the value is dropped. `None` when there is none to start.
pub(crate) async fn start() -> Option<Server> {
    let mut process = Command::new("moto_server")
        .args(["-H", "127.0.0.1", "-p", "0"])
        .env("PYTHONUNBUFFERED", "1")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .ok()?;
    let mut lines = BufReader::new(process.stderr.take()?).lines();
    let url = async {
        while let Ok(Some(line)) = lines.next_line().await {
            if let Some((_, address)) = line.split_once("Running on ") {
                return Some(address.trim().to_owned());
            }
        }
        None
    };
    // A shim without the program behind it ends at once; a program that hangs must not hang the tests.
    let url = tokio::time::timeout(Duration::from_secs(60), url).await.ok()??;
    // The server stops when nobody reads what it says.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Some(Server { url, _process: process })
}
