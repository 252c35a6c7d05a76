//! The actions of listeners.

use std::sync::Arc;

use cloudsim::elb::{About, CreateListener, DescribeListeners, Listener};
use cloudsim::{Call, Outcome};
use serde::Serialize;

use super::actions::{self, ActionItem};
use super::page;
use super::shapes::Members;
use crate::aws::exchange::{Exchange, Sent};
use crate::aws::protocol::query::missing;

const HTTP: &str = "HTTP";

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Listeners {
    listeners: Members<ListenerItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListenerItem {
    listener_arn: String,
    load_balancer_arn: String,
    port: u16,
    protocol: &'static str,
    default_actions: Members<ActionItem>,
}

pub(super) fn create(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let params = &mut exchange.params;
    params.only("Protocol", HTTP)?;
    let request = Arc::new(CreateListener {
        load_balancer_arn: params.need("LoadBalancerArn")?,
        port: params.value("Port")?.ok_or_else(|| missing("Port"))?,
        default_action: actions::take(params, "DefaultActions")?,
        tags: params.tags("Tags.member")?,
    });
    let about = About::NewListener(request.clone());
    exchange.carry_out(
        |call| Call { about: about.into(), ..call },
        move |sim, now| sim.elb(now).create_listener(&request),
        |listener| Listeners { listeners: Members::of([listener], ListenerItem::of), next_marker: None },
    )
}

pub(super) fn describe(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let params = &mut exchange.params;
    let request = DescribeListeners {
        load_balancer_arn: params.text("LoadBalancerArn"),
        arns: params.texts("ListenerArns.member"),
        page: page(params)?,
    };
    exchange.carry_out(
        |call| call,
        move |sim, now| sim.elb(now).describe_listeners(&request),
        |page| Listeners { listeners: Members::of(page.items, ListenerItem::of), next_marker: page.next_token },
    )
}

impl ListenerItem {
    fn of(listener: Arc<Listener>) -> Self {
        Self {
            listener_arn: listener.arn.clone(),
            load_balancer_arn: listener.load_balancer_arn.clone(),
            port: listener.port,
            protocol: HTTP,
            default_actions: actions::shape(&listener.default_action),
        }
    }
}
