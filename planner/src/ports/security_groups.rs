//! Security groups and the interfaces in them.

use std::future::Future;

use ipnet::Ipv4Net;
use jiff::Timestamp;

use super::Answer;
use crate::owner::Tags;

/// Security groups and the interfaces in them.
pub trait SecurityGroups {
    /// Groups that carry all of these tags, their rules included. Without tags it is refused: that would list everything.
    fn groups(&self, with: &Tags) -> impl Future<Output = Answer<Vec<Group>>> + Send;

    /// *Errors*: `AlreadyExists` when the VPC has a group of this name. `TooLate` = it was not sent.
    fn create_group(&self, group: &GroupRequest) -> impl Future<Output = Answer<String>> + Send;

    /// One rule per call; a rule that exists already is a success.
    fn authorize_ingress(&self, group_id: &str, rule: &Rule) -> impl Future<Output = Answer<()>> + Send;

    /// *Errors*: `DependencyViolation` while an interface or a rule of another group refers to it. A group that
    /// does not exist (any more) is a success.
    fn delete_group(&self, group_id: &str) -> impl Future<Output = Answer<()>> + Send;

    /// Groups, whoever's they are, that have a rule which names this group, in or out. It may be among them itself.
    fn groups_naming(&self, group_id: &str) -> impl Future<Output = Answer<Vec<Group>>> + Send;

    /// Network interfaces in a group.
    fn interfaces(&self, group_id: &str) -> impl Future<Output = Answer<Vec<Interface>>> + Send;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub id: String,
    pub name: String,
    pub vpc_id: String,
    pub tags: Tags,
    pub ingress: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRequest {
    pub name: String,
    pub description: String,
    pub vpc_id: String,
    pub tags: Tags,
    /// Last moment of the call, see [`LaunchRequest`].
    pub not_after: Timestamp,
}

/// One ingress rule, TCP.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rule {
    pub from_port: u16,
    pub to_port: u16,
    pub source: Source,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// Without host bits: EC2 lists `100.68.0.18/18` as `100.68.0.0/18` (API reference, IpRange.CidrIp), and rules are
    /// compared by value.
    Cidr(Ipv4Net),
    /// Members of this group, by group id.
    Group(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    pub id: String,
    pub status: String,
    pub instance_id: Option<String>,
}
