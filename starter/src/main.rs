//! The unprivileged parent of a worker's program, where `worker.update` is `InPlace`: it runs what the operator signed for
//! it, checks its hash before, sets up what is an archive, and goes back to what ran before when that does not serve.
//!
//! It knows neither Kubernetes nor AWS, nor what the program does: a program serves when its port accepts a connection.
//! Health is for whoever stands in front.

mod archive;
mod arguments;
mod control;
mod fetch;
mod program;
mod starter;
mod store;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use agent::{Guard, Readiness, Termination};
use anyhow::Context as _;
use arguments::Arguments;
use clap::Parser as _;
use starter::Starter;
use store::{Served, Store};
use tokio::sync::{mpsc, watch};

/// Time that open control requests may take to finish at the end.
const DRAIN: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    agent::log_to_stderr();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(run(arguments)));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The boot script quotes the last line.
            eprintln!("starter: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let mut termination = Termination::catch()?;
    let control = arguments.control.control().context(
        "--control-listen (CONTROL_LISTEN) is missing: a starter needs it, with --instance-id and --control-public-key",
    )?;
    let store = Store::new(&arguments.data_dir, arguments.stock_dir.as_deref());
    let first = store.read().unwrap_or_else(|| Served::new(0, arguments.application));
    let listener = agent::listen("--control-listen", control.listen).await?;
    let (ready, orders) = mpsc::channel(1);
    let starter = Arc::new(Starter::new(&control.instance_id, arguments.listen, arguments.limits, store, ready));
    let readiness = Readiness::not_yet("the first program does not serve yet");
    let routes = Guard::new(&control).protect(control::routes(&starter).merge(readiness.routes()));
    let (stop, stopping) = watch::channel(false);
    let mut api = tokio::spawn(agent::serve(listener, routes, signalled(stopping), DRAIN));
    tokio::select! {
        ended = starter.run(first, orders, &readiness, &mut termination) => ended?,
        ended = &mut api => anyhow::bail!("the control API ended: {ended:?}"),
    }
    stop.send_replace(true);
    api.await?;
    Ok(())
}

async fn signalled(mut signal: watch::Receiver<bool>) {
    // An error means that the sender is gone, with `run`: that too is the end.
    let _ = signal.wait_for(|set| *set).await;
}
