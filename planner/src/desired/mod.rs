//! Restatement of a spec: pools of instances, how they are launched, and how their programs are set.

mod artifacts;
pub mod duration;
mod fingerprint;
mod no_recipe;
mod pools;
mod programs;
mod queue;
mod recipe;
pub mod role;
pub mod user_data;

pub use artifacts::{artifacts, is_in_place, is_spare};
pub use fingerprint::measured_sha256;
pub use no_recipe::NoRecipe;
pub use pools::{
    BALANCER, FRONT, GENERATOR, PoolSpec, agent_in_front, generator, generators, launches, pools, possible_pools,
    types_with_fields,
};
pub use programs::{Program, policy, program, programs, settings, work_text};
pub use recipe::{Recipe, application, recipe};
pub use role::{BALANCER_PORT, CONTROL_PORT, PULLER_PORT};

/// Image family when the spec names none.
pub const DEFAULT_IMAGE: &str = "al2023";
