//! Flags and environment of the puller.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;

use super::{ORDER, Paths, Settings};

/// Less than the 12 hours "from the time that Amazon SQS receives the ReceiveMessage request" for which a message can be hidden (SQS
/// API reference, ChangeMessageVisibility), by the time beside it.
const LONGEST_TIMEOUT: u64 = 43_100;

/// Takes requests out of a queue, has the program beside it answer them, and puts the answers into another queue.
///
/// Credentials and region are those of the AWS SDKs: environment, profile, or the instance's role.
#[derive(Debug, Parser)]
#[command(name = "puller", version)]
pub struct Arguments {
    /// IP address and port for GET /health, /status, /metrics, /machine and /calibration.
    #[arg(long, env = "PULLER_LISTEN", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Name of this instance, which answers carry in `x-backend`.
    #[arg(long, env = "INSTANCE_ID", value_name = "ID", value_parser = word)]
    pub instance_id: String,
    /// Name of the cluster that this instance belongs to.
    #[arg(long, env = "CLUSTER", value_name = "NAME", value_parser = word)]
    pub cluster: String,
    /// Path of that cluster at the front.
    #[arg(long, env = "CLUSTER_PATH", value_name = "PATH")]
    pub cluster_path: Paths,
    /// Path at which the program serves what is at and below the cluster's path; the same path when absent.
    #[arg(long, env = "PROGRAM_PATH", value_name = "PATH")]
    pub program_path: Option<Paths>,
    /// IP address and port of the program.
    #[arg(long, env = "SERVICE", value_name = "ADDRESS")]
    pub service: SocketAddr,
    /// Path at which the program says how it is.
    #[arg(long, env = "HEALTH_PATH", value_name = "PATH", default_value = "/health", value_parser = path)]
    pub health_path: String,
    /// Status of the answer of a healthy program; any below 500 when absent.
    #[arg(long, env = "HEALTH_STATUS", value_name = "STATUS", value_parser = clap::value_parser!(u16).range(200..600))]
    pub health_status: Option<u16>,
    /// Requests that the program gets at the same time; as many as there are processors when absent.
    #[arg(long, env = "SLOTS", value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1_024))]
    pub slots: Option<u32>,
    /// Name of the queue with requests.
    #[arg(long, env = "REQUEST_QUEUE", value_name = "NAME")]
    pub request_queue: String,
    /// Name of the queue for answers.
    #[arg(long, env = "ANSWER_QUEUE", value_name = "NAME")]
    pub answer_queue: String,
    /// Name of the bucket with inputs and outputs.
    #[arg(long, env = "BUCKET", value_name = "NAME")]
    pub bucket: String,
    /// Time after which a request of a worker that died is visible to the others, in seconds.
    #[arg(long, env = "VISIBILITY_SECONDS", value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=43_200))]
    pub visibility_seconds: u64,
    /// How often a request is given to a program at most; then it is answered with 502.
    #[arg(long, env = "ATTEMPTS", value_name = "NUMBER", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub attempts: u32,
    /// Longest time that the program may take for a request, in seconds: SQS hides a message for 12 hours at most, and some of them are
    /// for reading and writing.
    #[arg(long, env = "TIMEOUT_SECONDS", value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=LONGEST_TIMEOUT))]
    pub timeout_seconds: u64,
}

impl Arguments {
    /// Everything that is neither an address nor a bucket.
    pub fn settings(&self) -> Settings {
        // Honours affinity and quota, which is how an instance type's size reaches a process.
        let processors = || std::thread::available_parallelism().map_or(1, |number| number.get() as u32);
        let paths = self.cluster_path.clone();
        Settings {
            instance_id: self.instance_id.clone(),
            cluster: self.cluster.clone(),
            paths: match &self.program_path {
                Some(program) => paths.served_at(program.clone()),
                None => paths,
            },
            slots: self.slots.unwrap_or_else(processors),
            request_queue: self.request_queue.clone(),
            answer_queue: self.answer_queue.clone(),
            visibility: Duration::from_secs(self.visibility_seconds),
            attempts: self.attempts,
            timeout: Duration::from_secs(self.timeout_seconds),
            order: ORDER,
        }
    }
}

fn path(text: &str) -> Result<String, &'static str> {
    let fits = text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(text.to_owned()) } else { Err("a path starts with a slash and has visible ASCII characters only") }
}

/// Names travel in headers and in metadata of objects: visible ASCII only.
fn word(text: &str) -> Result<String, &'static str> {
    let fits = (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(text.to_owned()) } else { Err("a name is 1 to 128 visible ASCII characters without spaces") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: [&str; 15] = [
        "puller",
        "--listen",
        "127.0.0.1:1",
        "--instance-id",
        "i-1",
        "--cluster",
        "micro",
        "--cluster-path",
        "/micro",
        "--service",
        "127.0.0.1:2",
        "--request-queue",
        "q-in",
        "--answer-queue",
        "q-out",
    ];

    fn parse(flags: &[&str]) -> Result<Settings, String> {
        let flags = [&LEAST[..], &["--bucket", "b"], flags].concat();
        Arguments::try_parse_from(flags).map(|arguments| arguments.settings()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_said_is_usual() {
        let settings = parse(&[]).unwrap();
        assert_eq!((settings.visibility.as_secs(), settings.attempts, settings.timeout.as_secs()), (20, 3, 30));
        assert!(settings.slots >= 1 && settings.order == ORDER);
        let arguments = Arguments::try_parse_from([&LEAST[..], &["--bucket", "b"]].concat()).unwrap();
        assert_eq!((arguments.health_path.as_str(), arguments.health_status), ("/health", None));
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_name() {
        for (flags, expected) in [
            (["--visibility-seconds", "0"], "--visibility-seconds"),
            (["--attempts", "0"], "--attempts"),
            (["--slots", "0"], "--slots"),
            (["--timeout-seconds", "43101"], "--timeout-seconds"),
            (["--program-path", "x"], "must start with '/'"),
            (["--health-path", "x y"], "--health-path"),
            (["--health-status", "99"], "--health-status"),
        ] {
            let error = parse(&flags).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
