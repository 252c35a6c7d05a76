//! Short ways to say things of load balancers in these tests.

use std::sync::Arc;

use cloudsim::ec2::{CreateSecurityGroup, RunInstances};
use cloudsim::elb::{
    Attributes, CreateListener, CreateLoadBalancer, CreateRule, CreateTargetGroup, DEREGISTRATION_DELAY, LoadBalancer,
    RuleAction,
};
use cloudsim::{LoadBalancing, Outcome, Settings, Sim, Span};
use planner::owner::Tags;
use planner::ports::{HealthCheck, Scheme};

use crate::world::{SUBNET_A, SUBNET_B, VPC, at, exact, ids, request_in};

/// Provisions in a hundred seconds, lets interfaces linger for sixty, and programs answer at once: all exact.
pub(crate) fn steady() -> Settings {
    Settings {
        load_balancing: LoadBalancing {
            provisioning: Span::seconds(100, 100),
            interface_linger: Span::seconds(60, 60),
            program_start: Span::NONE,
            ..LoadBalancing::default()
        },
        ..exact()
    }
}

pub(crate) fn security_group(sim: &mut Sim, second: i64) -> String {
    let request = CreateSecurityGroup {
        name: "balancer".into(),
        description: "balancer".into(),
        vpc_id: Some(VPC.into()),
        tags: Tags::new(),
    };
    sim.ec2(at(second)).create_security_group(&request).unwrap()
}

pub(crate) fn balancer(name: &str) -> CreateLoadBalancer {
    CreateLoadBalancer {
        name: name.into(),
        scheme: Scheme::Internal,
        subnet_ids: vec![SUBNET_A.into(), SUBNET_B.into()],
        group_ids: Vec::new(),
        tags: [("owner".to_owned(), "us".to_owned())].into(),
    }
}

pub(crate) fn target_group(name: &str) -> CreateTargetGroup {
    CreateTargetGroup {
        name: name.into(),
        port: 8080,
        vpc_id: VPC.into(),
        health_check: HealthCheck {
            path: "/health".into(),
            interval_seconds: 5,
            timeout_seconds: 2,
            healthy_count: 3,
            unhealthy_count: 2,
            statuses: "200-299".into(),
        },
        tags: [("owner".to_owned(), "us".to_owned())].into(),
    }
}

pub(crate) fn not_found() -> RuleAction {
    RuleAction::FixedResponse { status: 404, content_type: "text/plain".into(), body: String::new() }
}

pub(crate) fn listener(balancer_arn: &str, port: u16) -> CreateListener {
    CreateListener { load_balancer_arn: balancer_arn.into(), port, default_action: not_found(), tags: Tags::new() }
}

pub(crate) fn rule(listener_arn: &str, priority: u32, path: &str, group_arn: &str) -> CreateRule {
    CreateRule {
        listener_arn: listener_arn.into(),
        priority,
        paths: vec![path.into(), format!("{path}/*")],
        action: RuleAction::Forward([(group_arn.to_owned(), 1)].into()),
        tags: Tags::new(),
    }
}

pub(crate) fn create_balancer(sim: &mut Sim, name: &str, second: i64) -> Outcome<Arc<LoadBalancer>> {
    sim.elb(at(second)).create_load_balancer(&balancer(name))
}

/// A load balancer with a listener and a rule that forwards to a target group: their ARNs.
pub(crate) struct Chain {
    pub(crate) balancer: String,
    pub(crate) listener: String,
    pub(crate) group: String,
    pub(crate) rule: String,
}

pub(crate) fn chain(sim: &mut Sim, second: i64) -> Chain {
    let balancer = create_balancer(sim, "cb-one", second).unwrap().arn.clone();
    let group = sim.elb(at(second)).create_target_group(&target_group("cb-group")).unwrap().arn;
    let listener = sim.elb(at(second)).create_listener(&listener(&balancer, 8080)).unwrap().arn.clone();
    let rule = sim.elb(at(second)).create_rule(&rule(&listener, 1, "/cluster1", &group)).unwrap().arn.clone();
    Chain { balancer, listener, group, rule }
}

/// Sets the delay of a target group.
pub(crate) fn set_delay(sim: &mut Sim, group: &str, seconds: u32, second: i64) {
    let to = Attributes::from([(DEREGISTRATION_DELAY.to_owned(), seconds.to_string())]);
    sim.elb(at(second)).modify_target_group_attributes(group, &to).unwrap();
}

/// Instances in a subnet, which run ten seconds later.
pub(crate) fn launch_in(sim: &mut Sim, subnet: &str, count: u32, token: &str, second: i64) -> Vec<String> {
    let request: RunInstances = request_in(subnet, count, token);
    ids(&sim.ec2(at(second)).run_instances(&request).unwrap())
}

/// State and reason code of each target, in the order of the ids.
pub(crate) fn health(sim: &mut Sim, group: &str, ids: &[String], second: i64) -> Vec<String> {
    let found = sim.elb(at(second)).describe_target_health(group, ids).unwrap();
    let text = |id: &String| {
        let one = found.iter().find(|one| one.instance_id == *id).unwrap();
        let reason = one.reason.as_ref().map(|reason| format!(" {reason}")).unwrap_or_default();
        format!("{}{reason}", one.state.name())
    };
    ids.iter().map(text).collect()
}
