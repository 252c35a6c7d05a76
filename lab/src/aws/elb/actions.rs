//! The actions of listeners and rules, to and from the wire.

use cloudsim::elb::RuleAction;
use cloudsim::{Outcome, SimError};
use serde::Serialize;

use super::shapes::Members;
use crate::aws::exchange::not_simulated;
use crate::aws::protocol::query::{Params, missing};

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ActionItem {
    #[serde(rename = "Type")]
    kind: &'static str,
    /// Said when there is one group.
    #[serde(skip_serializing_if = "Option::is_none")]
    target_group_arn: Option<String>,
    order: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    forward_config: Option<Forward>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fixed_response_config: Option<FixedResponse>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Forward {
    target_groups: Members<Weighted>,
    target_group_stickiness_config: Stickiness,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Weighted {
    target_group_arn: String,
    weight: u32,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Stickiness {
    enabled: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct FixedResponse {
    message_body: String,
    status_code: String,
    content_type: String,
}

/// Takes the one action of a list.
pub(super) fn take(params: &mut Params, list: &str) -> Outcome<RuleAction> {
    let items = params.items(&format!("{list}.member"));
    let [item] = items.as_slice() else {
        return Err(match items.len() {
            0 => missing(list),
            many => not_simulated(list, &format!("{many} actions")),
        });
    };
    // One action has no order to speak of.
    params.value::<u32>(&format!("{item}.Order"))?;
    let kind = format!("{item}.Type");
    match params.need(&kind)?.as_str() {
        "forward" => forward(params, item),
        "fixed-response" => fixed_response(params, item),
        other => Err(not_simulated(&kind, other)),
    }
}

fn forward(params: &mut Params, item: &str) -> Outcome<RuleAction> {
    params.only(&format!("{item}.ForwardConfig.TargetGroupStickinessConfig.Enabled"), "false")?;
    let short = params.text(&format!("{item}.TargetGroupArn"));
    let groups = params.items(&format!("{item}.ForwardConfig.TargetGroups.member"));
    let groups = groups.iter().map(|group| {
        let weight = params.value(&format!("{group}.Weight"))?.unwrap_or(1);
        Ok((params.need(&format!("{group}.TargetGroupArn"))?, weight))
    });
    let mut groups = groups.collect::<Outcome<std::collections::BTreeMap<_, _>>>()?;
    if let Some(arn) = short {
        // Both are allowed if they name the same one group (API reference, Action).
        let is_same = groups.len() == 1 && groups.contains_key(&arn);
        if !groups.is_empty() && !is_same {
            let message = "You cannot specify both a target group ARN and a forward config with other target groups";
            return Err(SimError::new("ValidationError", message));
        }
        groups.entry(arn).or_insert(1);
    }
    if groups.is_empty() { Err(missing(&format!("{item}.TargetGroupArn"))) } else { Ok(RuleAction::Forward(groups)) }
}

fn fixed_response(params: &mut Params, item: &str) -> Outcome<RuleAction> {
    let config = format!("{item}.FixedResponseConfig");
    let status = format!("{config}.StatusCode");
    Ok(RuleAction::FixedResponse {
        status: params.value(&status)?.ok_or_else(|| missing(&status))?,
        content_type: params.text(&format!("{config}.ContentType")).unwrap_or_else(|| "text/plain".to_owned()),
        body: params.text(&format!("{config}.MessageBody")).unwrap_or_default(),
    })
}

pub(super) fn shape(action: &RuleAction) -> Members<ActionItem> {
    let item = match action {
        RuleAction::Forward(groups) => ActionItem {
            kind: "forward",
            target_group_arn: groups.keys().next().filter(|_| groups.len() == 1).cloned(),
            order: 1,
            forward_config: Some(Forward {
                target_groups: Members::of(groups, |(arn, weight)| Weighted {
                    target_group_arn: arn.clone(),
                    weight: *weight,
                }),
                target_group_stickiness_config: Stickiness { enabled: false },
            }),
            fixed_response_config: None,
        },
        RuleAction::FixedResponse { status, content_type, body } => ActionItem {
            kind: "fixed-response",
            target_group_arn: None,
            order: 1,
            forward_config: None,
            fixed_response_config: Some(FixedResponse {
                message_body: body.clone(),
                status_code: status.to_string(),
                content_type: content_type.clone(),
            }),
        },
    };
    Members::of([item], |item| item)
}
