//! The search for a target's capacity: the highest rate at which its answers keep an objective. Pure: what comes next
//! follows from what steps showed, and from the seed of the round.
//!
//! A *step* is one rate, tried for some seconds. A *way* is the steps of one target in one round: it gallops from a start
//! near the estimate until one step was met and one was missed, and halves between them. A *round* walks a way for each
//! target, the targets in turn step by step, so that they meet the same minutes of a cloud that drifts.
//!
//! Bisection, what everybody does, answers by a coin: one noisy step excludes half of the line for ever. Here each round is a
//! short search of its own from another start, and the rounds are compared like any other measurement.

mod alone;
mod binomial;
mod estimate;
mod objective;
mod round;
mod step;
mod way;

pub use alone::{ALONE_SECONDS, Alone, BETWEEN_ALONE_SECONDS, Verdict};
pub use estimate::{Estimate, MOST_SECONDS, USERS_PER_SLOT};
pub use objective::Objective;
pub use round::Round;
pub(crate) use round::start_of;
pub use step::{NOT_COUNTED_SECONDS, Seen};
pub use way::{Found, Way};
