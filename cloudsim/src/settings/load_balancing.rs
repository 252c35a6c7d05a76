//! Behaviour of load balancers and of the metrics that they report.

use serde::{Deserialize, Serialize};

use crate::engine::span::Span;
use crate::engine::visibility::Lag;

/// Knobs of ELBv2 and CloudWatch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct LoadBalancing {
    /// Lag of load balancers, target groups, listeners, rules and targets; [`super::Settings::lag`] when absent.
    pub lag: Option<Lag>,
    /// Time from CreateLoadBalancer to the state after `provisioning`.
    pub provisioning: Span,
    pub provisioned: Provisioned,
    /// The time that interfaces stay after their load balancer is deleted, and keep its security groups from being
    /// deleted.
    pub interface_linger: Span,
    /// The time that a target group still counts as used after the last rule that named it is gone.
    pub used_linger: Span,
    /// Load balancers in the region (`TooManyLoadBalancers`).
    pub balancer_quota: Option<u32>,
    /// Target groups in the region (`TooManyTargetGroups`).
    pub group_quota: Option<u32>,
    /// Other tags under the same name are other settings, so that a repeated create is a duplicate.
    pub tags_are_settings: bool,
    /// The account has never had a load balancer: the first one needs `iam:CreateServiceLinkedRole`.
    pub is_first: bool,
    /// Time from `running` to the first answer of the program on an instance, as imagined checks find it.
    pub program_start: Span,
    /// From one healthy target that fails its checks for a while to the next; [`Span::NONE`]: never.
    pub flaps: Span,
    /// From one node that gets another address to the next; [`Span::NONE`]: never.
    pub scaling: Span,
    /// From one change by hand to the next; [`Span::NONE`]: never.
    pub manual_changes: Span,
    /// The time after which a sample shows in CloudWatch: minutes fill up that long after they are over.
    pub metric_lag: Span,
}

impl Default for LoadBalancing {
    fn default() -> Self {
        Self {
            lag: None,
            provisioning: Span::seconds(60, 180),
            provisioned: Provisioned::Active,
            interface_linger: Span::seconds(10, 60),
            used_linger: Span::NONE,
            // User guide, "Quotas for your Application Load Balancers".
            balancer_quota: Some(50),
            group_quota: Some(3000),
            tags_are_settings: false,
            is_first: false,
            program_start: Span::seconds(5, 30),
            flaps: Span::NONE,
            scaling: Span::NONE,
            manual_changes: Span::NONE,
            metric_lag: Span::NONE,
        }
    }
}

/// The state that a load balancer comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Provisioned {
    #[default]
    Active,
    /// It routes, and lacks resources to scale.
    Impaired,
    /// It could not be set up.
    Failed,
    /// None: it is `provisioning` for ever (hashicorp/terraform#11333).
    Never,
}

impl Provisioned {
    pub const ALL: [Self; 4] = [Self::Active, Self::Impaired, Self::Failed, Self::Never];

    /// Its name as a value of a knob.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Impaired => "impaired",
            Self::Failed => "failed",
            Self::Never => "never",
        }
    }
}
