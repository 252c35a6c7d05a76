//! The puller's process: arguments, wiring, drain.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use agent::Termination;
use clap::Parser as _;
use queue::Aws;
use queue::puller::{self, Arguments, HttpProgram, Puller};
use tokio::sync::watch;

/// Time that requests at work may take after SIGTERM; then they are given back.
const DRAIN: Duration = Duration::from_secs(30);
/// Time that giving back may take, with the long poll that is not broken off. All three together are less than what systemd
/// gives a unit of ours (`TimeoutStopSec=40`).
const GIVING_BACK: Duration = Duration::from_secs(8);
/// Time that open questions may take to be answered at the end.
const PAGES_DRAIN: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    agent::log_to_stderr();
    agent::raise_open_files();
    // One thread: it waits most of the time, and the processors are the program's.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(run(arguments)));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Not through `Debug`: a user gets a sentence, not a backtrace.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let mut termination = Termination::catch()?;
    let listener = agent::listen("--listen", arguments.listen).await?;
    let aws = Aws::load(&arguments.bucket).await?;
    let program = HttpProgram::at(arguments.service).asked(arguments.health_path.clone(), arguments.health_status);
    let puller = Puller::new(Arc::new(aws), program, arguments.settings());
    let (close, mut closing) = watch::channel(false);
    let closed = async move {
        // An error means that the sender is gone, with `run`: that too is the end.
        let _ = closing.wait_for(|set| *set).await;
    };
    let mut pages = tokio::spawn(agent::serve(listener, puller::pages(&puller), closed, PAGES_DRAIN));
    let own = Arc::clone(&puller);
    let mut pulling = tokio::spawn(async move { own.run().await });
    tracing::info!(address = %arguments.listen, service = %arguments.service, "pulling");

    tokio::select! {
        () = termination.received() => {}
        // Neither ends by itself: if one does, or panics, the process is of no use any more.
        ended = &mut pages => anyhow::bail!("the listener ended: {ended:?}"),
        ended = &mut pulling => anyhow::bail!("the loop over the queue ended: {ended:?}"),
    }
    tracing::info!("terminating: no more requests are taken, those at work may be answered");
    puller.drain();
    if let Ok(ended) = tokio::time::timeout(DRAIN, &mut pulling).await {
        ended?;
    } else {
        tracing::warn!(seconds = DRAIN.as_secs(), "requests are still at work and are given back");
        puller.give_back();
        // What is not given back in time becomes visible by itself.
        let _ = tokio::time::timeout(GIVING_BACK, &mut pulling).await;
    }
    close.send_replace(true);
    pages.await?;
    Ok(())
}
