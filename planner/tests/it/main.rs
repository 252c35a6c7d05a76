//! The planner's tests: worlds as a few lines of text, plans as text. See CONTRIBUTING.md for adding a case.

// In a test, a surprise is a failure.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod answer_cost;
mod application;
mod budget;
mod by_hand;
mod cloud_watch;
mod consoles;
mod cost;
mod delivery;
mod fixture;
mod holding;
mod kinds;
mod launching;
mod live;
mod moving;
mod networks;
mod pausing;
mod placing;
mod prices;
mod properties;
mod queue;
mod queue_instances;
mod rehearsing;
mod relaunching;
mod results;
mod scaling;
mod scheme;
mod searching;
mod shared;
mod spelling;
mod spreading;
mod surplus;
mod tables;
mod tearing_down;
mod time_left;
mod unfinished;
mod updating;
mod updating_archives;
mod user_programs;
mod voiding;
mod volumes;
mod words;
