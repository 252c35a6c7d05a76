//! The parts that balancer, load generator and starter share: arguments, listener, health, signature check, drain, logs,
//! limits of the machine and how busy it is, and the relay of balancer, front and generator to the members: errands to starters, programs to loaders.
//!
//! An agent's main is: [`log_to_stderr`], [`raise_open_files`], parse [`ControlArgs`], [`listen`], then [`serve`] its
//! own routes merged with [`Readiness::routes`] behind [`Guard::protect`] or [`Guard::protect_relaying`], until [`Termination`] is received.

mod arguments;
mod busy;
mod deliveries;
mod exchange;
mod guard;
mod kernel;
mod listener;
mod logs;
mod open_files;
mod own_limit;
mod problem;
mod readiness;
mod relay;
mod termination;

pub use arguments::{Control, ControlArgs};
pub use busy::Busy;
pub use guard::{BODY_LIMIT_BYTES, Guard};
pub use kernel::kernel_boot;
pub use listener::{Drain, HEAD_TIMEOUT, listen, serve};
pub use logs::log_to_stderr;
pub use open_files::raise_open_files;
pub use own_limit::{is_of_one_address, own_limit, own_limit_at_start};
pub use problem::{Problem, document, version};
pub use readiness::Readiness;
pub use termination::Termination;
