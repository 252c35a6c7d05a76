//! The simulation's answers, behaviour by behaviour.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in tests a panic is the report")]

mod balancer_permissions;
mod balancer_ports;
mod balancing;
mod bucket_permissions;
mod bucket_ports;
mod buckets;
mod capacity;
mod connections;
mod faults;
mod groups;
mod knobs;
mod lifecycle;
mod lists;
mod load_balancers;
mod messages;
mod metrics;
mod permissions;
mod ports;
mod power;
mod prices;
mod profiles;
mod properties;
mod queues;
mod rehearsals;
mod stale_reads;
mod surroundings;
mod target_health;
mod tokens;
mod volumes;
mod world;
