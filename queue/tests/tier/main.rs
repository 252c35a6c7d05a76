//! Front and puller in one process over queues and objects in memory, and each alone over HTTP.

mod aws;
mod control;
mod crashes;
mod deadly;
mod front;
mod http;
mod process;
mod puller;
mod stage;
