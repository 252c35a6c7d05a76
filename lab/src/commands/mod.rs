//! The commands of `lab`, a file each; `demo` has a folder of its own.

pub(crate) mod chaos;
pub(crate) mod down;
pub(crate) mod env;
pub(crate) mod logs;
pub(crate) mod status;
pub(crate) mod up;
