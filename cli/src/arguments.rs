//! The command line.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::SignedDuration;

use crate::exit;
use crate::names::{self, OfRun};

/// Reports, waits, comparisons and new runs of ClusterBenchmarks.
#[derive(Debug, Parser)]
#[command(name = "kubectl clusterbenchmark", bin_name = "kubectl clusterbenchmark", version, after_help = exit::HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) kubernetes: Kubernetes,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// The same words as kubectl's.
#[derive(Debug, Default, Args)]
pub(crate) struct Kubernetes {
    /// Namespace of the benchmark [default: that of the context]
    #[arg(long, short, global = true, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// Context of the kubeconfig file
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// Kubeconfig file [default: KUBECONFIG, or ~/.kube/config]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Print the report of a run; it outlives the benchmark
    Report(Report),
    /// Show how a benchmark goes, until its result is recorded
    Watch(Watch),
    /// Wait for the result, and end as soon as there will be none
    #[command(after_help = exit::HELP)]
    Wait(Wait),
    /// Compare two runs: what changed, in numbers and in what was measured
    Compare(Compare),
    /// Measure again on the same instances
    Rerun(Rerun),
    /// Print the manifest of a new benchmark
    New(New),
    /// Look whether definitions, operator and permissions are as they should be
    Doctor,
    /// Print the operator's IAM policies, with the ids filled in
    Iam(Iam),
    /// Print the completions of a shell, or what kubectl asks for them
    Completions {
        /// The shell, or kubectl
        #[arg(value_enum)]
        shell: Shell,
    },
}

/// Those that completions can be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Elvish,
    Fish,
    Powershell,
    Zsh,
    /// The file kubectl_complete-clusterbenchmark, for `kubectl clusterbenchmark` in any shell
    Kubectl,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Name of the benchmark, or of a BenchmarkReport
    #[arg(value_parser = names::name)]
    pub(crate) name: String,
    /// runId of the run [default: the newest report]
    #[arg(long, value_name = "ID", value_parser = names::run)]
    pub(crate) run: Option<String>,
    /// Form of the report
    #[arg(long, short, value_enum, default_value_t = Form::Text)]
    pub(crate) output: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// Words and tables for a terminal
    Text,
    /// One page, for a browser
    Html,
    /// A line for each cluster of each round
    Csv,
    /// The document, as it was measured
    Json,
    /// Markdown, for the comment of a pull request
    Md,
}

#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// Name of the benchmark
    #[arg(value_parser = names::name)]
    pub(crate) name: String,
    /// Serve it to a browser as well, until Ctrl-C: how it goes, and then the report's page
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "127.0.0.1:5665", value_parser = listen)]
    pub(crate) serve: Option<SocketAddr>,
}

#[derive(Debug, Args)]
pub(crate) struct Wait {
    /// Name of the benchmark
    #[arg(value_parser = names::name)]
    pub(crate) name: String,
    /// How long to wait, such as 30m or 1h30m
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration)]
    pub(crate) timeout: SignedDuration,
}

#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// A benchmark (its newest report), BENCHMARK@RUNID, or a BenchmarkReport
    pub(crate) first: OfRun,
    /// The other one
    pub(crate) second: OfRun,
}

#[derive(Debug, Args)]
pub(crate) struct Rerun {
    /// Name of the benchmark
    #[arg(value_parser = names::name)]
    pub(crate) name: String,
    /// The new runId [default: the next number]
    #[arg(long, value_name = "ID", value_parser = names::run)]
    pub(crate) run: Option<String>,
    /// Also while a run is on, which then ends without a result
    #[arg(long)]
    pub(crate) now: bool,
}

#[derive(Debug, Args)]
pub(crate) struct New {
    /// Name of the benchmark
    #[arg(value_parser = names::name)]
    pub(crate) name: String,
    /// Instances of one cluster, such as 4xt2.micro or api=4xc7g.large; once for each cluster
    #[arg(long = "cluster", required = true, value_name = "[NAME=]COUNTxTYPE")]
    pub(crate) clusters: Vec<NewCluster>,
    /// Requests that are kept open, by users who wait for their answers
    #[arg(long, value_name = "USERS", default_value_t = 100, conflicts_with = "rate")]
    pub(crate) concurrency: u32,
    /// Requests a second, by users who do not wait
    #[arg(long, value_name = "PER_SECOND")]
    pub(crate) rate: Option<u32>,
    /// How long each cluster is under load in each round
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    pub(crate) seconds: u32,
    /// URL of the worker's program, one executable file for all types' architecture [default: a worker that sleeps 4 ms]
    #[arg(long, value_name = "URL", requires = "sha256")]
    pub(crate) worker: Option<String>,
    /// SHA-256 of the worker's program
    #[arg(long, value_name = "HEX", requires = "worker")]
    pub(crate) sha256: Option<String>,
}

/// A cluster as the command line has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewCluster {
    pub(crate) name: Option<String>,
    pub(crate) count: u32,
    pub(crate) instance_type: String,
}

impl std::str::FromStr for NewCluster {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, instances) = match text.split_once('=') {
            Some((name, instances)) => (Some(name.to_owned()), instances),
            None => (None, text),
        };
        let form = || format!("{text:?}: write COUNTxTYPE, such as 4xt2.micro");
        let (count, instance_type) = instances.split_once('x').ok_or_else(form)?;
        let count: u32 = count.parse().map_err(|_| form())?;
        if count == 0 || !instance_type.contains('.') {
            return Err(form());
        }
        Ok(Self { name, count, instance_type: instance_type.to_owned() })
    }
}

#[derive(Debug, Args)]
pub(crate) struct Iam {
    /// AWS account, twelve digits [default: that of a benchmark that was placed]
    #[arg(long, value_name = "ID")]
    pub(crate) account: Option<String>,
    /// Uid of the Kubernetes cluster's namespace kube-system [default: asked for]
    #[arg(long, value_name = "UID")]
    pub(crate) cluster_uid: Option<String>,
    /// Name of the operator's installation
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) installation: String,
    /// Which policy
    #[arg(long, value_enum, default_value_t = Policy::Operator)]
    pub(crate) policy: Policy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Policy {
    /// The operator's, for EC2: it always needs this one
    Operator,
    /// The operator's too, for balancer.kind Application
    Application,
    /// The operator's too, for balancer.kind Queue
    Queue,
    /// That of the instances behind queues
    Instances,
}

/// An address with a port, or a port of this machine alone.
fn listen(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix("localhost:").unwrap_or(text);
    if let Ok(port) = port.parse() {
        return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
    text.parse()
        .map_err(|_| format!("{text:?}: write an address with its port, such as 127.0.0.1:5665, or a port alone"))
}

fn duration(text: &str) -> Result<SignedDuration, String> {
    let duration: SignedDuration = text.parse().map_err(|_| format!("{text:?}: write it as 90s, 30m or 1h30m"))?;
    if duration.is_positive() { Ok(duration) } else { Err("must be longer than nothing".to_owned()) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn clusters_are_counts_of_types() {
        let parsed = |text: &str| text.parse::<NewCluster>();
        let cluster = |name: Option<&str>, count, instance_type: &str| NewCluster {
            name: name.map(str::to_owned),
            count,
            instance_type: instance_type.to_owned(),
        };
        assert_eq!(parsed("4xt2.micro"), Ok(cluster(None, 4, "t2.micro")));
        assert_eq!(parsed("api=12xx2idn.xlarge"), Ok(cluster(Some("api"), 12, "x2idn.xlarge")));
        for wrong in ["t2.micro", "4t2.micro", "0xt2.micro", "4xmicro", "x", "fourxt2.micro"] {
            assert!(parsed(wrong).unwrap_err().contains("write COUNTxTYPE"), "{wrong}");
        }
    }

    #[test]
    fn a_page_is_served_to_this_machine_unless_an_address_is_said() {
        let parsed = |words: &[&str]| {
            let words = ["kubectl-clusterbenchmark", "watch", "a"].iter().chain(words);
            match Arguments::try_parse_from(words).unwrap().verb {
                Verb::Watch(watch) => watch.serve.map(|address| address.to_string()),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(parsed(&[]), None);
        for words in
            [&["--serve"][..], &["--serve", "5665"], &["--serve", "localhost:5665"], &["--serve=127.0.0.1:5665"]]
        {
            assert_eq!(parsed(words).as_deref(), Some("127.0.0.1:5665"), "{words:?}");
        }
        assert_eq!(parsed(&["--serve", "192.168.0.7:80"]).as_deref(), Some("192.168.0.7:80"));
        assert_eq!(parsed(&["--serve", "[::1]:5665"]).as_deref(), Some("[::1]:5665"));
        for wrong in ["micro-vs-large", "127.0.0.1", "example.com:80", "70000"] {
            assert!(listen(wrong).unwrap_err().contains("such as 127.0.0.1:5665"), "{wrong}");
        }
    }

    #[test]
    fn a_name_that_kubernetes_could_not_have_is_refused_with_its_argument() {
        let refused = |words: &[&str]| {
            let words = ["kubectl-clusterbenchmark"].iter().chain(words);
            let error = Arguments::try_parse_from(words).unwrap_err();
            (error.exit_code(), error.to_string())
        };
        for (words, argument) in [
            (&["report", "a/b"][..], "'<NAME>'"),
            (&["report", "a", "--run", "1/2"], "'--run <ID>'"),
            (&["watch", "a,b=c"], "'<NAME>'"),
            (&["wait", "../b"], "'<NAME>'"),
            (&["compare", "A", "b"], "'<FIRST>'"),
            (&["compare", "a", "b@1/2"], "'<SECOND>'"),
            (&["rerun", "a?"], "'<NAME>'"),
            (&["rerun", "a", "--run", "A"], "'--run <ID>'"),
            (&["new", "a b", "--cluster", "1xt2.micro"], "'<NAME>'"),
        ] {
            let (code, said) = refused(words);
            assert_eq!(code, 2, "{said}");
            assert!(said.contains(argument) && said.contains("lower-case letters, digits"), "{said}");
        }
    }

    #[test]
    fn durations_are_those_of_kubectl() {
        assert_eq!(duration("90s"), Ok(SignedDuration::from_secs(90)));
        assert_eq!(duration("1h30m"), Ok(SignedDuration::from_secs(5400)));
        assert!(duration("90").unwrap_err().contains("write it as"));
        assert!(duration("-5s").is_err() && duration("0s").is_err());
    }
}
