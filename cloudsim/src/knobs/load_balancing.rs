//! Knobs of load balancers and of the metrics that they report.

use super::value::{SWITCH, show_switch, switch};
use super::{Kind, Knob};
use crate::settings::Provisioned;

pub(super) const KNOBS: &[Knob] = &[
    Knob {
        name: "elb-lag",
        says: "load balancers, target groups, listeners, rules and targets appear and change this much later",
        source: "aws-load-balancer-controller#1472, terraform-provider-aws#6154, terraform-provider-aws#15214",
        kind: Kind::OwnLag(|settings| &mut settings.load_balancing.lag),
    },
    Knob {
        name: "elb-provisioning",
        says: "a load balancer is provisioning for this long",
        source: "terraform-provider-aws#8054, hashicorp/terraform#24799: over 10 and 30 minutes",
        kind: Kind::Span(|settings| &mut settings.load_balancing.provisioning),
    },
    Knob {
        name: "elb-provisioned",
        says: "what a load balancer comes to after that; never: it goes on provisioning",
        source: "API reference, LoadBalancerState; hashicorp/terraform#11333",
        kind: Kind::Other {
            form: "active, impaired, failed or never",
            show: |settings| settings.load_balancing.provisioned.name().to_owned(),
            take: |settings, text, _| {
                settings.load_balancing.provisioned = Provisioned::ALL.into_iter().find(|one| one.name() == text)?;
                Some(())
            },
        },
    },
    Knob {
        name: "elb-interface-linger",
        says: "interfaces stay this long after their load balancer is deleted, and keep its groups from being deleted",
        source: "aws-load-balancer-controller#208, kubernetes#109698, cluster-api-provider-aws#1846",
        kind: Kind::Span(|settings| &mut settings.load_balancing.interface_linger),
    },
    Knob {
        name: "elb-used-linger",
        says: "a target group counts as used (ResourceInUse) this long after its last rule is gone",
        source: "aws-load-balancer-controller#4848",
        kind: Kind::Span(|settings| &mut settings.load_balancing.used_linger),
    },
    Knob {
        name: "elb-quota",
        says: "so many load balancers may exist (TooManyLoadBalancers)",
        source: "ELB user guide, \"Quotas for your Application Load Balancers\"",
        kind: Kind::Limit(|settings| &mut settings.load_balancing.balancer_quota),
    },
    Knob {
        name: "elb-group-quota",
        says: "so many target groups may exist (TooManyTargetGroups)",
        source: "ELB user guide, \"Quotas for your Application Load Balancers\"",
        kind: Kind::Limit(|settings| &mut settings.load_balancing.group_quota),
    },
    Knob {
        name: "elb-tags-are-settings",
        says: "a repeated create with other tags is a duplicate",
        source: "not documented by AWS for ELBv2; of classic load balancers ansible#29965",
        kind: Kind::Other {
            form: SWITCH,
            show: |settings| show_switch(settings.load_balancing.tags_are_settings),
            take: |settings, text, _| {
                settings.load_balancing.tags_are_settings = switch(text)?;
                Some(())
            },
        },
    },
    Knob {
        name: "elb-first",
        says: "the account never had a load balancer: the first one needs iam:CreateServiceLinkedRole",
        source: "ELB user guide, \"Service-linked roles\"",
        kind: Kind::Other {
            form: SWITCH,
            show: |settings| show_switch(settings.load_balancing.is_first),
            take: |settings, text, _| {
                settings.load_balancing.is_first = switch(text)?;
                Some(())
            },
        },
    },
    Knob {
        name: "elb-scaling",
        says: "a node of a load balancer gets another address, and again after so long",
        source: "ELB user guide, \"How Elastic Load Balancing works\": addresses change as it scales",
        kind: Kind::Span(|settings| &mut settings.load_balancing.scaling),
    },
    Knob {
        name: "elb-by-hand",
        says: "somebody retags a load balancer or target group, deletes a rule or takes a target out, and again",
        source: "cluster-api-provider-aws#4629",
        kind: Kind::Span(|settings| &mut settings.load_balancing.manual_changes),
    },
    Knob {
        name: "target-start",
        says: "a program answers checks this long after its instance runs (where processes stand behind: as they do)",
        source: "any program",
        kind: Kind::Span(|settings| &mut settings.load_balancing.program_start),
    },
    Knob {
        name: "target-flaps",
        says: "a healthy target fails its checks for a while, and another one after so long",
        source: "ELB user guide, \"Health checks for your target groups\"",
        kind: Kind::Span(|settings| &mut settings.load_balancing.flaps),
    },
    Knob {
        name: "metric-lag",
        says: "samples show in CloudWatch this much later, each for itself: minutes fill up while one looks",
        source: "Netflix/atlas#1300, yet-another-cloudwatch-exporter#242",
        kind: Kind::Span(|settings| &mut settings.load_balancing.metric_lag),
    },
];
