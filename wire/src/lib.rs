//! Documents that our processes exchange: memberships, run specifications, reports and the signature that
//! protects them. Knows neither Kubernetes nor AWS, does no I/O.
//!
//! All documents are JSON with camelCase names. Integers carry their unit in the name; there are no floats
//! except in verdicts, where a ratio is what is meant.
#![warn(missing_docs)]

mod application;
mod cloud_watch;
mod corpus;
mod delivery;
mod digest;
mod environment;
mod failures;
mod judging;
mod limits;
mod membership;
mod metric;
mod programs;
mod queue;
mod report;
mod run;
mod run_status;
mod schema;
mod search;
mod series;
mod signature;
mod verdict;

pub use application::{
    APPLICATION_PATH, APPLICATIONS_PATH, Answer, Application, ApplicationFailure, Archive, BROUGHT, Errand, Order,
    Said, StarterStatus,
};
pub use cloud_watch::{
    CLOUD_WATCH_METRICS, CloudWatch, CloudWatchCluster, CloudWatchMetric, CloudWatchState, CountCheck, CountOutcome,
    MetricOf, MetricPoints, MetricUnit,
};
pub use corpus::{Corpus, WRONG_ANSWERS, WrongAnswer};
pub use delivery::{
    DELIVERIES_PATH, Deliveries, Loaders, Loading, PROGRAM_LIMIT_BYTES, PROGRAM_LONGEST, PROGRAM_SILENCE,
    PROGRAMS_PATH, Receiver,
};
pub use digest::sha256_hex;
pub use environment::{
    Asked, CallPrices, ClusterFacts, CreditMode, Credits, Environment, Facts, GeneratorFacts, MemberFacts, Paid, Place,
    PlaceKind, Price,
};
pub use failures::{FailedStatus, Failures};
pub use judging::{AUTO_LOOKS, AUTO_ROUNDS, Judging, Looks, Pairs};
pub use limits::{GeneratorLimit, LimitHits, MOST_CONNECTIONS};
pub use membership::{
    BalancerStatus, Cluster, ClusterStatus, Departing, Health, HealthCheck, InvalidMembership, Member, MemberOpinion,
    MemberStatus, Membership, ParallelismSource, Policy, SHARED, STATUS_PATH, SharedPath,
};
pub use metric::Metric;
pub use programs::{InvalidPrograms, ProgramFile, Programs};
pub use queue::{ClusterScaling, QueueCalls, QueueCost, QueueStatus, ScalingStatus};
pub use report::{
    AddressShare, AnswerCost, ClusterReport, CostPart, Handshakes, Histograms, MemberShare, Quantiles,
    REPORT_LIMIT_BYTES, REPORT_SCHEMA, Report, RoundOutcome, RoundReport, RunCost, Speed, Validity, ZoneShare,
};
pub use run::{
    Arrivals, BETWEEN_CLUSTERS_SECONDS, CALIBRATION_SECONDS, ClosedLoop, ClusterName, Connections, DRAIN_SECONDS,
    Expect, Header, Members, OpenLoop, Phase, Ramp, RequestSpec, Rounds, RunMember, RunSpec, RunZone, Slice, Stop,
    Target, Work, WorkDistribution,
};
pub use run_status::{Hold, LiveTarget, RunBalancer, RunState, RunStatus};
pub use schema::report_schema;
pub use search::{
    AloneReport, AskedRate, CapacityOutcome, CapacityReport, LiveCapacity, Objective, Search, Sizing, Step,
    StepOutcome, Way, WayOutcome,
};
pub use series::{Columns, MemberColumn, QueueColumns, Row, Series, Span, SpanKind};
pub use signature::{NOT_AFTER_HEADER, Refused, Request, SIGNATURE_HEADER, Signer, VALID_FOR, Verifier};
pub use verdict::{
    About, Capacities, Comparison, Direction, Gate, GateKind, GateOutcome, Limit, PerThousand, PerUsd, SelfTest,
    SelfTestOutcome, Size, Threshold, ThresholdOutcome, ThresholdResult, Unit, Warning, WarningKind,
};

/// Paths that a worker answers itself, whatever its cluster's path is: whether it lives, its counters, what it runs on, and
/// how fast that is. No cluster can be served at one of them.
pub const WORKER_PAGES: [&str; 4] = ["/health", "/metrics", "/machine", "/calibration"];

/// The response header in which a worker names itself: its instance id.
pub const BACKEND_HEADER: &str = "x-backend";

/// The response header in which a worker names its process: a value drawn once at start.
/// A change means that the worker restarted, which voids the round.
pub const BOOT_HEADER: &str = "x-boot";

/// The response header in which a worker declares how many requests it serves at the same time.
pub const SLOTS_HEADER: &str = "x-slots";
