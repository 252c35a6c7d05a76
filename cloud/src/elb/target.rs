//! Targets of an answer.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::TargetHealthDescription;
use planner::ports::{Answer, Target, TargetState};

use crate::sdk::failure::need;

/// Each instance once, in the order of their ids. One on two ports is as good as the worse of them.
pub(super) fn all(found: Vec<TargetHealthDescription>) -> Answer<Vec<Target>> {
    let mut targets: BTreeMap<String, Target> = BTreeMap::new();
    for from in found {
        let target = target(from)?;
        match targets.get(&target.instance_id) {
            Some(known) if known.state != TargetState::Healthy => (),
            _ => drop(targets.insert(target.instance_id.clone(), target)),
        }
    }
    Ok(targets.into_values().collect())
}

fn target(from: TargetHealthDescription) -> Answer<Target> {
    let instance_id = need(from.target.and_then(|target| target.id), "id", "a target")?;
    let health = need(from.target_health, "health", &instance_id)?;
    let state = need(health.state, "state", &instance_id)?;
    Ok(Target {
        state: TargetState::parse(state.as_str()),
        reason: health.reason.map(|reason| reason.as_str().to_owned()).filter(|reason| !reason.is_empty()),
        description: health.description.filter(|text| !text.is_empty()),
        instance_id,
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_elasticloadbalancingv2::types::{
        TargetDescription, TargetHealth, TargetHealthReasonEnum, TargetHealthStateEnum,
    };

    use super::*;

    fn told(id: &str, state: &str) -> TargetHealthDescription {
        let health = TargetHealth::builder().state(TargetHealthStateEnum::from(state));
        let health = health.reason(TargetHealthReasonEnum::Timeout).description("Request timed out").build();
        let target = TargetDescription::builder().id(id).port(8080).build();
        TargetHealthDescription::builder().target(target).target_health(health).build()
    }

    #[test]
    fn each_instance_is_there_once_with_its_worse_state() {
        for states in [["healthy", "unhealthy"], ["unhealthy", "healthy"]] {
            let found = all(vec![told("i-2", "healthy"), told("i-1", states[0]), told("i-1", states[1])]).unwrap();
            let states: Vec<_> = found.iter().map(|target| (target.instance_id.as_str(), target.state)).collect();
            assert_eq!(states, [("i-1", TargetState::Unhealthy), ("i-2", TargetState::Healthy)]);
            assert_eq!(found[0].reason.as_deref(), Some("Target.Timeout"));
        }
    }

    #[test]
    fn a_new_state_serves_nobody_and_no_state_is_no_answer() {
        assert_eq!(all(vec![told("i-1", "unhealthy.draining")]).unwrap()[0].state, TargetState::Unavailable);
        let mut odd = told("i-2", "healthy");
        odd.target_health = None;
        assert!(all(vec![told("i-1", "healthy"), odd]).is_err());
    }
}
