//! Security groups, their rules, and the interfaces in them.

use aws_sdk_ec2::types::{
    Filter, IpPermission, IpRange, NetworkInterface, ResourceType, SecurityGroup, UserIdGroupPair,
};
use jiff::Timestamp;
use planner::owner::Tags;
use planner::ports::{Answer, Group, GroupRequest, Interface, Rule, SecurityGroups, Source};
use planner::{CloudError, Failure};

use super::filter::{exactly, tagged};
use super::tags;
use crate::region::Region;
use crate::sdk::failure::{MALFORMED, need};
use crate::sdk::{pages, sent};

/// EC2's limit on groups or interfaces of one page.
const PAGE: i32 = 1_000;

/// The protocol of all our rules.
const TCP: &str = "tcp";

impl SecurityGroups for Region {
    /// *Guarantees*: every page was read to its end, and each group carries the tags that were asked for.
    /// *Errors*: `Unreachable` whenever the list could be shorter than the truth.
    /// *Cancellation*: safe, a read.
    async fn groups(&self, with: &Tags) -> Answer<Vec<Group>> {
        if with.is_empty() {
            return Err(CloudError::new(Failure::Rejected, MALFORMED, "groups without tags are not listed"));
        }
        let groups = self.groups_with(tagged(with)).await?;
        // Never believed blindly, because what is listed here may be deleted.
        match groups.iter().find(|group| !with.iter().all(|(key, value)| group.tags.get(key) == Some(value))) {
            Some(foreign) => Err(CloudError::new(
                Failure::Unreachable,
                MALFORMED,
                format!("{} was listed without the tags that were asked for", foreign.id),
            )),
            None => Ok(groups),
        }
    }

    /// *Guarantees*: exactly one request is sent; the group carries its tags from the start.
    /// *Errors*: `AlreadyExists` when the VPC has a group of this name; `Unreachable` = it may exist now.
    /// *Cancellation*: like `Unreachable`.
    async fn create_group(&self, group: &GroupRequest) -> Answer<String> {
        let call = self
            .effects
            .create_security_group()
            .group_name(&group.name)
            .description(&group.description)
            .vpc_id(&group.vpc_id)
            .tag_specifications(tags::on(ResourceType::SecurityGroup, &group.tags));
        CloudError::too_late(group.not_after, Timestamp::now())?;
        let answer = sent(call.send()).await?;
        need(answer.group_id, "id", "the new security group")
    }

    /// *Guarantees*: afterwards the rule is there; one that was there already is a success.
    /// *Cancellation*: the rule may be there or not; the call can be repeated.
    async fn authorize_ingress(&self, group_id: &str, rule: &Rule) -> Answer<()> {
        let call = self.effects.authorize_security_group_ingress().group_id(group_id).ip_permissions(permission(rule));
        match sent(call.send()).await {
            Err(error) if error.failure == Failure::AlreadyExists => Ok(()),
            outcome => outcome.map(drop),
        }
    }

    /// *Guarantees*: afterwards the rule is not there; one that was not there is a success, and so is one whose group is gone.
    /// *Cancellation*: the rule may be there or not; the call can be repeated.
    async fn revoke_ingress(&self, group_id: &str, rule: &Rule) -> Answer<()> {
        let call = self.effects.revoke_security_group_ingress().group_id(group_id).ip_permissions(permission(rule));
        match sent(call.send()).await {
            Err(error) if error.failure == Failure::NotFound => Ok(()),
            outcome => outcome.map(drop),
        }
    }

    /// *Guarantees*: afterwards the group is gone; one that was gone already is a success.
    /// *Assumptions*: a group that was just created may be unknown to this call for some minutes; who created it must
    /// look again before it is believed to be gone.
    /// *Errors*: `DependencyViolation` while an interface or a rule of another group refers to it.
    /// *Cancellation*: the group may be gone or not; the call can be repeated.
    async fn delete_group(&self, group_id: &str) -> Answer<()> {
        match sent(self.effects.delete_security_group().group_id(group_id).send()).await {
            Err(error) if error.failure == Failure::NotFound => Ok(()),
            outcome => outcome.map(drop),
        }
    }

    /// *Guarantees*: every page was read to its end. Filters of one call must all fit: there is a call for each direction.
    /// *Errors*: `Unreachable` whenever the list could be shorter than the truth.
    /// *Cancellation*: safe, a read.
    async fn groups_naming(&self, group_id: &str) -> Answer<Vec<Group>> {
        let mut groups = self.groups_with(vec![exactly("ip-permission.group-id", [group_id])]).await?;
        groups.extend(self.groups_with(vec![exactly("egress.ip-permission.group-id", [group_id])]).await?);
        groups.sort_by(|a, b| a.id.cmp(&b.id));
        groups.dedup_by(|a, b| a.id == b.id);
        Ok(groups)
    }

    /// *Guarantees*: every page was read to its end.
    /// *Errors*: `Unreachable` whenever the list could be shorter than the truth.
    /// *Cancellation*: safe, a read.
    async fn interfaces(&self, group_id: &str) -> Answer<Vec<Interface>> {
        let found = self.interfaces_with(vec![exactly("group-id", [group_id])]).await?;
        let interfaces = found.into_iter().map(|from| {
            let id = need(from.network_interface_id, "id", "a network interface")?;
            Ok(Interface {
                status: need(from.status, "status", &id)?.as_str().to_owned(),
                instance_id: from.attachment.and_then(|attachment| attachment.instance_id),
                id,
            })
        });
        interfaces.collect()
    }
}

impl Region {
    /// All interfaces that these filters let through.
    pub(super) async fn interfaces_with(&self, filters: Vec<Filter>) -> Answer<Vec<NetworkInterface>> {
        pages::all(|token| {
            let call = self.reads.describe_network_interfaces().set_filters(Some(filters.clone())).max_results(PAGE);
            async move {
                let page = sent(call.set_next_token(token).send()).await?;
                Ok((page.network_interfaces.unwrap_or_default(), page.next_token))
            }
        })
        .await
    }

    /// All groups that these filters let through.
    async fn groups_with(&self, filters: Vec<Filter>) -> Answer<Vec<Group>> {
        let found = pages::all(|token| {
            let call = self.reads.describe_security_groups().set_filters(Some(filters.clone())).max_results(PAGE);
            async move {
                let page = sent(call.set_next_token(token).send()).await?;
                Ok((page.security_groups.unwrap_or_default(), page.next_token))
            }
        });
        found.await?.into_iter().map(group).collect()
    }
}

fn permission(rule: &Rule) -> IpPermission {
    let permission =
        IpPermission::builder().ip_protocol(TCP).from_port(i32::from(rule.from_port)).to_port(i32::from(rule.to_port));
    match &rule.source {
        Source::Cidr(cidr) => permission.ip_ranges(IpRange::builder().cidr_ip(cidr.to_string()).build()).build(),
        Source::Group(id) => permission.user_id_group_pairs(UserIdGroupPair::builder().group_id(id).build()).build(),
    }
}

fn group(from: SecurityGroup) -> Answer<Group> {
    let id = need(from.group_id, "id", "a security group")?;
    let mut ingress: Vec<Rule> = from.ip_permissions.unwrap_or_default().into_iter().flat_map(rules).collect();
    ingress.sort();
    ingress.dedup();
    Ok(Group {
        name: need(from.group_name, "name", &id)?,
        vpc_id: need(from.vpc_id, "VPC", &id)?,
        tags: tags::of(from.tags),
        ingress,
        id,
    })
}

/// EC2 folds rules of the same ports into one permission. What is not ours to write (other protocols, IPv6, prefix
/// lists) is not ours to read either.
fn rules(from: IpPermission) -> Vec<Rule> {
    let port = |port: Option<i32>| port.and_then(|port| u16::try_from(port).ok());
    let (Some(TCP), Some(from_port), Some(to_port)) =
        (from.ip_protocol.as_deref(), port(from.from_port), port(from.to_port))
    else {
        return Vec::new();
    };
    let networks = from.ip_ranges.unwrap_or_default().into_iter().filter_map(|range| range.cidr_ip?.parse().ok());
    let groups =
        from.user_id_group_pairs.unwrap_or_default().into_iter().filter_map(|pair| pair.group_id).map(Source::Group);
    networks.map(Source::Cidr).chain(groups).map(|source| Rule { from_port, to_port, source }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_permissions_unfold_into_the_rules_they_were_made_of() {
        let ours = [
            Rule { from_port: 80, to_port: 81, source: Source::Cidr("10.0.0.0/8".parse().unwrap()) },
            Rule { from_port: 80, to_port: 81, source: Source::Group("sg-1".into()) },
        ];
        let mut folded = permission(&ours[0]);
        folded.user_id_group_pairs = permission(&ours[1]).user_id_group_pairs;
        let everything = IpPermission::builder()
            .ip_protocol("-1")
            .ip_ranges(IpRange::builder().cidr_ip("0.0.0.0/0").build())
            .build();
        let from = SecurityGroup::builder()
            .group_id("sg-2")
            .group_name("members")
            .vpc_id("vpc-1")
            .ip_permissions(everything)
            .ip_permissions(folded)
            .build();
        assert_eq!(group(from).unwrap().ingress, ours);
    }
}
