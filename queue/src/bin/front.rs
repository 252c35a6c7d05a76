//! The front's process: arguments, wiring, drain.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use agent::{Drain, Guard, Readiness, Termination};
use anyhow::Context as _;
use clap::Parser as _;
use queue::Aws;
use queue::front::{self, Arguments, Front};
use tokio::sync::watch;

/// Time that requests which wait may take after SIGTERM, as with a balancer.
const DRAIN: Duration = Duration::from_secs(30);
/// Time that the control API may take to finish after that.
const CONTROL_DRAIN: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    agent::log_to_stderr();
    let open_files = agent::raise_open_files();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let ended = runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(run(arguments, open_files)));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Not through `Debug`: a user gets a sentence, not a backtrace.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments, open_files: u64) -> anyhow::Result<()> {
    let mut termination = Termination::catch()?;
    let control = arguments.control.control().context(
        "--control-listen (CONTROL_LISTEN) is missing: a front needs it, with --instance-id and --control-public-key",
    )?;
    let listener = agent::listen("--listen", arguments.listen).await?;
    let api = agent::listen("--control-listen", control.listen).await?;
    let aws = Aws::load(&arguments.bucket).await?;
    let front = Front::new(Arc::new(aws), arguments.settings(open_files));
    let readiness = Readiness::not_yet("no membership was set yet");
    let routes = front::control::routes(&front, &readiness, &Guard::new(&control));
    let (stop, stopping) = watch::channel(false);
    let (close, closing) = watch::channel(false);
    let address = listener.local_addr()?;
    let mut data = tokio::spawn(agent::serve(listener, front::routes(&front), signalled(stopping), DRAIN));
    let mut api = tokio::spawn(agent::serve(api, routes, signalled(closing), CONTROL_DRAIN));
    let own = Arc::clone(&front);
    // Goes on while requests are drained: their answers come by it.
    let mut tasks = tokio::spawn(async move { own.run().await });
    tracing::info!(%address, instance_id = control.instance_id, "serving");

    tokio::select! {
        () = termination.received() => {}
        // None of these ends by itself: if one does, or panics, the process is of no use any more.
        ended = &mut data => anyhow::bail!("the listener ended: {ended:?}"),
        ended = &mut api => anyhow::bail!("the control API ended: {ended:?}"),
        ended = &mut tasks => anyhow::bail!("the loops over the queues ended: {ended:?}"),
    }
    tracing::info!("terminating: no new connections, requests that wait may be answered");
    readiness.unready("terminating");
    stop.send_replace(true);
    if data.await? == Drain::DeadlinePassed {
        tracing::warn!(seconds = DRAIN.as_secs(), "requests still waited after the drain and have been cut");
    }
    tasks.abort();
    close.send_replace(true);
    api.await?;
    Ok(())
}

async fn signalled(mut signal: watch::Receiver<bool>) {
    // An error means that the sender is gone, with `run`: that too is the end.
    let _ = signal.wait_for(|set| *set).await;
}
