//! Logs for developers: text on a terminal, one JSON object a line otherwise.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;

/// Sends logs to standard error, filtered by `RUST_LOG` (`info` when unset or unreadable).
/// Calling it twice keeps the first setting.
pub fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt().with_writer(stderr).with_env_filter(filter);
    // An error means that a subscriber is installed already, as in tests: that one stays.
    let _ = if stderr().is_terminal() { logs.try_init() } else { logs.json().flatten_event(true).try_init() };
}
