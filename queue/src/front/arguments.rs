//! Flags and environment of the front.

use std::net::SocketAddr;
use std::time::Duration;

use agent::ControlArgs;
use clap::Parser;

use super::{MOST_HELD, Settings};

/// Takes requests over HTTP, puts each into the queue of its cluster, and gives back the answer that a worker put into another.
///
/// Credentials and region are those of the AWS SDKs: environment, profile, or the instance's role.
#[derive(Debug, Parser)]
#[command(name = "front", version)]
pub struct Arguments {
    /// IP address and port to serve clients at.
    #[arg(long, env = "LISTEN", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// What the names of all queues begin with; the name of the cluster follows, then -in or -out.
    #[arg(long, env = "QUEUE_STEM", value_name = "TEXT")]
    pub queue_stem: String,
    /// Name of the bucket for inputs and outputs.
    #[arg(long, env = "BUCKET", value_name = "NAME")]
    pub bucket: String,
    /// Longest time from a request to its answer, in seconds.
    #[arg(long, env = "TIMEOUT_SECONDS", value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=43_200))]
    pub timeout_seconds: u64,
    #[command(flatten)]
    pub control: ControlArgs,
}

impl Arguments {
    /// Everything that is neither an address nor a bucket. `open_files` is how many this process may have: a held request
    /// needs one.
    pub fn settings(&self, open_files: u64) -> Settings {
        let possible = usize::try_from(open_files.saturating_sub(OTHER_FILES)).unwrap_or(usize::MAX);
        Settings {
            instance_id: self.control.instance_id.clone().unwrap_or_else(|| "front".to_owned()),
            queue_stem: self.queue_stem.clone(),
            timeout: Duration::from_secs(self.timeout_seconds),
            most_held: MOST_HELD.min(possible),
        }
    }
}

/// Files beside those of clients: connections to SQS and S3, checks, listeners.
const OTHER_FILES: u64 = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_are_held_where_files_allow_it() {
        let flags = ["front", "--listen", "127.0.0.1:1", "--queue-stem", "s-", "--bucket", "b"];
        let arguments = Arguments::try_parse_from(flags).unwrap();
        assert_eq!(arguments.settings(1_000_000).most_held, 10_000);
        assert_eq!(arguments.settings(1_024).most_held, 512);
        assert_eq!(arguments.settings(1_024).timeout.as_secs(), 30);
    }
}
