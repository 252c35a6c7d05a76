//! Flags and environment of the balancer.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use agent::ControlArgs;
use clap::{ArgGroup, Parser};

use crate::settings::{Gathering, Settings, Timeouts};

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
    /// Threads that serve; by default as many as there are processors for this process.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    pub shards: Option<u16>,
    /// Most client connections at the same time; by default 10,000, or what the limit of open files allows.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections: Option<u32>,
    /// Requests out of a thousand that are logged to standard output, as one JSON object a line; 0 is no log.
    #[arg(long, value_name = "PER_MILLE", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=1_000))]
    pub access_log_per_mille: u32,
    /// How long a thread sleeps before it waits, in microseconds, so that it finds more to read when it wakes up; 0: it does not.
    #[arg(long, value_name = "US", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=1_000))]
    pub gather_micros: u64,
    /// Requests that are open on a thread from which it does.
    #[arg(long, value_name = "NUMBER", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..))]
    pub gather_from: u32,
    /// Longest time to open a connection to a member, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 4_000, value_parser = clap::value_parser!(u64).range(1..), help_heading = LIMITS)]
    pub connect_timeout_ms: u64,
    /// Longest time from the first to the last byte of a request's head, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..), help_heading = LIMITS)]
    pub header_timeout_ms: u64,
    /// Longest time from a request to the head of its answer, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 30_000, value_parser = clap::value_parser!(u64).range(1..), help_heading = LIMITS)]
    pub response_timeout_ms: u64,
    /// Longest pause inside a body, whichever side is waited for, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 30_000, value_parser = clap::value_parser!(u64).range(1..), help_heading = LIMITS)]
    pub body_timeout_ms: u64,
    /// Longest pause between two requests of a client's connection, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 75_000, value_parser = clap::value_parser!(u64).range(1..), help_heading = LIMITS)]
    pub idle_timeout_ms: u64,
    #[command(flatten)]
    pub control: ControlArgs,
}

const LIMITS: &str = "Time limits";

impl Arguments {
    /// Everything that is not an address. `open_files` is how many this process may have.
    ///
    /// # Errors
    /// When the connections that are asked for, or a few at least, cannot be open at the same time.
    pub fn settings(&self, open_files: u64) -> Result<Settings, TooFewFiles> {
        let defaults = Settings::default();
        let possible = usize::try_from(open_files.saturating_sub(OTHER_FILES) / 2).unwrap_or(usize::MAX);
        let wanted = self.max_connections.map(|most| most as usize);
        let least = wanted.unwrap_or(FEWEST_CONNECTIONS);
        if least > possible {
            return Err(TooFewFiles { open_files, connections: least, needed: 2 * least as u64 + OTHER_FILES });
        }
        Ok(Settings {
            shards: self.shards.map_or(defaults.shards, usize::from),
            max_connections: wanted.unwrap_or(defaults.max_connections.min(possible)),
            access_log_per_mille: self.access_log_per_mille,
            gathering: Gathering { nap: Duration::from_micros(self.gather_micros), from: self.gather_from },
            timeouts: Timeouts {
                connect: Duration::from_millis(self.connect_timeout_ms),
                header: Duration::from_millis(self.header_timeout_ms),
                answer: Duration::from_millis(self.response_timeout_ms),
                body: Duration::from_millis(self.body_timeout_ms),
                idle: Duration::from_millis(self.idle_timeout_ms),
            },
        })
    }
}

/// Files beside those of clients, each of which needs two: its own connection and one to a member. Listeners, logs, the
/// control API, health checks, and idle connections to members.
const OTHER_FILES: u64 = 64;
/// With fewer a balancer is of no use: the least that it starts with.
const FEWEST_CONNECTIONS: usize = 64;

/// The limit of open files does not allow what is asked for.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this process may open {open_files} files, but {connections} client connections need {needed}: \
     raise the limit (`ulimit -n`, LimitNOFILE=) or lower --max-connections"
)]
pub struct TooFewFiles {
    open_files: u64,
    connections: usize,
    needed: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(flags: &[&str]) -> String {
        Arguments::try_parse_from([&["balancer", "--listen", "127.0.0.1:1"], flags].concat()).unwrap_err().to_string()
    }

    #[test]
    fn connections_and_open_files_fit_each_other() {
        let settings = |flags: &[&str], open_files| {
            let flags = [&["balancer", "--listen", "127.0.0.1:1", "--membership", "f"], flags].concat();
            let settings = Arguments::try_parse_from(flags).unwrap().settings(open_files);
            settings.map(|settings| settings.max_connections).map_err(|few| few.to_string())
        };
        assert_eq!((settings(&[], 1_000_000), settings(&[], 1_064)), (Ok(10_000), Ok(500)));
        assert_eq!(settings(&["--max-connections", "20"], 104), Ok(20));
        let few = settings(&[], 100).unwrap_err();
        assert!(few.starts_with("this process may open 100 files, but 64 client connections need 192: raise"), "{few}");
        assert!(settings(&["--max-connections", "21"], 104).unwrap_err().contains("need 106"));
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
