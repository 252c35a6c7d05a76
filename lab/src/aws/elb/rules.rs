//! The actions of rules.

use std::sync::Arc;

use cloudsim::elb::{About, Action, CreateRule, DescribeRules, Rule};
use cloudsim::{Call, Outcome};
use serde::Serialize;

use super::actions::{self, ActionItem};
use super::page;
use super::shapes::{Members, Nothing};
use crate::aws::exchange::{Exchange, Sent, not_simulated};
use crate::aws::protocol::query::{Params, missing};

/// The only field of a condition that is simulated.
const PATH: &str = "path-pattern";

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Rules {
    rules: Members<RuleItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct RuleItem {
    rule_arn: String,
    priority: String,
    conditions: Members<Condition>,
    actions: Members<ActionItem>,
    is_default: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Condition {
    field: &'static str,
    values: Members<String>,
    path_pattern_config: PathPattern,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct PathPattern {
    values: Members<String>,
}

pub(super) fn create(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let params = &mut exchange.params;
    let request = Arc::new(CreateRule {
        listener_arn: params.need("ListenerArn")?,
        priority: params.value("Priority")?.ok_or_else(|| missing("Priority"))?,
        paths: paths(params)?,
        action: actions::take(params, "Actions")?,
        tags: params.tags("Tags.member")?,
    });
    let about = About::NewRule(request.clone());
    exchange.carry_out(
        |call| Call { about: about.into(), ..call },
        move |sim, now| sim.elb(now).create_rule(&request),
        |rule| Rules { rules: Members::of([rule], RuleItem::of), next_marker: None },
    )
}

/// Takes the paths of the one condition, in the long or the short form.
fn paths(params: &mut Params) -> Outcome<Vec<String>> {
    let items = params.items("Conditions.member");
    let [item] = items.as_slice() else {
        return Err(match items.len() {
            0 => missing("Conditions"),
            many => not_simulated("Conditions", &format!("{many} conditions")),
        });
    };
    let field = format!("{item}.Field");
    match params.need(&field)?.as_str() {
        PATH => (),
        other => return Err(not_simulated(&field, other)),
    }
    let long = params.texts(&format!("{item}.PathPatternConfig.Values.member"));
    if long.is_empty() { Ok(params.texts(&format!("{item}.Values.member"))) } else { Ok(long) }
}

pub(super) fn describe(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let params = &mut exchange.params;
    let request = DescribeRules {
        listener_arn: params.text("ListenerArn"),
        arns: params.texts("RuleArns.member"),
        page: page(params)?,
    };
    exchange.carry_out(
        |call| call,
        move |sim, now| sim.elb(now).describe_rules(&request),
        |page| Rules { rules: Members::of(page.items, RuleItem::of), next_marker: page.next_token },
    )
}

pub(super) fn delete(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let arn = exchange.params.need("RuleArn")?;
    let about = About::Thing(Action::DeleteRule, arn.clone());
    exchange.carry_out(
        |call| Call { about: about.into(), ..call },
        move |sim, now| sim.elb(now).delete_rule(&arn),
        |()| Nothing {},
    )
}

impl RuleItem {
    fn of(rule: Arc<Rule>) -> Self {
        let values = || Members::of(rule.paths.iter().cloned(), |path| path);
        let condition =
            || Condition { field: PATH, values: values(), path_pattern_config: PathPattern { values: values() } };
        Self {
            rule_arn: rule.arn.clone(),
            priority: rule.priority.map_or_else(|| "default".to_owned(), |priority| priority.to_string()),
            conditions: Members::of((!rule.paths.is_empty()).then(condition), |one| one),
            actions: actions::shape(&rule.action),
            is_default: rule.priority.is_none(),
        }
    }
}
