//! Security groups and interfaces.

use std::sync::Arc;

use planner::owner::Tags;
use planner::ports::{Answer, Group, GroupRequest, Interface, Rule, SecurityGroups, Source};
use planner::{CloudError, Failure};

use super::{SharedSim, tagged};
use crate::ec2::{
    About, Action, CreateSecurityGroup, NetworkInterface, Permission, PermissionSource, Protocol, SecurityGroup,
};
use crate::engine::query::{Filter, Query};
use crate::sim::Call;

impl SecurityGroups for SharedSim {
    async fn groups(&self, with: &Tags) -> Answer<Vec<Group>> {
        let query = Query::filtered(tagged(with));
        let groups =
            self.all(Action::DescribeSecurityGroups, query, |ec2, query| ec2.describe_security_groups(query))?;
        Ok(groups.iter().map(|group| group_of(group)).collect())
    }

    async fn create_group(&self, group: &GroupRequest) -> Answer<String> {
        CloudError::too_late(group.not_after, self.now())?;
        let request = CreateSecurityGroup {
            name: group.name.clone(),
            description: group.description.clone(),
            vpc_id: Some(group.vpc_id.clone()),
            tags: group.tags.clone(),
        };
        let request = Arc::new(request);
        let call = Call::about(About::NewGroup(request.clone()));
        self.call(call, move |sim, now| sim.ec2(now).create_security_group(&request))
    }

    async fn authorize_ingress(&self, group_id: &str, rule: &Rule) -> Answer<()> {
        let (id, permission) = (group_id.to_owned(), permission(rule));
        let call = Call::about(About::Group(Action::AuthorizeSecurityGroupIngress, id.clone()));
        let answer = self.call(call, move |sim, now| sim.ec2(now).authorize_ingress(&id, &[(permission, None)]));
        match answer {
            Err(error) if error.failure == Failure::AlreadyExists => Ok(()),
            answer => answer.map(|_| ()),
        }
    }

    async fn revoke_ingress(&self, group_id: &str, rule: &Rule) -> Answer<()> {
        let (id, permission) = (group_id.to_owned(), permission(rule));
        let call = Call::about(About::Group(Action::RevokeSecurityGroupIngress, id.clone()));
        match self.call(call, move |sim, now| sim.ec2(now).revoke_ingress(&id, &[permission])) {
            Err(error) if error.failure == Failure::NotFound => Ok(()),
            answer => answer,
        }
    }

    async fn delete_group(&self, group_id: &str) -> Answer<()> {
        let id = group_id.to_owned();
        let call = Call::about(About::Group(Action::DeleteSecurityGroup, id.clone()));
        match self.call(call, move |sim, now| sim.ec2(now).delete_security_group(&id)) {
            Err(error) if error.failure == Failure::NotFound => Ok(()),
            answer => answer,
        }
    }

    async fn groups_naming(&self, group_id: &str) -> Answer<Vec<Group>> {
        let query = Query::filtered([Filter::new("ip-permission.group-id", [group_id])]);
        let groups =
            self.all(Action::DescribeSecurityGroups, query, |ec2, query| ec2.describe_security_groups(query))?;
        Ok(groups.iter().map(|group| group_of(group)).collect())
    }

    async fn interfaces(&self, group_id: &str) -> Answer<Vec<Interface>> {
        let query = Query::filtered([Filter::new("group-id", [group_id])]);
        let found =
            self.all(Action::DescribeNetworkInterfaces, query, |ec2, query| ec2.describe_network_interfaces(query))?;
        let interface_of = |interface: &std::sync::Arc<NetworkInterface>| Interface {
            id: interface.id.clone(),
            status: interface.status().into(),
            instance_id: interface.instance_id.clone(),
        };
        Ok(found.iter().map(interface_of).collect())
    }
}

fn permission(rule: &Rule) -> Permission {
    let source = match &rule.source {
        Source::Group(id) => PermissionSource::Group(id.clone()),
        Source::Cidr(network) => PermissionSource::Cidr(*network),
    };
    Permission::tcp(rule.from_port, rule.to_port, source)
}

fn group_of(group: &SecurityGroup) -> Group {
    let rule_of = |permission: &Permission| {
        let (from_port, to_port) = permission.ports?;
        let source = match &permission.source {
            PermissionSource::Cidr(network) => Source::Cidr(*network),
            PermissionSource::Group(id) => Source::Group(id.clone()),
        };
        (permission.protocol == Protocol::Tcp).then_some(Rule { from_port, to_port, source })
    };
    Group {
        id: group.id.clone(),
        name: group.name.clone(),
        vpc_id: group.vpc_id.clone(),
        tags: group.tags.clone(),
        ingress: group.ingress.iter().filter_map(|rule| rule_of(&rule.permission)).collect(),
    }
}
