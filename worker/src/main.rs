//! `worker`: flags or environment in, HTTP until SIGTERM.

use std::io::{self, IsTerminal as _};
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Parser as _;
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;
use worker::{Config, Worker, serve};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal()) // a journal or a console file wants no colours
        .with_writer(std::io::stderr)
        .log_internal_errors(false) // whoever read our log may be gone; that is no reason to stop serving
        .init();
    let config = Config::parse();
    // Before the listener: whoever sees the port open may already ask us to stop.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let listener = listen(config.listen)
        .with_context(|| format!("cannot serve at --listen {}: is another process there already?", config.listen))?;
    let address = listener.local_addr()?;
    let worker = Arc::new(Worker::new(&config, address)?);
    tracing::info!(%address, work = %config.work, slots = config.slot_count(), "serving");
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("draining");
    };
    serve(listener, worker, stop).await.context("the drain was cut short")
}

/// Connections that may wait to be accepted. With the usual 128, a thousand clients that come at once lose some of
/// their first packets and wait a second for the next try: p99 was 1.5 s where the work took half a second.
const BACKLOG: u32 = 4096;

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restart must not wait for the connections of the process before to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
