//! The actions of security groups.

use std::sync::Arc;

use cloudsim::ec2::{
    About, Action, CreateSecurityGroup, IngressRule, Permission, PermissionSource, Protocol, SecurityGroup,
};
use cloudsim::{Call, Outcome, SimError};
use planner::owner::Tags;
use serde::Serialize;

use super::shapes::{Items, Return, Tag, tags};
use crate::aws::exchange::{Exchange, Sent, not_simulated};
use crate::aws::protocol::query::Params;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    #[serde(rename = "return")]
    value: bool,
    group_id: String,
    tag_set: Items<Tag>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Groups {
    security_group_info: Items<GroupInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupInfo {
    owner_id: String,
    group_id: String,
    group_name: String,
    group_description: String,
    vpc_id: String,
    ip_permissions: Items<PermissionItem>,
    ip_permissions_egress: Items<PermissionItem>,
    tag_set: Items<Tag>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PermissionItem {
    ip_protocol: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_port: Option<u16>,
    groups: Items<Pair>,
    ip_ranges: Items<Range>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Pair {
    user_id: String,
    group_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Range {
    cidr_ip: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Authorized {
    #[serde(rename = "return")]
    value: bool,
    security_group_rule_set: Items<RuleItem>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RuleItem {
    security_group_rule_id: String,
    group_id: String,
    group_owner_id: String,
    is_egress: bool,
    ip_protocol: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cidr_ipv4: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    referenced_group_info: Option<Referenced>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Referenced {
    group_id: String,
    user_id: String,
}

pub(crate) fn create(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let params = &mut exchange.params;
    let mut group_tags = Tags::new();
    for (kind, tags) in params.tag_specifications()? {
        if kind != "security-group" {
            let message = format!("'{kind}' is not a valid taggable resource type for this operation.");
            return Err(SimError::new("InvalidParameterValue", message));
        }
        group_tags.extend(tags);
    }
    let request = Arc::new(CreateSecurityGroup {
        name: params.need("GroupName")?,
        description: params.need("GroupDescription")?,
        vpc_id: params.text("VpcId"),
        tags: group_tags.clone(),
    });
    let about = About::NewGroup(request.clone());
    exchange.carry_out(
        |call| Call { about: about.into(), ..call },
        move |sim, now| sim.ec2(now).create_security_group(&request),
        |group_id| Created { value: true, group_id, tag_set: tags(&group_tags) },
    )
}

pub(crate) fn describe(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let account = exchange.account.clone();
    let query = exchange.params.query("GroupId")?;
    let is_bare = query.is_bare();
    exchange.carry_out(
        |call| call.bare(is_bare),
        move |sim, now| sim.ec2(now).describe_security_groups(&query),
        |page| Groups {
            security_group_info: Items::of(&page.items, |group| GroupInfo::of(&account, group)),
            next_token: page.next_token,
        },
    )
}

pub(crate) fn authorize(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let account = exchange.account.clone();
    let id = exchange.params.need("GroupId")?;
    let permissions = permissions(&mut exchange.params)?;
    let group_id = id.clone();
    let about = About::Group(Action::AuthorizeSecurityGroupIngress, id.clone());
    exchange.carry_out(
        |call| Call { about: about.into(), ..call },
        move |sim, now| sim.ec2(now).authorize_ingress(&id, &permissions),
        |rules| Authorized {
            value: true,
            security_group_rule_set: Items::of(&rules, |rule| RuleItem::of(&account, &group_id, rule)),
        },
    )
}

pub(crate) fn revoke(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let id = exchange.params.need("GroupId")?;
    let permissions: Vec<_> =
        permissions(&mut exchange.params)?.into_iter().map(|(permission, _)| permission).collect();
    let about = About::Group(Action::RevokeSecurityGroupIngress, id.clone());
    exchange.carry_out(
        |call| Call { about: about.into(), ..call },
        move |sim, now| sim.ec2(now).revoke_ingress(&id, &permissions),
        |()| Return { value: true },
    )
}

pub(crate) fn delete(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let id = exchange.params.need("GroupId")?;
    let about = About::Group(Action::DeleteSecurityGroup, id.clone());
    exchange.carry_out(
        |call| Call { about: about.into(), ..call },
        move |sim, now| sim.ec2(now).delete_security_group(&id),
        |()| Return { value: true },
    )
}

/// `IpPermissions.N` with all their sources, or the one rule that the short form (`IpProtocol`, `FromPort`, `CidrIp`)
/// says.
fn permissions(params: &mut Params) -> Outcome<Vec<(Permission, Option<String>)>> {
    let mut all = Vec::new();
    for item in params.items("IpPermissions") {
        let (protocol, ports) = protocol_and_ports(params, &format!("{item}."))?;
        for range in params.items(&format!("{item}.IpRanges")) {
            let source = cidr(&params.need(&format!("{range}.CidrIp"))?)?;
            all.push((Permission { protocol, ports, source }, params.text(&format!("{range}.Description"))));
        }
        for pair in params.items(&format!("{item}.Groups")) {
            let source = PermissionSource::Group(params.need(&format!("{pair}.GroupId"))?);
            // Whose group it is; all groups here are of one account.
            params.text(&format!("{pair}.UserId"));
            all.push((Permission { protocol, ports, source }, params.text(&format!("{pair}.Description"))));
        }
    }
    if all.is_empty() {
        let (protocol, ports) = protocol_and_ports(params, "")?;
        let source = cidr(&params.need("CidrIp")?)?;
        all.push((Permission { protocol, ports, source }, None));
    }
    Ok(all)
}

fn protocol_and_ports(params: &mut Params, prefix: &str) -> Outcome<(Protocol, Option<(u16, u16)>)> {
    let name = params.need(&format!("{prefix}IpProtocol"))?;
    let protocol = Protocol::parse(&name).ok_or_else(|| not_simulated("IpProtocol", &name))?;
    let mut port = |name: &str| params.value::<i32>(&format!("{prefix}{name}"));
    let wrong = |from: i32, to: i32| {
        SimError::new("InvalidParameterValue", format!("Invalid TCP/UDP port range ({from}:{to})"))
    };
    let ports = match (port("FromPort")?, port("ToPort")?) {
        // For all protocols EC2 opens all ports, whatever is asked for; -1 means all of them.
        _ if protocol == Protocol::All => None,
        (None | Some(-1), None | Some(-1)) if protocol == Protocol::Icmp => None,
        (Some(from), Some(to)) => match (u16::try_from(from), u16::try_from(to)) {
            (Ok(first), Ok(last)) if first <= last => Some((first, last)),
            _ => return Err(wrong(from, to)),
        },
        _ => return Err(SimError::new("MissingParameter", "The request must contain FromPort and ToPort")),
    };
    Ok((protocol, ports))
}

fn cidr(text: &str) -> Outcome<PermissionSource> {
    let parsed = text.parse().map(PermissionSource::Cidr);
    parsed.map_err(|_| SimError::new("InvalidParameterValue", format!("CIDR block {text} is malformed")))
}

impl GroupInfo {
    fn of(account: &str, group: &Arc<SecurityGroup>) -> Self {
        let everywhere = Range { cidr_ip: "0.0.0.0/0".into(), description: None };
        let everything = PermissionItem {
            ip_protocol: "-1",
            from_port: None,
            to_port: None,
            groups: Items { item: Vec::new() },
            ip_ranges: Items { item: vec![everywhere] },
        };
        Self {
            owner_id: account.to_owned(),
            group_id: group.id.clone(),
            group_name: group.name.clone(),
            group_description: group.description.clone(),
            vpc_id: group.vpc_id.clone(),
            ip_permissions: Items { item: permission_items(account, &group.ingress) },
            ip_permissions_egress: Items { item: vec![everything] },
            tag_set: tags(&group.tags),
        }
    }
}

/// One item per protocol and range of ports, with all its sources, as EC2 lists them.
fn permission_items(account: &str, rules: &[IngressRule]) -> Vec<PermissionItem> {
    let mut keys: Vec<(Protocol, Option<(u16, u16)>)> = Vec::new();
    for IngressRule { permission, .. } in rules {
        if !keys.contains(&(permission.protocol, permission.ports)) {
            keys.push((permission.protocol, permission.ports));
        }
    }
    let item = |(protocol, ports): (Protocol, Option<(u16, u16)>)| {
        let (mut pairs, mut ranges) = (Vec::new(), Vec::new());
        let of_key = rules.iter().filter(|rule| (rule.permission.protocol, rule.permission.ports) == (protocol, ports));
        for IngressRule { permission, description, .. } in of_key {
            let description = description.clone();
            match &permission.source {
                PermissionSource::Cidr(cidr) => ranges.push(Range { cidr_ip: cidr.to_string(), description }),
                PermissionSource::Group(id) => {
                    pairs.push(Pair { user_id: account.to_owned(), group_id: id.clone(), description });
                }
            }
        }
        PermissionItem {
            ip_protocol: protocol.name(),
            from_port: ports.map(|(from, _)| from),
            to_port: ports.map(|(_, to)| to),
            groups: Items { item: pairs },
            ip_ranges: Items { item: ranges },
        }
    };
    keys.into_iter().map(item).collect()
}

impl RuleItem {
    fn of(account: &str, group_id: &str, rule: &IngressRule) -> Self {
        let Permission { protocol, ports, source } = &rule.permission;
        let (cidr_ipv4, referenced) = match source {
            PermissionSource::Cidr(cidr) => (Some(cidr.to_string()), None),
            PermissionSource::Group(id) => {
                (None, Some(Referenced { group_id: id.clone(), user_id: account.to_owned() }))
            }
        };
        Self {
            security_group_rule_id: rule.id.clone(),
            group_id: group_id.to_owned(),
            group_owner_id: account.to_owned(),
            is_egress: false,
            ip_protocol: protocol.name(),
            from_port: ports.map(|(from, _)| from),
            to_port: ports.map(|(_, to)| to),
            cidr_ipv4,
            referenced_group_info: referenced,
            description: rule.description.clone(),
        }
    }
}
