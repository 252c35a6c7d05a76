//! The operator's configuration: every flag has an environment variable.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;

use crate::control_sources::ControlSources;
use crate::own_address::OwnAddress;

/// The way of programs to instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "PascalCase")]
pub(crate) enum Way {
    Push,
    Pull,
}

/// Makes EC2 look like the ClusterBenchmarks of this Kubernetes cluster, measures, and records the results.
///
/// AWS credentials, region and endpoint come from the usual environment of the AWS SDKs.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "operator sweep --help: list or remove everything of an installation, without Kubernetes\n\
                  operator guard --help: whether there are benchmarks, asked before an uninstallation"
)]
pub(crate) struct Arguments {
    /// Region of benchmarks that name none [default: AWS_REGION or the profile's]
    #[arg(long, env = "OPERATOR_REGION")]
    pub(crate) region: Option<String>,

    /// Name of this installation: tells operators that share an AWS account apart
    #[arg(long, env = "OPERATOR_INSTALLATION", default_value = "default")]
    pub(crate) installation: String,

    /// Manifest of the programs of instances, as `cargo xtask programs` writes it; the image has one
    #[arg(long, env = "OPERATOR_PROGRAMS", value_name = "FILE")]
    pub(crate) programs: Option<PathBuf>,

    /// How programs get to instances: Push brings the files beside the manifest, Pull has instances fetch them
    #[arg(long, env = "OPERATOR_PROGRAMS_DELIVERY", value_name = "WAY", default_value = "Push")]
    pub(crate) programs_delivery: Way,

    /// Where instances fetch the programs of the manifest, with Pull: {URL}/{sha256}/{name}
    #[arg(long, env = "OPERATOR_PROGRAMS_BASE_URL", value_name = "URL", requires = "programs")]
    pub(crate) programs_base_url: Option<String>,

    /// JSON file of programs of your own to be fetched, in place of a manifest: {"version", "baseUrl", "sha256": {name: {architecture: sha256}}}
    #[arg(long, env = "OPERATOR_ARTIFACTS", value_name = "FILE")]
    pub(crate) artifacts: Option<PathBuf>,

    /// Namespace of the operator, for its Secret
    #[arg(long, env = "POD_NAMESPACE", default_value = "clusterbenchmark-system")]
    pub(crate) namespace: String,

    /// Name under which this process holds the Lease; one that comes back under it does not wait [default: the process id]
    #[arg(long, env = "POD_NAME")]
    pub(crate) identity: Option<String>,

    /// How long the Lease lasts when it is not renewed: for so long no other operator begins after this one died
    #[arg(long, env = "OPERATOR_LEASE_SECONDS", value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(5..=300))]
    pub(crate) lease_seconds: u64,

    /// Regions in which things without a benchmark are looked for [default: the operator's region]
    #[arg(long, env = "OPERATOR_SWEEP_REGIONS", value_name = "REGION", value_delimiter = ',')]
    pub(crate) sweep_regions: Vec<String>,

    /// IPv4 networks that the operator dials balancers and generators from, such as 172.31.0.0/16,100.64.0.0/10 [default: those of
    /// the VPC that it is in]
    #[arg(
        long,
        env = "OPERATOR_CONTROL_SOURCES",
        value_name = "CIDR,...",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) control_sources: ControlSources,

    /// Address of this operator's pod (status.podIP). Benchmarks that name no subnets are placed in the VPC whose interface has it, or
    /// has that of the node
    #[arg(long, env = "OPERATOR_ADDRESS", value_name = "ADDRESS", default_value = "", hide_default_value = true)]
    pub(crate) address: OwnAddress,

    /// Address of the node that the pod is on (status.hostIP). It decides where both are known
    #[arg(long, env = "OPERATOR_NODE_ADDRESS", value_name = "ADDRESS", default_value = "", hide_default_value = true)]
    pub(crate) node_address: OwnAddress,

    /// CSV file with prices that go before those of AWS, such as private rates: region,type,usdPerHour
    #[arg(long, env = "OPERATOR_PRICES", value_name = "FILE")]
    pub(crate) prices: Option<PathBuf>,

    /// Address of /healthz, /readyz and /metrics
    #[arg(long, env = "OPERATOR_ADMIN_LISTEN", value_name = "ADDRESS", default_value = "0.0.0.0:8080")]
    pub(crate) admin_listen: SocketAddr,

    /// Metrics of the runs that are on, whose labels are names of benchmarks and clusters
    #[arg(long, env = "OPERATOR_LIVE_METRICS")]
    pub(crate) live_metrics: bool,

    /// How long after its last possible send a launch may still appear in a list
    #[arg(long, env = "OPERATOR_SETTLE_SECONDS", value_name = "SECONDS", default_value_t = 300)]
    pub(crate) settle_seconds: u32,

    /// Time between the two empty lists that prove that something is not there
    #[arg(long, env = "OPERATOR_PROOF_GAP_SECONDS", value_name = "SECONDS", default_value_t = 60)]
    pub(crate) proof_gap_seconds: u32,

    /// For how long a launch of unknown outcome is repeated, with the same token
    #[arg(long, env = "OPERATOR_LAUNCH_WINDOW_SECONDS", value_name = "SECONDS", default_value_t = 120)]
    pub(crate) launch_window_seconds: u32,

    /// How long an instance may take from launch to ready
    #[arg(long, env = "OPERATOR_BOOT_DEADLINE_SECONDS", value_name = "SECONDS", default_value_t = 900)]
    pub(crate) boot_deadline_seconds: u32,

    /// Time before the end of the instances that is kept for stopping a run and bringing its report home
    #[arg(long, env = "OPERATOR_LAST_CALL_SECONDS", value_name = "SECONDS", default_value_t = 120)]
    pub(crate) last_call_seconds: u32,

    /// Pause after a launch that was refused (no capacity, quota, permission)
    #[arg(long, env = "OPERATOR_REFUSAL_PAUSE_SECONDS", value_name = "SECONDS", default_value_t = 60)]
    pub(crate) refusal_pause_seconds: u32,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn arguments_are_consistent() {
        super::Arguments::command().debug_assert();
    }
}
