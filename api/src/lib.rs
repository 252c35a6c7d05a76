//! Custom resources: [`ClusterBenchmark`], written by users, and [`BenchmarkReport`], written by the operator beside its
//! status. Types only: no client, no decisions.
//!
//! Rules for every field, each learnt on a real API server:
//! - every integer has a minimum and a maximum, because the server does not enforce `format`;
//! - in status only list keys are required and enums are strings, so that an old or a new operator can read it;
//! - every optional field is skipped when absent, because CEL's `has()` is true for an explicit null;
//! - every string and list that a rule looks at has a maximum, or the rule exceeds the server's cost budget.
#![warn(missing_docs)]
// The derives of KubeSchema make the lint see re-exported types as private.
#![allow(unreachable_pub)]
// kube takes one `printcolumn(...)` for each column; the lint sees the repeated keys inside.
#![allow(clippy::duplicated_attributes)]

mod balancer;
mod benchmark;
mod condition;
mod cost;
mod live;
mod load;
mod placement;
mod program_rules;
mod report;
mod request;
mod rules;
mod run;
mod scaling;
mod schema;
mod search;
mod status;
mod threshold;
mod worker;

pub use balancer::{Algorithm, Application, Balancer, BalancerKind, HealthCheck, Policy, Queue, Scheme, Shared};
pub use benchmark::{
    Addressing, AfterRun, Cluster, ClusterBenchmark, ClusterBenchmarkSpec, Control, Image, Lifecycle, Network, Tag,
};
pub use condition::{CONDITIONS, ConditionType};
pub use cost::{Budget, Cost, PlacedPrice, UnpricedTime};
pub use live::{Live, LiveCapacity, LiveCluster};
pub use load::{Arrivals, Comparison, Generator, LAUNCH_ROUNDS, Load, Pairs, Phase};
pub use placement::{PlacedArtifact, PlacedImage, PlacedVolume};
pub use program_rules::RESERVED_VARIABLES;
pub use report::{BenchmarkReport, BenchmarkReportSpec};
pub use request::{Connections, Corpus, Header, Request};
pub use run::{ClusterResult, FoundCapacity, Part, Run, RunCloudWatch, RunTargetGroup, ThresholdsResult};
pub use scaling::{Scaling, ScalingPolicy, ScalingPool};
pub use schema::crds;
pub use search::{AskedRate, Objective, Quantile, Search};
pub use status::{
    BalancerStatus, Instance, LAUNCH_CLOSED, LAUNCH_OPEN, Launch, LeftZone, MeasuredSurplus, PlacedBalancer,
    PlacedQueue, PlacedSubnet, Placement, Pool, QueueStatus, Status,
};
pub use threshold::{Metric, Threshold};
pub use worker::{
    Archive, ClusterWork, ClusterWorker, Container, Distribution, Health, Preinstalled, Service, ServiceKind, Update,
    Variable, Work, WorkProfile, Worker,
};

/// API group of the resources.
pub const GROUP: &str = "clusterbench.dev";

/// Held from before the first effect until nothing of ours is left.
pub const FINALIZER: &str = "clusterbench.dev/teardown";

/// Label of a `BenchmarkReport`: name of its benchmark.
pub const BENCHMARK_LABEL: &str = "clusterbench.dev/benchmark";
/// Label of a `BenchmarkReport`: uid of its benchmark.
pub const BENCHMARK_UID_LABEL: &str = "clusterbench.dev/benchmark-uid";
/// Label of a `BenchmarkReport`: runId of its run.
pub const RUN_LABEL: &str = "clusterbench.dev/run";
/// Label of a report about one of several launches, a part of a run: number of the launch.
pub const LAUNCH_LABEL: &str = "clusterbench.dev/launch";
/// Label of a report about the load of one of several generators, a part of a run: number of the generator.
pub const GENERATOR_LABEL: &str = "clusterbench.dev/generator";
