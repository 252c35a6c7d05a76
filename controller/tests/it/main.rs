//! The real loop against simulated surroundings under virtual time.

mod agents;
mod chaos;
mod kubernetes;
mod play;
mod sequences;
mod stories;
