//! A tier behind a queue under virtual time: pullers that boot, work, drain and are killed; and the rules that say how many
//! there are.

pub(crate) mod engine;
pub(crate) mod load;
pub(crate) mod ours;
pub(crate) mod outcome;
pub(crate) mod peers;
mod streams;
pub(crate) mod twins;

pub(crate) use engine::{Pool, run};
pub(crate) use load::Load;
