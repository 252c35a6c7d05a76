//! Every pair of faults, enumerated: of small benchmarks of each kind, and not at random.
//!
//! A play without faults comes to sites: passes, effects, calls. All that can happen at each of them is played (`mishaps`), and of each
//! of these plays all that can happen at each later site (`search`). What they begin with alike is played once (`branches`). Most come
//! soon to a moment that another play came to (`moment`); what follows is the same then, and is not played again.

mod branches;
mod caught;
mod kinds;
mod mishaps;
mod moment;
mod search;
mod stages;
mod table;
mod tests;
