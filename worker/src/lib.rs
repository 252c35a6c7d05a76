//! The HTTP application under test: it answers who it is, after an amount of work that is known exactly.
//!
//! ```text
//! worker --listen 127.0.0.1:8001 --work sleep:exponential:2ms --slots 2
//! ```
//!
//! A request draws a demand from the work profile, waits in one FIFO queue for one of `slots` slots, is served
//! there for that demand and answers. That is the G/G/c queue of the textbooks, so what a balancer or a load
//! generator measures in front of it can be compared with a formula. The worker knows nothing of the operator, of
//! Kubernetes or of AWS: its whole configuration is flags or environment.
//!
//! A POST or PUT uploads something, as its body or as the file of a form (up to 5 MiB), and is answered after the same work
//! with a name in plain text that follows from the bytes ([`name_of`]): right or wrong, whoever answers. A request that
//! carries `x-request-id` is answered with it.
//!
//! Beside its work it answers `GET /health`, `GET /metrics`, `GET /machine` (CPU model, kernel, and what the processors
//! did since boot) and `GET /calibration` (what a fixed amount of work takes here).

mod answer;
mod config;
mod demand;
mod duration;
mod machine;
mod measurements;
mod names;
mod paths;
mod processor;
mod profile;
mod serve;
mod slots;
mod timer;
mod upload;

pub use answer::{REPLAY_HEADER, Worker};
pub use config::Config;
pub use demand::Demands;
pub use duration::{InvalidDuration, parse_duration};
pub use measurements::Measurements;
pub use names::{NAMES, name_of};
pub use paths::{InvalidPath, Paths};
pub use profile::{Distribution, InvalidProfile, Kind, Profile};
pub use serve::{DRAIN_LIMIT, serve};
pub use slots::{Served, Slots};
pub use upload::UPLOAD_LIMIT_BYTES;
