//! `lab status`, `lab ledger` and `lab kill`.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::bail;
use jiff::{SpanRound, Timestamp, Unit};

use crate::fetch;
use crate::state::State;
use crate::supervisor::admin::Status;
use crate::supervisor::ledger::{Bucket, Instance, Ledger, LoadBalancer, Queue};
use crate::table::Table;

/// Prints the parts, the instances, the load balancers, the queues and the buckets.
pub(crate) async fn status(state: &State) -> anyhow::Result<()> {
    let record = state.record()?;
    let (code, body) = fetch::get(record.admin, "/status").await?;
    if code != 200 {
        bail!("the lab answered {code}: {}", String::from_utf8_lossy(&body));
    }
    let status: Status = serde_json::from_slice(&body)?;
    let mut parts = Table::new(&["PART", "PID", "UPTIME", "RESTARTS", "ADDRESS"]);
    let admin = format!("http://{}", record.admin);
    parts.row([
        "supervisor".to_owned(),
        status.supervisor.to_string(),
        uptime(Some(status.started_at)),
        "0".to_owned(),
        admin,
    ]);
    for part in status.parts {
        let pid = part.pid.map_or_else(|| "down".to_owned(), |pid| pid.to_string());
        parts.row([part.name, pid, uptime(part.started_at), part.restarts.to_string(), part.address]);
    }
    say::text(parts);
    say::line(format_args!(
        "\nAWS endpoint {} ({}), instances in {}",
        record.aws_endpoint, record.region, record.network
    ));
    if status.instances.is_empty() {
        say::line("no instance");
    } else {
        say::text(instances(status.instances));
    }
    if !status.load_balancers.is_empty() {
        say::line("");
        say::text(load_balancers(status.load_balancers));
    }
    if !status.queues.is_empty() {
        say::line("");
        say::text(queues(status.queues));
    }
    if !status.buckets.is_empty() {
        say::line("");
        say::text(buckets(status.buckets));
    }
    Ok(())
}

fn instances(all: Vec<Instance>) -> Table {
    let mut instances = Table::new(&["INSTANCE", "TYPE", "STATE", "ADDRESS", "POOL"]);
    for one in all {
        instances.row([one.id, one.instance_type, one.state, one.address, one.pool]);
    }
    instances
}

fn load_balancers(all: Vec<LoadBalancer>) -> Table {
    let mut balancers = Table::new(&["LOAD BALANCER", "STATE", "ADDRESSES", "NAME"]);
    for one in all {
        balancers.row([one.name, one.state, one.addresses.join(","), one.dns_name]);
    }
    balancers
}

fn queues(all: Vec<Queue>) -> Table {
    let mut queues = Table::new(&["QUEUE", "VISIBLE", "IN FLIGHT"]);
    for one in all {
        queues.row([one.name, one.visible.to_string(), one.in_flight.to_string()]);
    }
    queues
}

fn buckets(all: Vec<Bucket>) -> Table {
    let mut buckets = Table::new(&["BUCKET", "INPUTS", "OUTPUTS"]);
    for one in all {
        buckets.row([one.name, one.inputs.to_string(), one.outputs.to_string()]);
    }
    buckets
}

/// `1h 5m 3s`
fn uptime(since: Option<Timestamp>) -> String {
    let Some(since) = since else { return "-".to_owned() };
    let span = Timestamp::now() - since;
    let rounded = span.round(SpanRound::new().largest(Unit::Hour).smallest(Unit::Second));
    rounded.map_or_else(|_| "-".to_owned(), |span| format!("{span:#}"))
}

/// Prints the ledger as JSON.
pub(crate) async fn ledger(state: &State) -> anyhow::Result<()> {
    let ledger = Ledger::of(state.record()?.admin).await?;
    say::line(serde_json::to_string_pretty(&ledger)?);
    Ok(())
}

/// Without these nobody is served by the API server.
const SERVING: [&str; 2] = ["etcd", "kube-apiserver"];
/// The time that a part which was killed may take until its users are served again.
const PATIENCE: Duration = Duration::from_secs(90);
/// The time that one look may take: the lab calls kubectl four times, each with a limit of 5 s for what it asks, and
/// starting it takes seconds where every processor is busy.
const LONGEST_ANSWER: Duration = Duration::from_secs(40);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// SIGKILL to a part; the supervisor starts it again. Of the control plane: returns when kubectl finds our resources
/// again, so that the next command does not fail.
pub(crate) async fn kill(state: &State, part: &str) -> anyhow::Result<()> {
    let admin = state.record()?.admin;
    let (code, body) = fetch::post(admin, &format!("/kill/{part}")).await?;
    let answer = String::from_utf8_lossy(&body);
    if code != 200 {
        bail!("{answer}");
    }
    say::line(format_args!("{part} (pid {answer}) was killed with SIGKILL; it is being started again"));
    if SERVING.contains(&part) { served_again(admin).await } else { Ok(()) }
}

async fn served_again(admin: SocketAddr) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let why = match fetch::get_within(LONGEST_ANSWER.min(left), admin, "/served").await {
            Ok((200, _)) => {
                say::line("kubectl is served again");
                return Ok(());
            }
            Ok((_, body)) => String::from_utf8_lossy(&body).into_owned(),
            Err(error) => format!("{error:#}"),
        };
        if Instant::now() >= deadline {
            bail!("not served within {} s: {why}", PATIENCE.as_secs());
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}
