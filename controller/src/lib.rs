//! The loop: observe, plan, act, record. And the Kubernetes side of it.
//!
//! [`Reconciler`] is one pass, generic over the ports: the tests drive it with a simulated cloud under virtual time,
//! [`run()`] drives it from a watch on a real API server. Only `planner` decides anything; here are the effects.

mod act;
mod admin;
mod agents;
mod kubernetes;
mod metrics;
mod observe;
mod pass;
mod report;
mod run;
mod secret;
mod store;

pub use agents::HttpAgents;
pub use kubernetes::KubernetesStore;
pub use metrics::Metrics;
pub use pass::{Clock, Next, PassError, Reconciler};
pub use run::{Options, connect, run};
pub use secret::{SecretError, control_seed, kubernetes_cluster_uid};
pub use store::{Store, StoreError};
