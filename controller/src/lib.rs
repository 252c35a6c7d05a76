//! The loop: observe, plan, act, record. And the Kubernetes side of it.
//!
//! [`Reconciler`] is one pass, generic over the ports: the tests drive it with a simulated cloud under virtual time,
//! [`run()`] drives it from a watch on a real API server. Only `planner` decides anything; here are the effects.

mod act;
mod admin;
mod agents;
mod catalog_cache;
mod clock;
mod crd_check;
mod existing;
mod freshness;
mod inventory_index;
mod kubernetes;
mod lease;
mod lister;
mod live_metrics;
mod metrics;
mod notes;
mod observe;
mod pass;
mod programs;
mod rate_limit;
mod reconciler;
mod remembered;
mod remove;
mod report;
mod run;
mod secret;
mod store;
mod sweep;
mod uploads;

pub use agents::HttpAgents;
pub use clock::Clock;
pub use existing::benchmarks;
pub use kubernetes::KubernetesStore;
pub use lease::LeaseLost;
pub use metrics::Metrics;
pub use pass::{Next, PassError};
pub use programs::Programs;
pub use reconciler::{Decisions, Reconciler};
pub use remove::{inventory, remove};
pub use run::{Ended, Options, connect, run};
pub use secret::{SecretError, control_seed, kubernetes_cluster_uid};
pub use store::{Store, StoreError};
pub use sweep::Swept;
