//! Load balancers: created once for each name, set up, listed, deleted.

use std::collections::BTreeSet;
use std::sync::Arc;

use planner::ports::{LoadBalancerState, Scheme};
use rand::RngExt;

use super::Elb;
use super::load_balancer::{CreateLoadBalancer, DescribeLoadBalancers, LoadBalancer, LoadBalancerKind, ZoneSubnet};
use super::state::{BalancerRecord, Event};
use super::validation::{check_balancer_name, check_tags, invalid};
use crate::ec2::{Subnet, Target};
use crate::engine::audit::Origin;
use crate::engine::error::{Outcome, SimError};
use crate::engine::query::Page;
use crate::engine::visibility::{Path, ReadView, Versions, later};
use crate::settings::Provisioned;

/// Addresses that each subnet must have free (user guide, "Subnets for your load balancer").
const FREE_ADDRESSES: u32 = 8;
/// Names by which one call may ask.
const NAMED: usize = 20;

impl Elb<'_> {
    /// CreateLoadBalancer. There is no client token: a load balancer of this name with these settings is answered,
    /// whoever made it; one with other settings is a duplicate (hashicorp/terraform-provider-aws#32942).
    pub fn create_load_balancer(&mut self, request: &CreateLoadBalancer) -> Outcome<Arc<LoadBalancer>> {
        let outcome = self.create_balancer(request);
        let name = &request.name;
        match &outcome {
            Ok(balancer) => self.engine.tell(format!("CreateLoadBalancer {name} -> {}", balancer.arn)),
            Err(error) => self.engine.tell(format!("CreateLoadBalancer {name} refused: {error}")),
        }
        outcome
    }

    fn create_balancer(&mut self, request: &CreateLoadBalancer) -> Outcome<Arc<LoadBalancer>> {
        check_balancer_name(&request.name)?;
        check_tags(&request.tags)?;
        let subnets = self.subnets_of(request)?;
        let group_ids = self.groups_of(request, &subnets)?;
        if let Some(existing) = self.state.all_load_balancers().find(|one| one.name == request.name).cloned() {
            return self.repeated(&existing, request, &subnets, &group_ids);
        }
        self.check_gateway(request.scheme, &subnets)?;
        let made = self.state.all_load_balancers().count();
        if self.settings.load_balancing.balancer_quota.is_some_and(|quota| made >= quota as usize) {
            let message = "The maximum number of load balancers has been reached";
            return Err(SimError::new("TooManyLoadBalancers", message));
        }
        let subnets_now: Vec<Subnet> = self.ec2().subnets_now();
        for at in &subnets {
            let subnet = subnets_now.iter().find(|subnet| subnet.id == at.subnet_id);
            if subnet.is_none_or(|subnet| self.ec2().free_addresses(subnet) < FREE_ADDRESSES) {
                let message = format!(
                    "Not enough IP space available in {}. ELB requires at least {FREE_ADDRESSES} free IP addresses in \
                     each subnet.",
                    at.subnet_id
                );
                return Err(SimError::new("InvalidSubnet", message));
            }
        }
        let balancer = self.add_balancer(request, LoadBalancerKind::Application, subnets, group_ids, Origin::Called);
        *self.state.made.load_balancers.entry(request.name.clone()).or_default() += 1;
        let span = self.settings.load_balancing.provisioning;
        let millis = self.draw(span, |random| &mut random.times);
        self.after(millis, Event::Provisioned(balancer.arn.clone()));
        Ok(balancer)
    }

    /// The answer to a name that is taken. Scheme, subnets, groups and type are settings; whether tags are is not
    /// documented (of classic load balancers they are: ansible/ansible#29965).
    fn repeated(
        &self,
        existing: &Arc<LoadBalancer>,
        request: &CreateLoadBalancer,
        subnets: &[ZoneSubnet],
        group_ids: &[String],
    ) -> Outcome<Arc<LoadBalancer>> {
        let set = |ids: &[String]| ids.iter().cloned().collect::<BTreeSet<_>>();
        let has_equal_settings = existing.kind == LoadBalancerKind::Application
            && existing.scheme == request.scheme
            && existing.subnets == subnets
            && set(&existing.group_ids) == set(group_ids);
        let has_equal_tags = !self.settings.load_balancing.tags_are_settings || existing.tags == request.tags;
        if has_equal_settings && has_equal_tags {
            return Ok(existing.clone());
        }
        let message =
            format!("A load balancer with the same name '{}' exists, but with different settings", request.name);
        Err(SimError::new("DuplicateLoadBalancerName", message))
    }

    /// One that faces the internet needs a gateway to it (openshift/installer#1110). That its subnets' routes lead there is not
    /// checked: see [`Elb::provisioned`].
    fn check_gateway(&self, scheme: Scheme, subnets: &[ZoneSubnet]) -> Outcome<()> {
        let vpc_id = self.vpc_of(subnets);
        let tables = self.ec2.network().route_tables.iter().filter(|table| table.vpc_id == vpc_id);
        let leads_out = |target: &Target| matches!(target, Target::InternetGateway(_));
        let has_gateway = tables.flat_map(|table| &table.routes).any(|route| leads_out(&route.target));
        if scheme == Scheme::InternetFacing && !has_gateway {
            return Err(SimError::new("InvalidSubnet", format!("VPC {vpc_id} has no internet gateway")));
        }
        Ok(())
    }

    fn subnets_of(&mut self, request: &CreateLoadBalancer) -> Outcome<Vec<ZoneSubnet>> {
        let known = self.ec2().subnets_now();
        let mut found: Vec<Subnet> = Vec::new();
        for id in &request.subnet_ids {
            let subnet = known
                .iter()
                .find(|subnet| subnet.id == *id)
                .ok_or_else(|| SimError::new("SubnetNotFound", format!("The subnet ID '{id}' does not exist")))?;
            if found.iter().any(|other| other.zone == subnet.zone) {
                let message = "A load balancer cannot be attached to multiple subnets in the same Availability Zone";
                return Err(SimError::new("InvalidConfigurationRequest", message));
            }
            found.push(subnet.clone());
        }
        if found.len() < 2 {
            return Err(invalid("At least two subnets in two different Availability Zones must be specified"));
        }
        if found.iter().any(|subnet| subnet.vpc_id != found[0].vpc_id) {
            return Err(SimError::new("InvalidSubnet", "All subnets must belong to the same VPC"));
        }
        if let Some(without) = found.iter().find(|subnet| subnet.cidr.is_none()) {
            return Err(SimError::new("InvalidSubnet", format!("The subnet '{}' has no IPv4 CIDR block", without.id)));
        }
        found.sort_by(|one, other| one.zone.cmp(&other.zone));
        Ok(found.into_iter().map(|subnet| ZoneSubnet { zone: subnet.zone, subnet_id: subnet.id }).collect())
    }

    /// Ids of the security groups, which must be in the VPC of the subnets.
    fn groups_of(&mut self, request: &CreateLoadBalancer, subnets: &[ZoneSubnet]) -> Outcome<Vec<String>> {
        let vpc_id = self.vpc_of(subnets);
        if request.group_ids.is_empty() {
            return Ok(self.ec2().default_group_of(&vpc_id).into_iter().collect());
        }
        for id in &request.group_ids {
            let group = self.ec2().shown_group(id);
            if group.is_none_or(|group| group.vpc_id != vpc_id) {
                let message = format!("The security group '{id}' does not exist in VPC '{vpc_id}'");
                return Err(SimError::new("InvalidSecurityGroup", message));
            }
        }
        Ok(request.group_ids.clone())
    }

    pub(super) fn vpc_of(&self, subnets: &[ZoneSubnet]) -> String {
        let subnet = subnets.first().and_then(|at| self.ec2.network().subnet(&at.subnet_id));
        subnet.map(|subnet| subnet.vpc_id.clone()).unwrap_or_default()
    }

    pub(super) fn add_balancer(
        &mut self,
        request: &CreateLoadBalancer,
        kind: LoadBalancerKind,
        subnets: Vec<ZoneSubnet>,
        group_ids: Vec<String>,
        origin: Origin,
    ) -> Arc<LoadBalancer> {
        let (id, number) = (self.state.new_id(), self.state.random.ids.random_range(100_000_000..2_000_000_000u64));
        let (name, region) = (&request.name, &self.settings.region);
        let arn = self.arn(&format!("loadbalancer/{}/{name}/{id}", kind.in_arn()));
        let internal = if request.scheme == Scheme::Internal { "internal-" } else { "" };
        let balancer = LoadBalancer {
            arn: arn.clone(),
            origin,
            name: name.clone(),
            kind,
            scheme: request.scheme,
            vpc_id: self.vpc_of(&subnets),
            state: LoadBalancerState::Provisioning,
            state_reason: None,
            dns_name: format!("{internal}{name}-{number}.{region}.elb.amazonaws.com"),
            hosted_zone_id: "Z32O12XQLNTSW2".into(),
            subnets,
            group_ids,
            created_at: self.engine.now(),
            tags: request.tags.clone(),
        };
        let nodes = self.add_nodes(&balancer);
        let lag = self.draw_lag();
        let made = Arc::new(balancer.clone());
        let seen = Versions::new(balancer, self.engine.now(), lag);
        self.state.balancers.insert(arn, BalancerRecord { seen, nodes });
        self.state.version += 1;
        made
    }

    /// `arn:aws:elasticloadbalancing:REGION:ACCOUNT:` and what follows.
    pub(super) fn arn(&self, resource: &str) -> String {
        let (region, account) = (&self.settings.region, &self.settings.account);
        format!("arn:aws:elasticloadbalancing:{region}:{account}:{resource}")
    }

    /// It leaves `provisioning`, or stays there: an internet-facing one without a way to the internet does so for ever.
    pub(super) fn provisioned(&mut self, arn: &str) {
        let Some(balancer) = self.state.load_balancer(arn).cloned() else { return };
        let (state, reason) = match self.settings.load_balancing.provisioned {
            Provisioned::Never => return,
            _ if balancer.scheme == Scheme::InternetFacing && !self.reaches_the_internet(&balancer) => return,
            Provisioned::Active => (LoadBalancerState::Active, None),
            Provisioned::Impaired => {
                let reason = "The load balancer does not have the resources it needs to scale";
                (LoadBalancerState::ActiveImpaired, Some(reason))
            }
            Provisioned::Failed => (LoadBalancerState::Failed, Some("The load balancer could not be set up")),
        };
        if state != LoadBalancerState::Active {
            self.engine.count("load balancer not active");
        }
        self.engine.tell(format!("{} is {}", balancer.name, state.name()));
        self.update_balancer(arn, |balancer| {
            balancer.state = state;
            balancer.state_reason = reason.map(str::to_owned);
        });
        self.check_targets_of_balancer(arn);
    }

    fn reaches_the_internet(&self, balancer: &LoadBalancer) -> bool {
        let network = self.ec2.network();
        let way_out = |at: &ZoneSubnet| network.way_out(network.subnet(&at.subnet_id)?);
        balancer.subnets.iter().all(|at| matches!(way_out(at), Some(Target::InternetGateway(_))))
    }

    pub(super) fn update_balancer(&mut self, arn: &str, change: impl FnOnce(&mut LoadBalancer)) {
        let lag = self.draw_lag();
        let now = self.engine.now();
        let Some(record) = self.state.balancers.get_mut(arn) else { return };
        let Some(truth) = record.seen.truth() else { return };
        let mut changed = LoadBalancer::clone(truth);
        change(&mut changed);
        record.seen.push(Some(changed), now, lag);
        self.state.version += 1;
    }

    /// DescribeLoadBalancers. An ARN or name that is not there refuses all of it.
    pub fn describe_load_balancers(&mut self, request: &DescribeLoadBalancers) -> Outcome<Page<Arc<LoadBalancer>>> {
        let DescribeLoadBalancers { arns, names, page } = request;
        if !arns.is_empty() && !names.is_empty() {
            return Err(invalid("Only one of load balancer ARNs or names can be specified"));
        }
        if arns.len().max(names.len()) > NAMED {
            return Err(invalid(format!("Up to {NAMED} load balancers can be named in one call")));
        }
        let view = self.read_view(if arns.is_empty() { Path::Tag } else { Path::Id });
        let forgotten_at = self.engine.forgotten_at(self.settings.stale_reads);
        self.state.balancers.retain(|_, record| !(record.seen.is_forgotten(forgotten_at) && record.nodes.is_empty()));
        self.list(page, &[arns, names], |elb| {
            let all = elb.seen_balancers(view);
            let has = |fits: &dyn Fn(&LoadBalancer) -> bool| all.iter().any(|balancer| fits(balancer));
            let no_arn = arns.iter().find(|arn| !has(&|balancer| balancer.arn == **arn));
            let no_name = names.iter().find(|name| !has(&|balancer| balancer.name == **name));
            if let Some(missing) = no_arn.or(no_name) {
                return Err(balancer_not_found(missing));
            }
            let is_named = |one: &&Arc<LoadBalancer>| {
                arns.is_empty() && names.is_empty() || arns.contains(&one.arn) || names.contains(&one.name)
            };
            Ok(all.iter().filter(is_named).cloned().collect())
        })
    }

    fn seen_balancers(&self, view: ReadView) -> Vec<Arc<LoadBalancer>> {
        let here = self.state.balancers.values().filter(|_| !self.is_elsewhere());
        here.filter_map(|record| record.seen.seen(view)).cloned().collect()
    }

    /// The load balancer that a caller who names it sees.
    pub(super) fn shown_balancer(&self, arn: &str, view: ReadView) -> Outcome<Arc<LoadBalancer>> {
        let record = self.state.balancers.get(arn).filter(|_| !self.is_elsewhere());
        record.and_then(|record| record.seen.seen(view)).cloned().ok_or_else(|| balancer_not_found(arn))
    }

    /// DeleteLoadBalancer, with its listeners and their rules. One that is not there, or that this call does not see
    /// yet, is a success (API reference, DeleteLoadBalancer).
    pub fn delete_load_balancer(&mut self, arn: &str) -> Outcome<()> {
        if !arn.contains(":loadbalancer/") {
            return Err(invalid(format!("'{arn}' is not a valid load balancer ARN")));
        }
        let view = self.read_view(Path::Id);
        let shown = self.shown_balancer(arn, view).ok().and(self.state.load_balancer(arn)).cloned();
        let Some(balancer) = shown else {
            self.engine.tell(format!("DeleteLoadBalancer {arn}: there is none"));
            return Ok(());
        };
        self.engine.touch(balancer.origin, || format!("DeleteLoadBalancer {}", balancer.name));
        self.engine.tell(format!("DeleteLoadBalancer {}", balancer.name));
        let of_balancer = self.state.live_listeners();
        for listener in of_balancer.iter().filter(|listener| listener.load_balancer_arn == arn) {
            self.remove_listener(&listener.arn);
        }
        let (now, lag) = (self.engine.now(), self.draw_lag());
        if let Some(record) = self.state.balancers.get_mut(arn) {
            record.seen.push(None, now, lag);
        }
        self.state.version += 1;
        let span = self.settings.load_balancing.interface_linger;
        let linger = self.draw(span, |random| &mut random.times);
        self.after(linger, Event::InterfacesGone(arn.to_owned()));
        Ok(())
    }

    /// A target group counts as used for a while after the last rule that named it is gone
    /// (kubernetes-sigs/aws-load-balancer-controller#4848).
    pub(super) fn released(&mut self, target_group_arn: &str) {
        let span = self.settings.load_balancing.used_linger;
        let until = later(self.engine.now(), self.draw(span, |random| &mut random.times));
        let is_used = !self.state.users_of(target_group_arn).is_empty();
        if let Some(record) = self.state.groups.get_mut(target_group_arn).filter(|_| !is_used) {
            record.used_until = Some(until);
        }
    }
}

pub(super) fn balancer_not_found(name: &str) -> SimError {
    SimError::new("LoadBalancerNotFound", format!("Load balancers '[{name}]' not found"))
}
