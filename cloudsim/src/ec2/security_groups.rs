//! Security groups: made, opened, kept from deletion, deleted.

use std::sync::Arc;

use planner::owner::Tags;

use super::Ec2;
use super::group::{CreateSecurityGroup, IngressRule, Permission, PermissionSource, SecurityGroup, group_not_found};
use super::tags::check_tags;
use crate::engine::audit::Origin;
use crate::engine::error::{Outcome, SimError};
use crate::engine::query::{Page, Query, accepts, check};
use crate::engine::visibility::{Path, ReadView, Versions};

/// EC2's default quota of rules per group and direction.
const RULES_PER_GROUP: usize = 60;
/// EC2's limit on group names and descriptions.
const NAME_LIMIT: usize = 255;

impl Ec2<'_> {
    /// CreateSecurityGroup. The name must be new in its VPC: that is all the idempotency there is.
    pub fn create_security_group(&mut self, request: &CreateSecurityGroup) -> Outcome<String> {
        let vpc_id = self.vpc_of(request)?;
        check_names(request)?;
        check_tags(&request.tags)?;
        let mut groups = self.state.groups.values().filter_map(Versions::truth);
        if groups.any(|group| group.name == request.name && group.vpc_id == vpc_id) {
            self.engine.tell(format!("CreateSecurityGroup {} refused: it exists", request.name));
            let message = format!("The security group '{}' already exists for VPC '{vpc_id}'", request.name);
            return Err(SimError::new("InvalidGroup.Duplicate", message));
        }
        let id = self.add_group(request, vpc_id, Origin::Called);
        self.engine.tell(format!("CreateSecurityGroup {} -> {id}", request.name));
        Ok(id)
    }

    /// Plants a group of somebody else in the first VPC.
    pub fn plant_group(&mut self, name: &str, tags: Tags) -> Option<String> {
        let vpc_id = self.state.network.vpcs.first()?.id.clone();
        let request = CreateSecurityGroup { name: name.into(), description: "not ours".into(), vpc_id: None, tags };
        Some(self.add_group(&request, vpc_id, Origin::Planted))
    }

    fn add_group(&mut self, request: &CreateSecurityGroup, vpc_id: String, origin: Origin) -> String {
        let id = self.engine.new_id("sg");
        let group = SecurityGroup {
            id: id.clone(),
            origin,
            name: request.name.clone(),
            description: request.description.clone(),
            vpc_id,
            tags: request.tags.clone(),
            ingress: Vec::new(),
        };
        self.state.group_index.add_tags(&id, &group.tags);
        let lag = self.draw_group_lag();
        self.state.groups.insert(id.clone(), Versions::new(group, self.engine.now(), lag));
        id
    }

    pub(crate) fn vpc_of(&self, request: &CreateSecurityGroup) -> Outcome<String> {
        let vpcs = self.vpcs_now();
        match &request.vpc_id {
            Some(id) => vpcs
                .iter()
                .find(|vpc| vpc.id == *id)
                .map(|vpc| vpc.id.clone())
                .ok_or_else(|| SimError::new("InvalidVpcID.NotFound", format!("The vpc ID '{id}' does not exist"))),
            None => vpcs
                .iter()
                .find(|vpc| vpc.is_default)
                .map(|vpc| vpc.id.clone())
                .ok_or_else(|| SimError::new("VPCIdNotSpecified", "No default VPC for this user")),
        }
    }

    /// AuthorizeSecurityGroupIngress. One rule that is there already refuses all of them.
    pub fn authorize_ingress(
        &mut self,
        group_id: &str,
        permissions: &[(Permission, Option<String>)],
    ) -> Outcome<Vec<IngressRule>> {
        let view = self.read_view(Path::Id);
        let group = self.known_group(group_id, view)?;
        let permissions: Vec<_> =
            permissions.iter().map(|(permission, text)| (permission.clone().canonical(), text.clone())).collect();
        for (permission, _) in &permissions {
            if group.ingress.iter().any(|rule| rule.permission == *permission) {
                let message = "the specified rule already exists";
                return Err(SimError::new("InvalidPermission.Duplicate", message));
            }
            if let PermissionSource::Group(source) = &permission.source {
                self.known_group(source, view)?;
            }
        }
        if group.ingress.len() + permissions.len() > RULES_PER_GROUP {
            let message = "The maximum number of rules per security group has been reached.";
            return Err(SimError::new("RulesPerSecurityGroupLimitExceeded", message));
        }
        self.engine.touch(group.origin, || format!("AuthorizeSecurityGroupIngress {group_id}"));
        let mut rules = Vec::new();
        for (permission, description) in permissions {
            let id = self.engine.new_id("sgr");
            self.engine.tell(format!("AuthorizeSecurityGroupIngress {group_id} {}", text(&permission)));
            rules.push(IngressRule { id, permission, description });
        }
        let added = rules.clone();
        self.update_group(group_id, |group| group.ingress.extend(added));
        Ok(rules)
    }

    /// RevokeSecurityGroupIngress.
    pub fn revoke_ingress(&mut self, group_id: &str, permissions: &[Permission]) -> Outcome<()> {
        let view = self.read_view(Path::Id);
        let group = self.known_group(group_id, view)?;
        let permissions: Vec<_> = permissions.iter().map(|permission| permission.clone().canonical()).collect();
        let is_there = |permission: &Permission| group.ingress.iter().any(|rule| rule.permission == *permission);
        if !permissions.iter().all(is_there) {
            let message = "The specified rule does not exist in this security group.";
            return Err(SimError::new("InvalidPermission.NotFound", message));
        }
        self.engine.touch(group.origin, || format!("RevokeSecurityGroupIngress {group_id}"));
        for permission in &permissions {
            self.engine.tell(format!("RevokeSecurityGroupIngress {group_id} {}", text(permission)));
        }
        self.update_group(group_id, |group| group.ingress.retain(|rule| !permissions.contains(&rule.permission)));
        Ok(())
    }

    /// DescribeSecurityGroups.
    pub fn describe_security_groups(&mut self, query: &Query) -> Outcome<Page<Arc<SecurityGroup>>> {
        check::<SecurityGroup>(&query.filters)?;
        let by_id = !query.ids.is_empty() || query.filters.iter().any(|filter| filter.name == "group-id");
        let view = self.read_view(if by_id { Path::Id } else { Path::Tag });
        let forgotten_at = self.engine.forgotten_at(self.settings.stale_reads);
        self.state.groups.retain(|_, group| !group.is_forgotten(forgotten_at));
        self.list(query, |sim, query| {
            let seen = |id: &String| sim.state.groups.get(id).and_then(|group| group.seen(view));
            let is_missing = |id: &&String| sim.is_elsewhere() || seen(id).is_none();
            if let Some(missing) = query.ids.iter().find(is_missing) {
                return Err(group_not_found(missing));
            }
            if sim.is_elsewhere() {
                return Ok(Vec::new());
            }
            let fits = |group: &&Arc<SecurityGroup>| {
                let is_named = query.ids.is_empty() || query.ids.contains(&group.id);
                is_named && accepts(&query.filters, group.as_ref())
            };
            Ok(match sim.state.group_index.candidates(&query.filters, "group-id") {
                Some(ids) => {
                    let found = ids.into_iter().filter_map(|id| sim.state.groups.get(id)?.seen(view));
                    found.filter(fits).cloned().collect()
                }
                None => sim.state.groups.values().filter_map(|group| group.seen(view)).filter(fits).cloned().collect(),
            })
        })
    }

    /// DeleteSecurityGroup. Refused while an interface is in it or a rule of another group names it.
    pub fn delete_security_group(&mut self, group_id: &str) -> Outcome<()> {
        let view = self.read_view(Path::Id);
        let group = self.known_group(group_id, view)?;
        if group.name == "default" {
            let message = format!("the specified group: \"{group_id}\" name: \"default\" cannot be deleted by a user");
            return Err(SimError::new("CannotDelete", message));
        }
        self.engine.touch(group.origin, || format!("DeleteSecurityGroup {group_id}"));
        if let Some(user) = self.user_of(group_id) {
            self.engine.tell(format!("DeleteSecurityGroup {group_id} refused: {user} uses it"));
            let message = format!("resource {group_id} has a dependent object");
            return Err(SimError::new("DependencyViolation", message));
        }
        let lag = self.draw_group_lag();
        if let Some(record) = self.state.groups.get_mut(group_id) {
            record.push(None, self.engine.now(), lag);
        }
        self.engine.tell(format!("DeleteSecurityGroup {group_id}"));
        Ok(())
    }

    /// The interface or group that keeps a group from being deleted, in truth.
    fn user_of(&self, group_id: &str) -> Option<String> {
        let mut interfaces = self.state.interfaces.values().filter_map(Versions::truth);
        let interface = interfaces.find(|interface| interface.groups.iter().any(|group| group.id == group_id));
        let names = |group: &Arc<SecurityGroup>| {
            let source = PermissionSource::Group(group_id.to_owned());
            group.id != group_id && group.ingress.iter().any(|rule| rule.permission.source == source)
        };
        let mut groups = self.state.groups.values().filter_map(Versions::truth);
        interface.map(|interface| interface.id.clone()).or_else(|| Some(groups.find(|group| names(group))?.id.clone()))
    }

    /// The truth of a group that a caller can see by id.
    fn known_group(&self, id: &str, view: ReadView) -> Outcome<Arc<SecurityGroup>> {
        let record = self.state.groups.get(id).filter(|record| !self.is_elsewhere() && record.seen(view).is_some());
        record.and_then(Versions::truth).cloned().ok_or_else(|| group_not_found(id))
    }

    fn draw_group_lag(&mut self) -> [u64; 3] {
        self.engine.draw_lag(self.settings.group_lag.unwrap_or(self.settings.lag))
    }

    /// Changes a group's rules.
    pub(crate) fn update_group(&mut self, id: &str, change: impl FnOnce(&mut SecurityGroup)) {
        let lag = self.engine.draw_lag(self.settings.rule_lag.unwrap_or(self.settings.lag));
        let Some(record) = self.state.groups.get_mut(id) else { return };
        let Some(truth) = record.truth() else { return };
        let mut changed = SecurityGroup::clone(truth);
        change(&mut changed);
        record.push(Some(changed), self.engine.now(), lag);
    }
}

fn check_names(request: &CreateSecurityGroup) -> Outcome<()> {
    let (name, description) = (&request.name, &request.description);
    if name.is_empty() {
        return Err(SimError::missing("GroupName"));
    }
    if description.is_empty() {
        return Err(SimError::missing("GroupDescription"));
    }
    if name == "default" {
        return Err(SimError::new("InvalidGroup.Reserved", "Cannot use reserved security group name: default"));
    }
    let is_allowed = |text: &str| {
        text.len() <= NAME_LIMIT
            && text.chars().all(|c| c.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(c))
    };
    if name.starts_with("sg-") || !is_allowed(name) {
        return Err(SimError::value(format!("Value ({name}) for parameter GroupName is invalid.")));
    }
    if !is_allowed(description) {
        return Err(SimError::value(format!("Value ({description}) for parameter GroupDescription is invalid.")));
    }
    Ok(())
}

fn text(permission: &Permission) -> String {
    let ports = permission.ports.map_or("all ports".into(), |(from, to)| format!("{from}-{to}"));
    let source = match &permission.source {
        PermissionSource::Cidr(cidr) => cidr.to_string(),
        PermissionSource::Group(id) => id.clone(),
    };
    format!("{} {ports} from {source}", permission.protocol.name())
}
