//! The semantics of EC2 as a pure state machine under virtual time.
//!
//! [`Sim`] is one region of one account. Every call takes the time; randomness comes from a seed; nothing sleeps,
//! reads a clock or does I/O. So a test plays an hour in a millisecond and a failing seed fails again. In front of
//! it stand [`port`] (the planner's ports, in process) and the lab's AWS endpoint (real time, real wire).
//!
//! Two layers: the actions themselves (`Sim::run_instances`, ...) answer as EC2 would on a good day, with its error
//! codes; [`Sim::call`] wraps any of them into what happens on the way: throttling, refusals, lost answers, late
//! execution. What really is, is told by [`Sim::ledger`], [`Sim::story`] and the other truth queries.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)] // pure: clippy.toml says what that forbids

mod action;
mod by_hand;
mod call;
pub mod catalogue;
mod chance;
mod connect;
mod error;
mod fault;
mod firewall;
mod group;
pub mod guest;
pub mod iam;
mod index;
mod instance;
pub mod knobs;
mod landscape;
mod launch;
mod ledger;
mod lifecycle;
mod lists;
mod network;
pub mod port;
mod query;
mod settings;
mod sim;
mod tags;
mod throttle;
mod versions;
mod volume;

pub use action::{Action, Call};
pub use error::{Outcome, SimError};
pub use fault::{Fault, NetworkFault, Reply};
pub use group::{CreateSecurityGroup, IngressRule, Permission, PermissionSource, Protocol, SecurityGroup};
pub use iam::{About, Ask, Policy, PolicyError, Principal};
pub use instance::{
    Attached, BlockDevice, Console, GroupName, Instance, InstanceVolume, InterfaceRequest, NetworkInterface, Origin,
    RunInstances, Shutdown, StateChange, StateReason,
};
pub use ledger::{Ledger, StoryLine};
pub use lists::{CallerIdentity, LocationType, Offering, RegionFacts};
pub use network::{IMAGE_WITH_DATA, Image, Mapping, Network, Route, RouteTable, Store, Subnet, Target, Vpc};
pub use port::SharedSim;
pub use query::{FILTER_VALUES, Filter, Page, PageRequest, Query};
pub use settings::{
    AfterFailure, AfterTermination, ByHand, CapacityPool, Credentials, Deed, DefaultVpc, EndpointFaults, FaultRates,
    Lag, Machines, Plan, PublicAccess, QuotaCheck, Relapse, Settings, Span, Stillbirth, Terminated, Throttling,
    TokenRules, Unavailable,
};
pub use sim::{Change, MachineStart, Sim};
pub use volume::{Attachment, Volume};
