//! Listeners and rules, to and from the SDK.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::{
    self as sdk, Action, ActionTypeEnum, FixedResponseActionConfig, ForwardActionConfig, PathPatternConditionConfig,
    RuleCondition, TargetGroupTuple,
};
use planner::ports::{Answer, ListenerRule};

use super::number;
use crate::sdk::failure::{incomplete, need};

/// Field of a condition on the path (API reference, RuleCondition).
const PATH: &str = "path-pattern";

/// ARN and port of a listener.
pub(super) fn head(from: sdk::Listener) -> Answer<(String, u16)> {
    let arn = need(from.listener_arn, "ARN", "a listener")?;
    let port = need(from.port, "port", &arn)?;
    let port = u16::try_from(port).map_err(|_| incomplete(format_args!("{arn} with the port {port}")))?;
    Ok((arn, port))
}

/// All rules but the default one, in the order of their priority.
pub(super) fn rules(found: Vec<sdk::Rule>) -> Answer<Vec<ListenerRule>> {
    let others = found.into_iter().filter(|rule| rule.is_default != Some(true));
    let mut rules = others.map(rule).collect::<Answer<Vec<_>>>()?;
    rules.sort_by_key(|rule| rule.priority);
    Ok(rules)
}

fn rule(from: sdk::Rule) -> Answer<ListenerRule> {
    let arn = need(from.rule_arn, "ARN", "a rule")?;
    let priority = need(from.priority, "priority", &arn)?;
    let priority = priority.parse().map_err(|_| incomplete(format_args!("{arn} with the priority `{priority}`")))?;
    // One that rewrites what it takes is none of ours (API reference, RuleTransform).
    let conditions = from.conditions.filter(|_| from.transforms.unwrap_or_default().is_empty());
    Ok(ListenerRule {
        paths: paths(conditions.unwrap_or_default()),
        forward: weights(&arn, from.actions.unwrap_or_default())?,
        priority,
        arn,
    })
}

/// Patterns of the path, if that is all that a rule asks for: with another condition it takes less than its paths say.
fn paths(conditions: Vec<RuleCondition>) -> Vec<String> {
    let Ok([condition]) = <[RuleCondition; 1]>::try_from(conditions) else { return Vec::new() };
    if condition.field.as_deref() != Some(PATH) {
        return Vec::new();
    }
    let config = condition.path_pattern_config.and_then(|config| config.values);
    let mut paths = config.or(condition.values).unwrap_or_default();
    paths.sort();
    paths
}

/// Weights of the groups that a rule forwards to, if that is all that it does.
fn weights(rule: &str, actions: Vec<Action>) -> Answer<BTreeMap<String, u32>> {
    let Ok([action]) = <[Action; 1]>::try_from(actions) else { return Ok(BTreeMap::new()) };
    if action.r#type != Some(ActionTypeEnum::Forward) {
        return Ok(BTreeMap::new());
    }
    // The short form names one group, the long one weighs each; an answer has both when there is one group.
    let Some(groups) = action.forward_config.and_then(|config| config.target_groups) else {
        return Ok(BTreeMap::from([(need(action.target_group_arn, "target group", rule)?, 1)]));
    };
    let groups = groups.into_iter().map(|group| {
        let arn = need(group.target_group_arn, "ARN of a target group", rule)?;
        let weight = group.weight.unwrap_or(1);
        let weight = u32::try_from(weight).map_err(|_| incomplete(format_args!("{rule} with the weight {weight}")))?;
        Ok((arn, weight))
    });
    groups.collect()
}

/// The default action of a listener.
pub(super) fn not_found() -> Action {
    let answer = FixedResponseActionConfig::builder().status_code("404").content_type("text/plain").build();
    Action::builder().r#type(ActionTypeEnum::FixedResponse).fixed_response_config(answer).build()
}

pub(super) fn condition(paths: &[String]) -> RuleCondition {
    let paths = PathPatternConditionConfig::builder().set_values(Some(paths.to_vec())).build();
    RuleCondition::builder().field(PATH).path_pattern_config(paths).build()
}

pub(super) fn forward(weights: &BTreeMap<String, u32>) -> Answer<Action> {
    let groups = weights.iter().map(|(arn, weight)| {
        Ok(TargetGroupTuple::builder().target_group_arn(arn).weight(number(*weight, "weight")?).build())
    });
    let config = ForwardActionConfig::builder().set_target_groups(Some(groups.collect::<Answer<_>>()?)).build();
    Ok(Action::builder().r#type(ActionTypeEnum::Forward).forward_config(config).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(priority: &str) -> sdk::Rule {
        let weights = BTreeMap::from([("arn:1".to_owned(), 1), ("arn:2".to_owned(), 3)]);
        let paths = ["/b/*", "/b"].map(str::to_owned);
        sdk::Rule::builder()
            .rule_arn(format!("arn:rule/{priority}"))
            .priority(priority)
            .is_default(priority == "default")
            .conditions(condition(&paths))
            .actions(forward(&weights).unwrap())
            .build()
    }

    #[test]
    fn rules_are_read_as_they_are_written_without_the_default_one() {
        let found = rules(vec![told("20"), told("default"), told("3")]).unwrap();
        assert_eq!(found.iter().map(|rule| rule.priority).collect::<Vec<_>>(), [3, 20]);
        assert_eq!(found[0].paths, ["/b", "/b/*"]);
        assert_eq!(found[0].forward, BTreeMap::from([("arn:1".to_owned(), 1), ("arn:2".to_owned(), 3)]));
    }

    #[test]
    fn the_short_forms_of_an_older_client_mean_the_same() {
        let condition = RuleCondition::builder().field(PATH).values("/a").build();
        let action = Action::builder().r#type(ActionTypeEnum::Forward).target_group_arn("arn:1").build();
        let rule = sdk::Rule { conditions: Some(vec![condition]), actions: Some(vec![action]), ..told("1") };
        let found = rules(vec![rule]).unwrap().remove(0);
        assert_eq!((found.paths, found.forward), (vec!["/a".to_owned()], BTreeMap::from([("arn:1".to_owned(), 1)])));
    }

    #[test]
    fn what_takes_less_or_does_more_is_not_taken_for_ours() {
        let header = RuleCondition::builder().field("http-header").build();
        let narrowed = sdk::Rule { conditions: Some(vec![condition(&["/a".to_owned()]), header]), ..told("1") };
        let rewritten = sdk::Rule { transforms: Some(vec![sdk::RuleTransform::builder().build()]), ..told("1") };
        for rule in [narrowed, rewritten] {
            assert_eq!(rules(vec![rule]).unwrap()[0].paths, Vec::<String>::new());
        }
        let login = Action::builder().r#type(ActionTypeEnum::AuthenticateOidc).build();
        let forwards = told("1").actions.unwrap_or_default().remove(0);
        for actions in [vec![not_found()], vec![login, forwards], vec![]] {
            let rule = sdk::Rule { actions: Some(actions), ..told("1") };
            assert_eq!(rules(vec![rule]).unwrap()[0].forward, BTreeMap::new());
        }
    }

    #[test]
    fn a_rule_that_lacks_something_spoils_the_list() {
        for spoil in [
            (|rule: &mut sdk::Rule| rule.rule_arn = None) as fn(&mut sdk::Rule),
            |rule| rule.priority = None,
            |rule| rule.priority = Some("first".into()),
        ] {
            let mut odd = told("2");
            spoil(&mut odd);
            assert!(rules(vec![told("1"), odd.clone()]).is_err(), "{odd:?}");
        }
    }
}
