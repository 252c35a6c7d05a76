//! Knobs of callers, of their surroundings, and of people who change things meanwhile.

use std::collections::BTreeSet;

use super::{Kind, Knob, value};
use crate::actions::Action;
use crate::settings::{Credentials, ManualChange, PublicAccess, Settings};

/// An account has this many digits.
const ACCOUNT_DIGITS: usize = 12;
/// Zones of a region, by their last letter.
const ZONES: std::ops::RangeInclusive<char> = 'a'..='c';

pub(super) const KNOBS: &[Knob] = &[
    Knob {
        name: "account",
        says: "calls are made with credentials of this account, in which nothing is",
        source: "a role or profile that was switched; testsys (bottlerocket) destroyed in the wrong place",
        kind: Kind::Other {
            form: "an account id of 12 digits",
            show: |settings| settings.account.clone(),
            take: |settings, text, _| {
                settings.account = account(text)?;
                Some(())
            },
        },
    },
    Knob {
        name: "credentials",
        says: "calls are signed with credentials that ran out (RequestExpired), by a wrong clock, or with a deleted key (AuthFailure)",
        source: "aws-sdk-java#1443, aws-sdk-java#519, terraform#6566",
        kind: Kind::Other {
            form: "good, expired, clock-skew or unknown",
            show: |settings| credentials_name(settings.credentials).to_owned(),
            take: |settings, text, _| {
                let mut all =
                    [Credentials::Good, Credentials::Expired, Credentials::ClockSkew, Credentials::Unknown].into_iter();
                settings.credentials = all.find(|one| credentials_name(*one) == text)?;
                Some(())
            },
        },
    },
    Knob {
        name: "denied",
        says: "the caller's policy does not allow these actions (UnauthorizedOperation)",
        source: "EC2 error codes; kubernetes#27634 looped on it",
        kind: Kind::Other {
            form: "names of actions such as RunInstances,TerminateInstances or sts:GetCallerIdentity, or off",
            show: |settings| listed(settings.denied.iter().map(|action| action_name(*action))),
            take: |settings, text, _| {
                settings.denied = words(text).map(Action::parse).collect::<Option<BTreeSet<_>>>()?;
                Some(())
            },
        },
    },
    Knob {
        name: "required-tag",
        says: "a tag policy of the organisation wants this tag on instances and volumes (TagPolicyViolation)",
        source: "runs-on#485, openshift/managed-notifications#359",
        kind: Kind::Other {
            form: "the key of a tag, or off",
            show: |settings| settings.required_tag.clone().unwrap_or_else(|| value::OFF.to_owned()),
            take: |settings, text, _| {
                settings.required_tag = (text != value::OFF).then(|| text.to_owned());
                (!text.is_empty()).then_some(())
            },
        },
    },
    Knob {
        name: "zone-outage",
        says: "launches in this zone fail, and so does DescribeInstances without ids or with ids of the zone",
        source: "API reference, DescribeInstances",
        kind: Kind::Other {
            form: "a zone such as a or eu-west-1a, or off",
            show: |settings| settings.zone_outage.clone().unwrap_or_else(|| value::OFF.to_owned()),
            take: |settings, text, _| {
                settings.zone_outage = if text == value::OFF { None } else { Some(zone(settings, text)?) };
                Some(())
            },
        },
    },
    Knob {
        name: "public-access",
        says: "VPC Block Public Access closes internet gateways to instances with public addresses",
        source: "VPC user guide, \"Block public access to VPCs and subnets\"; ManageIQ/manageiq-providers-amazon#914",
        kind: Kind::Other {
            form: "off, block-bidirectional or block-ingress",
            show: |settings| settings.public_access.name().to_owned(),
            take: |settings, text, _| {
                settings.public_access = PublicAccess::ALL.into_iter().find(|one| one.name() == text)?;
                Some(())
            },
        },
    },
    Knob {
        name: "ipv6-only",
        says: "the subnets of these zones have no IPv4 addresses",
        source: "API reference, CreateDefaultSubnet (Ipv6Native); ManageIQ/manageiq-providers-amazon#914",
        kind: Kind::Other {
            form: "zones such as a or eu-west-1a,eu-west-1b, or off",
            show: |settings| listed(settings.ipv6_only.iter().map(String::as_str)),
            take: |settings, text, _| {
                settings.ipv6_only = words(text).map(|word| zone(settings, word)).collect::<Option<BTreeSet<_>>>()?;
                Some(())
            },
        },
    },
    Knob {
        name: "shared-by",
        says: "the VPC belongs to this account, which shares its subnets and does not show its main route table",
        source: "VPC user guide, \"Share your VPC subnets with other accounts\"",
        kind: Kind::Other {
            form: "an account id of 12 digits, or off",
            show: |settings| settings.shared_by.clone().unwrap_or_else(|| value::OFF.to_owned()),
            take: |settings, text, _| {
                settings.shared_by = if text == value::OFF { None } else { Some(account(text)?) };
                Some(())
            },
        },
    },
    Knob {
        name: "by-hand",
        says: "somebody stops, terminates or retags an instance of ours, and again after so long",
        source: "machine-controller#381, cluster-api-provider-aws#4629",
        kind: Kind::Span(|settings| &mut settings.manual_changes.every),
    },
    Knob {
        name: "by-hand-deeds",
        says: "what they do: StopInstances, StartInstances, TerminateInstances, DeleteTags, CreateTags, ModifyInstanceAttribute (protection)",
        source: "machine-controller#381, cluster-api-provider-aws#4629",
        kind: Kind::Other {
            form: "any of stop,terminate,untag,retag,protect,start, or off (all but start)",
            show: |settings| listed(settings.manual_changes.kinds.iter().map(|change| change_name(*change))),
            take: |settings, text, _| {
                let change = |word: &str| ManualChange::ALL.into_iter().find(|change| change_name(*change) == word);
                settings.manual_changes.kinds = words(text).map(change).collect::<Option<BTreeSet<_>>>()?;
                Some(())
            },
        },
    },
];

/// A bare name where no other service has an action of it.
fn action_name(action: Action) -> String {
    let is_bare = Action::parse(action.name()) == Some(action);
    if is_bare { action.name().to_owned() } else { action.to_string() }
}

fn credentials_name(credentials: Credentials) -> &'static str {
    match credentials {
        Credentials::Good => "good",
        Credentials::Expired => "expired",
        Credentials::ClockSkew => "clock-skew",
        Credentials::Unknown => "unknown",
    }
}

fn change_name(change: ManualChange) -> &'static str {
    match change {
        ManualChange::Stop => "stop",
        ManualChange::Terminate => "terminate",
        ManualChange::Untag => "untag",
        ManualChange::Retag => "retag",
        ManualChange::Protect => "protect",
        ManualChange::Start => "start",
    }
}

fn account(text: &str) -> Option<String> {
    let is_account = text.len() == ACCOUNT_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    is_account.then(|| text.to_owned())
}

/// A zone of the region, by its name or its letter.
pub(super) fn zone(settings: &Settings, text: &str) -> Option<String> {
    let mut zones = ZONES.map(|letter| (letter, format!("{}{letter}", settings.region)));
    zones.find(|(letter, name)| text == name || text == letter.to_string()).map(|(_, name)| name)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').filter(move |_| text != value::OFF)
}

fn listed(names: impl Iterator<Item = impl Into<String>>) -> String {
    let names: Vec<String> = names.map(Into::into).collect();
    if names.is_empty() { value::OFF.to_owned() } else { names.join(",") }
}
