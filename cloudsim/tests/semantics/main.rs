//! What the simulation answers, behaviour by behaviour.

mod capacity;
mod connections;
mod faults;
mod groups;
mod lifecycle;
mod lists;
mod ports;
mod properties;
mod tokens;
mod world;
