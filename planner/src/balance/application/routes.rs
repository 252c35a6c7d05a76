//! The routes: attributes of the target groups, the listener, and a rule for each cluster.

use api::Placement;
use jiff::Timestamp;

use super::wanted::{RuleSpec, TargetGroupSpec, routes, rules};
use crate::desired::BALANCER_PORT;
use crate::effect::Action;
use crate::plan::Plan;
use crate::ports::{Listener, ListenerRequest, ListenerRule, LoadBalancer, RuleRequest, TargetGroup};
use crate::world::{Application, World};

/// Makes what is missing, and removes rules that are not wanted (any more). Whether all is as it is to be.
pub(super) fn plan(
    world: &World,
    placement: &Placement,
    plan: &mut Plan,
    balancer: &LoadBalancer,
    seen: &Application,
    groups: &[(&TargetGroupSpec, &TargetGroup)],
) -> bool {
    let before = plan.effects.len();
    for (wanted, group) in groups {
        if seen.attributes.get(&group.arn).is_some_and(|attributes| *attributes != wanted.attributes) {
            let (arn, name, to) = (group.arn.clone(), group.name.clone(), wanted.attributes);
            plan.act(Action::SetAttributes { arn, name, to }, "the target group has others");
        }
    }
    let are_seen = groups.iter().all(|(_, group)| seen.attributes.contains_key(&group.arn));
    let Some(listener) = seen.listeners.iter().find(|listener| listener.port == BALANCER_PORT) else {
        let request = ListenerRequest {
            load_balancer_arn: balancer.arn.clone(),
            port: BALANCER_PORT,
            tags: super::front::tags(world, placement),
            not_after: not_after(world),
        };
        plan.act(Action::CreateListener { name: balancer.name.clone(), request }, "the load balancer has none");
        return false;
    };
    let by_arn: Vec<_> = groups.iter().map(|(wanted, group)| (*wanted, group.arn.as_str())).collect();
    let wanted = rules(routes(world, &by_arn));
    for rule in &listener.rules {
        if wanted.get(&rule.priority).is_none_or(|wanted| !is(rule, wanted)) {
            let (arn, name, priority) = (rule.arn.clone(), balancer.name.clone(), rule.priority);
            plan.act(Action::DeleteRule { arn, name, priority }, "the spec asks for another one, or for none");
        }
    }
    for (priority, wanted) in &wanted {
        // One that is in the way is deleted above, and seen to be gone before its number is used again.
        if listener.rules.iter().all(|rule| rule.priority != *priority) {
            let request = request(world, placement, listener, *priority, wanted);
            plan.act(Action::CreateRule { name: balancer.name.clone(), request }, "the listener has none for the path");
        }
    }
    are_seen && plan.effects.len() == before
}

fn is(rule: &ListenerRule, wanted: &RuleSpec) -> bool {
    rule.paths == wanted.paths && rule.forward == wanted.forward
}

fn request(world: &World, placement: &Placement, listener: &Listener, priority: u32, wanted: &RuleSpec) -> RuleRequest {
    RuleRequest {
        listener_arn: listener.arn.clone(),
        priority,
        paths: wanted.paths.clone(),
        forward: wanted.forward.clone(),
        tags: super::front::tags(world, placement),
        not_after: not_after(world),
    }
}

/// Listener and rules go with their load balancer, so they need no line in status: a call that comes late makes nothing
/// that is left alone.
fn not_after(world: &World) -> Timestamp {
    world.now + world.settings.launch_window
}
