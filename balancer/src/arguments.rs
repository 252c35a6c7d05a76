//! Flags and environment of the balancer.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use agent::ControlArgs;
use clap::{ArgGroup, Parser};

use crate::upstream::Timeouts;

/// HTTP/1.1 load balancer: each path prefix is served by one cluster of members.
///
/// Serves alone with --membership FILE, or under control of an operator with --control-listen.
#[derive(Debug, Parser)]
#[command(version, group(ArgGroup::new("source of the membership").required(true).args(["membership", "control_listen"])))]
pub struct Arguments {
    /// IP address and port to serve clients at.
    #[arg(long, env = "LISTEN", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// File with the membership as JSON; read again when it changes.
    #[arg(long, value_name = "FILE")]
    pub membership: Option<PathBuf>,
    /// IP address and port for GET /status, /metrics, /healthz and /readyz of a balancer that serves alone.
    #[arg(long, value_name = "ADDRESS", requires = "membership")]
    pub status_listen: Option<SocketAddr>,
    /// Longest time to open a connection to a member, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub connect_timeout_ms: u64,
    /// Longest time from a request to the head of its answer, and of a pause inside a body, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 30_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub response_timeout_ms: u64,
    #[command(flatten)]
    pub control: ControlArgs,
}

impl Arguments {
    /// The two time limits of an attempt.
    pub fn timeouts(&self) -> Timeouts {
        Timeouts {
            connect: Duration::from_millis(self.connect_timeout_ms),
            response: Duration::from_millis(self.response_timeout_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(flags: &[&str]) -> String {
        Arguments::try_parse_from([&["balancer", "--listen", "127.0.0.1:1"], flags].concat()).unwrap_err().to_string()
    }

    #[test]
    fn exactly_one_source_of_the_membership() {
        let neither = error(&[]);
        assert!(neither.contains("--membership <FILE>|--control-listen <ADDRESS>"), "{neither}");
        let key = wire::Signer::new([1; 32]).public_key();
        let control = ["--control-listen", "127.0.0.1:2", "--instance-id", "i-1", "--control-public-key", &key];
        let both = error(&[&["--membership", "f"], &control[..]].concat());
        assert!(both.contains("'--membership <FILE>' cannot be used with '--control-listen <ADDRESS>'"), "{both}");
        for good in [&["--membership", "f", "--status-listen", "127.0.0.1:2"][..], &control] {
            Arguments::try_parse_from([&["balancer", "--listen", "127.0.0.1:1"], good].concat()).unwrap();
        }
    }
}
