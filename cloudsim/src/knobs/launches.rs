//! Knobs of launches: tokens, capacity, quotas.

use super::value::{SWITCH, show_limit, show_switch, switch};
use super::{Kind, Knob, value};
use crate::ec2::instance_types;
use crate::settings::{AfterFailure, AfterTermination, CapacityPool, Plan, QuotaCheck, Settings};

pub(super) const KNOBS: &[Knob] = &[
    Knob {
        name: "failed-launch-burns-token",
        says: "a launch without capacity binds its token to its parameters",
        source: "ubicloud#5898",
        kind: Kind::Other {
            form: SWITCH,
            show: |settings| show_switch(settings.token.after_failure == AfterFailure::Burnt),
            take: |settings, text, _| {
                settings.token.after_failure = if switch(text)? { AfterFailure::Burnt } else { AfterFailure::Free };
                Some(())
            },
        },
    },
    Knob {
        name: "terminated-token",
        says: "what a repeat of a launch answers when its instances are terminated: an error, or 200 as before 2025",
        source: "boto3#4406",
        kind: Kind::Other {
            form: "refused or old-answer",
            show: |settings| match settings.token.after_termination {
                AfterTermination::Refused => "refused".to_owned(),
                AfterTermination::OldAnswer => "old-answer".to_owned(),
            },
            take: |settings, text, _| {
                settings.token.after_termination = match text {
                    "refused" => AfterTermination::Refused,
                    "old-answer" => AfterTermination::OldAnswer,
                    _ => return None,
                };
                Some(())
            },
        },
    },
    Knob {
        name: "quota-before-token",
        says: "a repeat of a launch that used up the quota is refused, although it would change nothing",
        source: "not documented by AWS: the order of the checks is open",
        kind: Kind::Other {
            form: SWITCH,
            show: |settings| show_switch(settings.token.quota_check == QuotaCheck::BeforeToken),
            take: |settings, text, _| {
                let check = if switch(text)? { QuotaCheck::BeforeToken } else { QuotaCheck::AfterToken };
                settings.token.quota_check = check;
                Some(())
            },
        },
    },
    Knob {
        name: "capacity",
        says: "so many instances of a type fit into a zone (InsufficientInstanceCapacity, HTTP 500)",
        source: "EC2 error codes; terraform-provider-aws#21293",
        kind: Kind::Other {
            form: "a number for every pool, pools such as t2.micro/eu-west-1a:4,t2.micro/eu-west-1b:0, or off",
            show: show_capacity,
            take: |settings, text, _| take_capacity(settings, text),
        },
    },
    Knob {
        name: "no-capacity",
        says: "so many launches find no capacity, whatever the pools hold",
        source: "terraform-provider-aws#1496",
        kind: Kind::Rate(|settings| &mut settings.no_capacity_per_mille),
    },
    Knob {
        name: "vcpu-quota",
        says: "so many vCPUs may be live at the same time (VcpuLimitExceeded)",
        source: "EC2 user guide, \"Amazon EC2 service quotas\"",
        kind: Kind::Limit(|settings| &mut settings.vcpu_quota),
    },
    Knob {
        name: "quota-linger",
        says: "the quota goes on counting a terminated instance this long",
        source: "EC2 developer guide, \"Eventual consistency\" (InstanceLimitExceeded)",
        kind: Kind::Span(|settings| &mut settings.quota_linger),
    },
    Knob {
        name: "subnet-addresses",
        says: "a subnet has so many addresses (InsufficientFreeAddressesInSubnet)",
        source: "EC2 error codes",
        kind: Kind::Limit(|settings| &mut settings.subnet_addresses),
    },
    Knob {
        name: "free-plan",
        says: "only types that are eligible for the free tier may be launched",
        source: "karpenter-provider-aws#9004",
        kind: Kind::Other {
            form: SWITCH,
            show: |settings| show_switch(settings.plan == Plan::Free),
            take: |settings, text, _| {
                settings.plan = if switch(text)? { Plan::Free } else { Plan::Paid };
                Some(())
            },
        },
    },
];

fn show_capacity(settings: &Settings) -> String {
    let named = settings.capacity.iter().map(|pool| format!("{}/{}:{}", pool.instance_type, pool.zone, pool.count));
    let all = settings.pool_capacity.map(|count| count.to_string());
    let words: Vec<String> = all.into_iter().chain(named).collect();
    if words.is_empty() { show_limit(None) } else { words.join(",") }
}

/// The whole of it: pools that are not named have no limit, or the one that goes without a name.
fn take_capacity(settings: &mut Settings, text: &str) -> Option<()> {
    (settings.pool_capacity, settings.capacity) = (None, Vec::new());
    if text == value::OFF {
        return Some(());
    }
    for word in text.split(',') {
        let Some((pool, count)) = word.rsplit_once(':') else {
            settings.pool_capacity = Some(value::limit(word)??);
            continue;
        };
        let (instance_type, zone) = pool.split_once('/')?;
        instance_types::instance_type(instance_type)?;
        let zone = super::surroundings::zone(settings, zone)?;
        let count = value::limit(count)??;
        settings.capacity.push(CapacityPool { instance_type: instance_type.to_owned(), zone, count });
    }
    Some(())
}
