//! Security groups and their rules, as values.

use ipnet::Ipv4Net;
use planner::owner::Tags;

use crate::engine::audit::Origin;
use crate::engine::error::SimError;
use crate::engine::query::Filtered;

/// A group. Everything may leave it; only the ways in are rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityGroup {
    pub id: String,
    pub origin: Origin,
    pub name: String,
    pub description: String,
    pub vpc_id: String,
    pub tags: Tags,
    pub ingress: Vec<IngressRule>,
}

/// One source and one range of ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngressRule {
    pub id: String,
    pub permission: Permission,
    pub description: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Permission {
    pub protocol: Protocol,
    /// `None` for all ports.
    pub ports: Option<(u16, u16)>,
    pub source: PermissionSource,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    All,
    Tcp,
    Udp,
    Icmp,
}

impl Protocol {
    /// EC2's own name.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "-1",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "-1" => Some(Self::All),
            "tcp" | "6" => Some(Self::Tcp),
            "udp" | "17" => Some(Self::Udp),
            "icmp" | "1" => Some(Self::Icmp),
            _ => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PermissionSource {
    Cidr(Ipv4Net),
    /// Members of the group with this id.
    Group(String),
}

impl Permission {
    pub fn tcp(from_port: u16, to_port: u16, source: PermissionSource) -> Self {
        Self { protocol: Protocol::Tcp, ports: Some((from_port, to_port)), source }
    }

    /// The form in which EC2 keeps it: it drops host bits, so `100.68.0.18/18` is `100.68.0.0/18` (API reference, IpRange.CidrIp).
    pub(crate) fn canonical(mut self) -> Self {
        if let PermissionSource::Cidr(network) = &mut self.source {
            *network = network.trunc();
        }
        self
    }

    /// Whether a TCP connection to `port` is what this is about.
    pub(crate) fn covers_tcp(&self, port: u16) -> bool {
        let protocol = matches!(self.protocol, Protocol::All | Protocol::Tcp);
        protocol && self.ports.is_none_or(|(from, to)| (from..=to).contains(&port))
    }
}

/// A CreateSecurityGroup request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateSecurityGroup {
    pub name: String,
    pub description: String,
    /// The default VPC when absent.
    pub vpc_id: Option<String>,
    pub tags: Tags,
}

/// The refusal of a group that is not there.
pub(super) fn group_not_found(id: &str) -> SimError {
    SimError::new("InvalidGroup.NotFound", format!("The security group '{id}' does not exist"))
}

impl Filtered for SecurityGroup {
    // Names and meaning: DescribeSecurityGroups in the EC2 API reference.
    const FILTERS: &'static [&'static str] =
        &["group-id", "group-name", "vpc-id", "description", "ip-permission.group-id", "egress.ip-permission.group-id"];

    fn any(&self, filter: &str, is: &dyn Fn(&str) -> bool) -> bool {
        match filter {
            "group-id" => is(&self.id),
            "group-name" => is(&self.name),
            "vpc-id" => is(&self.vpc_id),
            "description" => is(&self.description),
            "ip-permission.group-id" => self.ingress.iter().any(|rule| match &rule.permission.source {
                PermissionSource::Group(id) => is(id),
                PermissionSource::Cidr(_) => false,
            }),
            // Only the ways in are rules.
            _ => false,
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}
