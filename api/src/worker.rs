//! The service under test: our worker, a program of a user's own in one of four forms, and how it is reached and updated.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{program_rules, rules};

/// The service of one cluster. No field of it has a default: it is in a list, and a server that adds one would make every
/// later apply of the same file a change.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = rules::artifact_with_hash(),
    validation = program_rules::one_kind(),
    validation = program_rules::archive_with_command(),
    validation = program_rules::packages_of_archives(),
    validation = program_rules::setup_of_archives(),
    validation = program_rules::command_of_programs(),
    validation = program_rules::environment_of_programs(),
)]
pub struct ClusterWorker {
    /// Work that our worker does for each request. Default: Echo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<ClusterWork>,
    /// URL of a program of your own, as in worker.artifactUrl.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    #[x_kube(validation = rules::artifact_url())]
    pub artifact_url: Option<String>,
    /// SHA-256 of that program, as in worker.artifactSha256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    #[x_kube(validation = rules::sha256())]
    pub artifact_sha256: Option<String>,
    /// An application of your own as files, as in worker.archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<Archive>,
    /// An application of your own as a container image, as in worker.container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,
    /// A service that the image has, as in worker.preinstalled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preinstalled: Option<Preinstalled>,
    /// Packages of the image's repositories, as in worker.packages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 64)))]
    #[x_kube(validation = program_rules::packages())]
    pub packages: Vec<String>,
    /// Shell lines that run once, as in worker.setup.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 1024)))]
    #[x_kube(validation = program_rules::setup())]
    pub setup: Vec<String>,
    /// The program and its arguments, as in worker.command.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(max = 1024)))]
    #[x_kube(validation = program_rules::command(), validation = program_rules::first_word())]
    pub command: Vec<String>,
    /// Variables of the program's environment, as in worker.environment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = program_rules::different_names())]
    pub environment: Vec<Variable>,
    /// What a healthy worker answers, as in worker.health.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
}

/// The service under test.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = rules::artifact_with_hash(),
    validation = program_rules::one_kind(),
    validation = program_rules::archive_with_command(),
    validation = program_rules::packages_of_archives(),
    validation = program_rules::setup_of_archives(),
    validation = program_rules::command_of_programs(),
    validation = program_rules::environment_of_programs(),
    validation = Rule::new("!has(self.maxUnavailablePercent) || has(self.update) && self.update == 'InPlace'").message("worker.maxUnavailablePercent is for update InPlace: set worker.update, or remove it"),
    validation = Rule::new("!has(self.update) || self.update != 'InPlace' || self.port != 8081").message("worker.port: 8081 is where workers with update InPlace take signed changes, choose another port"),
)]
pub struct Worker {
    /// TCP port that the service listens on.
    #[serde(default = "worker_port")]
    #[schemars(range(min = 1024, max = 65535))]
    pub port: i32,
    /// Work that our worker does for each request. Default: Echo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<Work>,
    /// URL of a program of your own to measure instead of our worker: one executable file for Linux, started with
    /// LISTEN, CLUSTER, CLUSTER_PATH and INSTANCE_ID in its environment. It must answer GET /health (404 will do).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    #[x_kube(validation = rules::artifact_url())]
    pub artifact_url: Option<String>,
    /// SHA-256 of that program, 64 lower-case hexadecimal digits; it is not started when it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    #[x_kube(validation = rules::sha256())]
    pub artifact_sha256: Option<String>,
    /// An application of your own as files, such as one in Python, Java or Node: a tar archive, whose root is the directory
    /// that command is started in. Needs command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<Archive>,
    /// An application of your own as a container image. It is run without a network of its own, and with a file system that
    /// it can only read, but for /tmp.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,
    /// A service that the image has already. Needs image.id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preinstalled: Option<Preinstalled>,
    /// Packages of the image's own repositories, such as python3-pip, that dnf or apt-get installs before setup. For archive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 64)))]
    #[x_kube(validation = program_rules::packages())]
    pub packages: Vec<String>,
    /// Shell lines that run once, before the program is started, in the archive's directory, which only they can write to.
    /// They have no other rights than the program and ten minutes in all; one that fails ends the boot. For archive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 1024)))]
    #[x_kube(validation = program_rules::setup())]
    pub setup: Vec<String>,
    /// The program and its arguments, which reach it as they are: no shell reads them. For archive; for container they take
    /// the place of the image's own arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(max = 1024)))]
    #[x_kube(validation = program_rules::command(), validation = program_rules::first_word())]
    pub command: Vec<String>,
    /// Variables of the program's environment, beside LISTEN, CLUSTER, CLUSTER_PATH and INSTANCE_ID. No place for secrets:
    /// whoever may read the benchmark or the instance's user data reads them. For artifactUrl, archive and container.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = program_rules::different_names())]
    pub environment: Vec<Variable>,
    /// What a healthy worker answers. Default: anything below 500 to GET /health.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// How another work, artifact or archive reaches the workers: Replace launches new instances, InPlace starts the new program
    /// on those that run, which then listen on port 8081 too, for what our operator signs. InPlace is for work, artifactUrl and
    /// archive, whose setup, command and environment may change as well; packages and port stay.
    #[serde(default, skip_serializing_if = "Update::is_default")]
    pub update: Update,
    /// Workers of a cluster that may be out at the same time while they are updated, in percent, at least one. For update
    /// InPlace. Default: 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub max_unavailable_percent: Option<i32>,
}

/// An application as files.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Archive {
    /// URL of a tar archive, compressed or not; instances fetch it without credentials.
    #[schemars(length(max = 1024))]
    #[x_kube(validation = program_rules::archive_url())]
    pub url: String,
    /// SHA-256 of the archive, 64 lower-case hexadecimal digits; it is not unpacked when it differs.
    #[schemars(length(max = 64))]
    #[x_kube(validation = program_rules::archive_sha256())]
    pub sha256: String,
}

/// An application as a container image.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Container {
    /// An image that can be pulled without credentials, by its digest, such as public.ecr.aws/x/app@sha256:9b2e...
    #[schemars(length(max = 512))]
    #[x_kube(validation = program_rules::container_image())]
    pub image: String,
}

/// A service of the image.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Preinstalled {
    /// The systemd unit that is started, such as app.service. /etc/clusterbench/worker.env holds LISTEN, CLUSTER, CLUSTER_PATH
    /// and INSTANCE_ID for it.
    #[schemars(length(max = 128))]
    #[x_kube(validation = program_rules::unit())]
    pub unit: String,
}

/// A variable of an environment.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Variable {
    /// Its name.
    #[schemars(length(max = 64))]
    #[x_kube(validation = program_rules::variable_name(), validation = program_rules::not_reserved())]
    pub name: String,
    /// Its value, which reaches the program as it is.
    #[schemars(length(max = 1024))]
    #[x_kube(validation = program_rules::variable_value())]
    pub value: String,
}

/// What a healthy worker answers.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// Path that is asked for, such as /health.
    #[schemars(length(max = 256))]
    #[x_kube(validation = rules::health_path())]
    pub path: String,
    /// Status that the answer must have. Absent: any below 500.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 200, max = 599))]
    pub status: Option<i32>,
}

/// What serves the requests of a cluster, of whichever of the two resources it is written in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Service<'a> {
    /// Which program.
    pub kind: ServiceKind<'a>,
    /// Packages that are installed for it.
    pub packages: &'a [String],
    /// Shell lines that run before it.
    pub setup: &'a [String],
    /// The program and its arguments; of a container, its arguments.
    pub command: &'a [String],
    /// Variables of its environment.
    pub environment: &'a [Variable],
    /// What it answers when it is healthy.
    pub health: Option<&'a Health>,
}

/// The five kinds of programs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ServiceKind<'a> {
    /// Our worker, with the work that it does.
    Ours(Option<Work>),
    /// One executable file.
    File {
        /// Where it is fetched.
        url: &'a str,
        /// SHA-256 of the file.
        sha256: &'a str,
    },
    /// Files.
    Archive(&'a Archive),
    /// A container image.
    Container(&'a Container),
    /// A unit of the image.
    Preinstalled(&'a Preinstalled),
}

/// The fields that both resources have.
macro_rules! service {
    ($worker:expr, $work:expr) => {{
        let worker = $worker;
        let file = worker.artifact_url.as_deref().zip(worker.artifact_sha256.as_deref());
        let kind = if let Some((url, sha256)) = file {
            ServiceKind::File { url, sha256 }
        } else if let Some(archive) = &worker.archive {
            ServiceKind::Archive(archive)
        } else if let Some(container) = &worker.container {
            ServiceKind::Container(container)
        } else if let Some(preinstalled) = &worker.preinstalled {
            ServiceKind::Preinstalled(preinstalled)
        } else {
            ServiceKind::Ours($work)
        };
        Service {
            kind,
            packages: &worker.packages,
            setup: &worker.setup,
            command: &worker.command,
            environment: &worker.environment,
            health: worker.health.as_ref(),
        }
    }};
}

impl Worker {
    /// What serves, where a cluster names no other.
    pub fn service(&self) -> Service<'_> {
        service!(self, self.work)
    }
}

impl ClusterWorker {
    /// What serves this cluster.
    pub fn service(&self) -> Service<'_> {
        service!(self, self.work.map(Work::from))
    }
}

/// How another work, artifact or archive reaches the workers.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[allow(missing_docs, reason = "documented variants would make the CRD a oneOf: the type says what each is")]
pub enum Update {
    #[default]
    Replace,
    InPlace,
}

impl Update {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

fn worker_port() -> i32 {
    8080
}

impl Default for Worker {
    fn default() -> Self {
        Self {
            port: worker_port(),
            work: None,
            artifact_url: None,
            artifact_sha256: None,
            archive: None,
            container: None,
            preinstalled: None,
            packages: Vec::new(),
            setup: Vec::new(),
            command: Vec::new(),
            environment: Vec::new(),
            health: None,
            update: Update::default(),
            max_unavailable_percent: None,
        }
    }
}

/// The same as worker.work. No field of it has a default: it is in a list, and a server that adds one would make every later
/// apply of the same file a change.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::time_of_work())]
pub struct ClusterWork {
    /// Echo answers at once, Sleep waits, Spin burns CPU time.
    pub profile: WorkProfile,
    /// Distribution of the time. Absent: Deterministic, the same for every request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
    /// Mean time of a request in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 60_000_000))]
    pub mean_micros: Option<i64>,
}

impl From<ClusterWork> for Work {
    fn from(work: ClusterWork) -> Self {
        let ClusterWork { profile, distribution, mean_micros } = work;
        Self { profile, distribution: distribution.unwrap_or_default(), mean_micros }
    }
}

/// What our worker does for a request: Sleep waits, Spin burns CPU time, both on as many slots as the instance has
/// vCPUs; further requests queue in order.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::time_of_work())]
pub struct Work {
    /// Echo answers at once, Sleep waits, Spin burns CPU time.
    pub profile: WorkProfile,
    /// Distribution of the time. Default: Deterministic, the same for every request.
    #[serde(default)]
    pub distribution: Distribution,
    /// Mean time of a request in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 60_000_000))]
    pub mean_micros: Option<i64>,
}

/// What our worker does for a request.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[allow(missing_docs, reason = "documented variants would make the CRD a oneOf: the type says what each is")]
pub enum WorkProfile {
    Echo,
    Sleep,
    Spin,
}

/// How the work of requests is spread around its mean. Lognormal has sigma 1.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[allow(missing_docs, reason = "documented variants would make the CRD a oneOf: the type says what each is")]
pub enum Distribution {
    #[default]
    Deterministic,
    Exponential,
    Lognormal,
}
