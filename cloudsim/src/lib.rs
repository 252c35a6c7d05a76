//! The semantics of AWS as a pure state machine under virtual time.
//!
//! [`Sim`] is one region of one account. Every call takes the time; randomness comes from a seed; nothing sleeps,
//! reads a clock or does I/O. So a test plays an hour in a millisecond and a failing seed fails again. In front of
//! it stand [`port`] (the planner's ports, in process) and the lab's AWS endpoint (real time, real wire).
//!
//! From below to above: `engine` holds what every service needs and knows none of them; `actions` names the calls of all;
//! [`settings`](Settings) and [`iam`] are what a caller may do and meet; [`ec2`], [`elb`], [`cloudwatch`], [`pricing`], [`s3`], [`sqs`] and [`sts`] are the
//! services, each with its own state, token buckets and questions to IAM; [`Sim`] joins them. [`knobs`] and [`port`] are how it is turned and called.
//!
//! Two layers of calls: the actions themselves ([`ec2::Ec2::run_instances`], ...) answer as AWS would on a good day, with its
//! error codes; [`Sim::call`] wraps any of them into what happens on the way: throttling, refusals, lost answers, late
//! execution. The truth is told by [`Sim::audit`], [`Sim::story`] and [`Sim::truth`].

#![warn(clippy::disallowed_methods, clippy::disallowed_types)] // pure: clippy.toml says what that forbids

mod actions;
pub mod cloudwatch;
pub mod ec2;
pub mod elb;
mod engine;
pub mod iam;
pub mod knobs;
pub mod port;
pub mod pricing;
pub mod s3;
mod settings;
mod sim;
pub mod sqs;
pub mod sts;

pub use actions::{Action, ServiceName};
pub use engine::audit::{Origin, StoryLine};
pub use engine::error::{Outcome, SimError};
pub use engine::fault::{Fault, FaultRates, Reply};
pub use engine::network::{EndpointFaults, NetworkFault, Unavailable};
pub use engine::query::{FILTER_VALUES, Filter, Page, PageRequest, Query};
pub use engine::span::Span;
pub use engine::throttle::Throttling;
pub use engine::visibility::{Lag, StaleReads};
pub use iam::{Ask, InstanceNumber, Policy, PolicyError, Principal};
pub use port::SharedSim;
pub use settings::{
    AfterFailure, AfterTermination, BootFailure, BucketSettings, CapacityPool, Credentials, DefaultVpc,
    INSTANCE_PROFILE, LoadBalancing, Machines, ManualChange, ManualChanges, Plan, Pricing, Provisioned, PublicAccess,
    Queues, QuotaCheck, RepeatedTags, Settings, Terminated, TokenRules,
};
pub use sim::{About, Audit, Call, Sim, States};
