//! The balancer's process: arguments, wiring, drain.

use std::convert::Infallible;
use std::future::pending;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use agent::{Drain, Guard, Readiness, Termination};
use axum::Router;
use balancer::{Arguments, Balancer, MembershipFile};
use clap::Parser;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Time that requests in flight may take after SIGTERM, as long as for a removed member.
const DRAIN: Duration = Duration::from_secs(30);
/// Time that the control API may take to finish after that.
const CONTROL_DRAIN: Duration = Duration::from_secs(2);
/// Time for which the start waits for the members' first health checks: a little longer than one may take.
const FIRST_CHECKS: Duration = Duration::from_millis(2_500);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    agent::log_to_stderr();
    let open_files = agent::raise_open_files();
    let ended = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(run(arguments, open_files)));
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
    let control = arguments.control.control();
    let instance_id = arguments.control.instance_id.as_deref().unwrap_or("balancer");
    let balancer = Balancer::new(instance_id, arguments.settings(open_files)?);
    let readiness = Readiness::not_yet("no membership was set yet");

    let listener = agent::listen("--listen", arguments.listen).await?;
    let (api, routes) = match (&control, arguments.status_listen) {
        (Some(control), _) => {
            let api = agent::listen("--control-listen", control.listen).await?;
            (Some(api), balancer::control::routes(&balancer, &readiness, &Guard::new(control)))
        }
        (None, Some(address)) => {
            let api = agent::listen("--status-listen", address).await?;
            (Some(api), balancer::control::reading(&balancer, &readiness))
        }
        (None, None) => (None, Router::new()),
    };
    let file = match &arguments.membership {
        Some(path) => Some(MembershipFile::open(path, &balancer).await?),
        None => None,
    };
    let checks = tokio::spawn(balancer::check_members(Arc::clone(&balancer)));
    if file.is_some() {
        first_checks(&balancer).await;
        readiness.ready();
    }
    let (stop, stopping) = watch::channel(false);
    let (close, closing) = watch::channel(false);
    let address = listener.local_addr()?;
    let mut data = tokio::spawn(balancer::serve(listener, Arc::clone(&balancer), signalled(stopping), DRAIN));
    let mut api = tokio::spawn(serve_api(api, routes, signalled(closing)));
    tracing::info!(%address, instance_id, "serving");

    tokio::select! {
        () = termination.received() => {}
        // None of these ends by itself: if one does, or panics, the process is of no use any more.
        ended = &mut data => anyhow::bail!("the listener ended: {ended:?}"),
        ended = &mut api => anyhow::bail!("the control API ended: {ended:?}"),
        ended = checks => anyhow::bail!("the health checks ended: {ended:?}"),
        ended = tokio::spawn(follow(file, Arc::clone(&balancer))) => anyhow::bail!("the file watch ended: {ended:?}"),
    }
    tracing::info!("terminating: no new connections, requests in flight finish");
    readiness.unready("terminating");
    stop.send_replace(true);
    if data.await?? == Drain::DeadlinePassed {
        tracing::warn!(seconds = DRAIN.as_secs(), "requests were still in flight after the drain and have been cut");
    }
    close.send_replace(true);
    api.await?;
    Ok(())
}

/// Waits until every member was checked once, so that the first request after "serving" finds healthy members.
async fn first_checks(balancer: &Balancer) {
    let checked = async {
        while !balancer.is_checked() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    // Not all: a silent member must not keep the others from serving.
    let _ = tokio::time::timeout(FIRST_CHECKS, checked).await;
}

async fn follow(file: Option<MembershipFile>, balancer: Arc<Balancer>) -> Infallible {
    match file {
        Some(file) => file.follow(balancer).await,
        None => pending().await,
    }
}

async fn serve_api(listener: Option<TcpListener>, routes: Router, closing: impl Future<Output = ()>) {
    match listener {
        Some(listener) => drop(agent::serve(listener, routes, closing, CONTROL_DRAIN).await),
        None => closing.await,
    }
}

async fn signalled(mut signal: watch::Receiver<bool>) {
    // An error means that the sender is gone, with `run`: that too is the end.
    let _ = signal.wait_for(|set| *set).await;
}
