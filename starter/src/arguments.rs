//! Flags and environment of the starter.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use agent::ControlArgs;
use clap::Parser;
use wire::Application;

/// Runs a program, and another one in its place when the operator says so.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Arguments {
    /// IP address and port that the program serves at; it is given the same variable.
    #[arg(long, env = "LISTEN", value_name = "ADDRESS")]
    pub(crate) listen: SocketAddr,
    /// Directory for programs, kept over restarts.
    #[arg(long, env = "DATA_DIR", value_name = "DIRECTORY")]
    pub(crate) data_dir: PathBuf,
    /// Directory of programs that were brought to the instance, by their hash.
    #[arg(long, env = "STOCK_DIR", value_name = "DIRECTORY")]
    pub(crate) stock_dir: Option<PathBuf>,
    /// The first program as JSON: {"url": "...", "sha256": "...", "environment": {}}; with "archive": {"setup": [], "command": []}
    /// an archive.
    #[arg(long, env = "APPLICATION", value_name = "JSON", value_parser = application)]
    pub(crate) application: Application,
    #[command(flatten)]
    pub(crate) limits: Limits,
    #[command(flatten)]
    pub(crate) control: ControlArgs,
}

/// Time that steps may take.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Limits {
    /// Longest time in which a fetch is tried again, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = seconds)]
    pub(crate) fetch: Duration,
    /// Longest time from the start of a program until its port accepts a connection, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub(crate) start: Duration,
    /// Longest time of all lines of an archive's setup together, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = seconds)]
    pub(crate) setup: Duration,
}

fn application(text: &str) -> Result<Application, serde_json::Error> {
    serde_json::from_str(text)
}

fn seconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_secs)
}
