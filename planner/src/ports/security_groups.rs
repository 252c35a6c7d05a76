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

    /// One rule per call; one that is not there (any more) is a success.
    fn revoke_ingress(&self, group_id: &str, rule: &Rule) -> impl Future<Output = Answer<()>> + Send;

    /// *Errors*: `DependencyViolation` while an interface or a rule of another group refers to it. A group that
    /// does not exist (any more) is a success.
    fn delete_group(&self, group_id: &str) -> impl Future<Output = Answer<()>> + Send;

    /// Groups, whoever's they are, that have a rule which names this group, in or out. It may be among them itself.
    fn groups_naming(&self, group_id: &str) -> impl Future<Output = Answer<Vec<Group>>> + Send;

    /// Network interfaces in a group.
    fn interfaces(&self, group_id: &str) -> impl Future<Output = Answer<Vec<Interface>>> + Send;
}

/// A security group, with its ingress rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Id, such as `sg-0123456789abcdef0`.
    pub id: String,
    /// Name, unique in its VPC.
    pub name: String,
    /// Id of its VPC.
    pub vpc_id: String,
    /// All its tags.
    pub tags: Tags,
    /// Rules for what comes in, those of TCP.
    pub ingress: Vec<Rule>,
}

/// A CreateSecurityGroup call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRequest {
    /// Name, unique in its VPC.
    pub name: String,
    /// Description for people.
    pub description: String,
    /// Id of the VPC.
    pub vpc_id: String,
    /// Tags that are written in the same call.
    pub tags: Tags,
    /// Last moment of the call, see [`LaunchRequest`].
    pub not_after: Timestamp,
}

/// One ingress rule, TCP.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rule {
    /// First port.
    pub from_port: u16,
    /// Last port.
    pub to_port: u16,
    /// Where requests may come from.
    pub source: Source,
}

/// The source that a rule lets in.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// Without host bits: EC2 lists `100.68.0.18/18` as `100.68.0.0/18` (API reference, IpRange.CidrIp), and rules are
    /// compared by value.
    Cidr(Ipv4Net),
    /// Members of this group, by group id.
    Group(String),
}

/// A network interface in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Id, such as `eni-0123456789abcdef0`.
    pub id: String,
    /// Status in EC2's words.
    pub status: String,
    /// Id of the instance that it belongs to, if any.
    pub instance_id: Option<String>,
}
