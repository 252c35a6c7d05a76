//! The whole configuration: flags, or the environment variables that an instance is given.

use std::net::SocketAddr;

use clap::Parser;

use crate::paths::{InvalidPath, Paths};
use crate::profile::Profile;

/// An HTTP application that costs exactly what you tell it to.
#[derive(Clone, Debug, Parser)]
#[command(name = "worker", version)]
pub struct Config {
    /// Address and port to serve at
    #[arg(long, env = "LISTEN", default_value = "127.0.0.1:8001", value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,

    /// Name that answers carry in `x-backend`; the address it serves at when absent
    #[arg(long, env = "INSTANCE_ID", default_value = "", hide_default_value = true, value_parser = parse_word)]
    pub instance_id: String,

    /// Name of the cluster this worker belongs to
    #[arg(long, env = "CLUSTER", default_value = "", hide_default_value = true, value_parser = parse_word)]
    pub cluster: String,

    /// Path this worker serves, with everything below; `/<cluster>` when absent, every path without a cluster
    #[arg(long, env = "CLUSTER_PATH", value_name = "PATH")]
    pub cluster_path: Option<Paths>,

    /// Path that the workers of all clusters serve together, with everything below
    #[arg(long, env = "SHARED_PATH", value_name = "PATH")]
    pub shared_path: Option<Paths>,

    /// Cost of a request: echo, or spin|timesliced|sleep[:deterministic|:exponential|:lognormal(SIGMA)]:DURATION
    #[arg(long, env = "WORK", default_value = "echo", value_name = "PROFILE")]
    pub work: Profile,

    /// Requests served at the same time; as many as the processors this process may use when absent
    #[arg(long, env = "SLOTS", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub slots: Option<u32>,

    /// Seed of the demands that no request asks for; random when absent
    #[arg(long, env = "SEED")]
    pub seed: Option<u64>,
}

impl Config {
    pub fn paths(&self) -> Result<Paths, InvalidPath> {
        let own = self.cluster_path.clone().map_or_else(|| Paths::of_cluster(&self.cluster), Ok)?;
        Ok(own.and_shared(self.shared_path.as_ref()))
    }

    pub fn slot_count(&self) -> usize {
        // Honours CPU affinity and cgroup quota, which is how an instance type's size reaches us in the lab.
        let parallelism = || std::thread::available_parallelism().map_or(1, usize::from);
        self.slots.map_or_else(parallelism, |slots| slots as usize)
    }
}

/// Names travel in headers and in JSON: visible ASCII only.
fn parse_word(text: &str) -> Result<String, &'static str> {
    let fits = text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(text.to_owned()) } else { Err("a name is up to 128 visible ASCII characters without spaces") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Config, String> {
        Config::try_parse_from([&["worker"], args].concat()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_path_follows_from_the_cluster_unless_given() {
        let path = |args: &[&str]| parse(args).expect("valid").paths().expect("path").cluster_path().to_owned();
        assert_eq!(path(&[]), "/");
        assert_eq!(path(&["--cluster", "blue"]), "/blue");
        assert_eq!(path(&["--cluster", "blue", "--cluster-path", "/b"]), "/b");
    }

    #[test]
    fn errors_name_the_flag_and_the_accepted_forms() {
        for (args, flag, form) in [
            (["--work", "nap:2ms"], "--work", "sleep:exponential:2ms"),
            (["--listen", "here"], "--listen", "<ADDRESS:PORT>"),
            (["--slots", "0"], "--slots", "1..=65536"),
            (["--cluster-path", "blue"], "--cluster-path", "such as /cluster1"),
            (["--shared-path", "all"], "--shared-path", "such as /cluster1"),
            (["--instance-id", "a b"], "--instance-id", "visible ASCII"),
        ] {
            let error = parse(&args).expect_err(flag);
            assert!(error.contains(flag) && error.contains(form), "{error}");
        }
    }
}
