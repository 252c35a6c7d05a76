//! `lab status`, `lab ledger` and `lab kill`.

use anyhow::bail;
use jiff::{SpanRound, Timestamp, Unit};

use crate::admin::Status;
use crate::fetch;
use crate::ledger::Ledger;
use crate::state::State;
use crate::table::Table;

/// Prints the parts and the instances.
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
    print!("{parts}");
    println!("\nAWS endpoint {} ({}), instances in {}", record.aws_endpoint, record.region, record.network);
    if status.instances.is_empty() {
        println!("no instance");
        return Ok(());
    }
    let mut instances = Table::new(&["INSTANCE", "TYPE", "STATE", "ADDRESS", "POOL"]);
    for one in status.instances {
        instances.row([one.id, one.instance_type, one.state, one.address, one.pool]);
    }
    print!("{instances}");
    Ok(())
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
    println!("{}", serde_json::to_string_pretty(&ledger)?);
    Ok(())
}

/// SIGKILL to a part; the supervisor starts it again.
pub(crate) async fn kill(state: &State, part: &str) -> anyhow::Result<()> {
    let path = format!("/kill/{part}");
    let (code, body) = fetch::post(state.record()?.admin, &path).await?;
    let answer = String::from_utf8_lossy(&body);
    if code != 200 {
        bail!("{answer}");
    }
    println!("{part} (pid {answer}) was killed with SIGKILL; it is being started again");
    Ok(())
}
