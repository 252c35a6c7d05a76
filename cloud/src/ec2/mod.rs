//! EC2: the planner's ports for instances, security groups and the catalog.

mod catalog;
mod filter;
mod image;
mod instance;
mod instance_type;
mod instances;
mod launch;
mod own_vpc;
mod security_groups;
mod subnet;
mod tags;
