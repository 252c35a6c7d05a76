//! Restatement of a spec: pools of instances, how they are launched, and how their programs are set.

mod artifacts;
pub mod duration;
mod fingerprint;
mod invalid;
mod loader;
mod no_recipe;
pub mod payload;
mod pools;
mod programs;
mod queue;
mod quoting;
mod recipe;
pub mod role;
pub mod user_data;

pub use artifacts::{artifacts, fetched, is_in_place, is_spare, needs_way_out};
pub use fingerprint::{measured_sha256, measured_yaml};
pub use no_recipe::NoRecipe;
pub use pools::{
    BALANCER, FRONT, GENERATOR, PoolSpec, agent_in_front, generator, generators, launches, pools, possible_pools,
    types_with_fields,
};
pub use programs::{Program, health, policy, program, programs, settings, work_text};
pub(crate) use queue::timeout_seconds;
pub(crate) use recipe::{NO_WAY_OUT, has_no_way_out};
pub use recipe::{Recipe, application, recipe};
pub use role::{BALANCER_PORT, CONTROL_PORT, PULLER_PORT};

/// Image family when the spec names none.
pub const DEFAULT_IMAGE: &str = "al2023";
