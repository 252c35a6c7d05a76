//! The planner's tests: worlds as a few lines of text, plans as text. See CONTRIBUTING.md for adding a case.

mod fixture;
mod placing;
mod properties;
mod spelling;
mod tables;
mod tearing_down;
