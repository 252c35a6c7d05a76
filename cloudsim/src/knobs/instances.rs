//! Knobs of what instances do by themselves.

use super::{Kind, Knob};
use crate::settings::BootFailure;

const FADING: &str = "API reference, DescribeInstances: terminated instances appear for usually less than one hour";

pub(super) const KNOBS: &[Knob] = &[
    Knob {
        name: "boot",
        says: "an instance is pending for this long",
        source: "EC2 user guide, \"Instance lifecycle\"",
        kind: Kind::Span(|settings| &mut settings.boot),
    },
    Knob {
        name: "stop",
        says: "an instance is shutting-down or stopping for this long (where processes stand behind instances: as they take)",
        source: "EC2 user guide, \"Instance lifecycle\"",
        kind: Kind::Span(|settings| &mut settings.stop),
    },
    Knob {
        name: "role-credentials",
        says: "credentials of the roles of instances that start from now on expire after this long; new ones are there earlier",
        source: "EC2 user guide, \"Retrieve security credentials from instance metadata\": at least five minutes before",
        kind: Kind::Seconds(|settings| &mut settings.role_credentials_seconds),
    },
    Knob {
        name: "stillborn",
        says: "so many instances are accepted and terminate while pending",
        source: "karpenter-provider-aws#1407, terraform-provider-aws#21006",
        kind: Kind::Rate(|settings| &mut settings.fails_at_boot_per_mille),
    },
    Knob {
        name: "stillborn-reason",
        says: "why they do, as StateReason says it",
        source: "EC2 API reference, StateReason; EC2 user guide, \"instance terminates immediately\"",
        kind: Kind::Other {
            form: "any, or some of Server.InsufficientInstanceCapacity,Server.InternalError,Client.InternalError,Client.VolumeLimitExceeded,Client.InvalidSnapshot.NotFound",
            show: |settings| match &settings.boot_failures {
                none if none.is_empty() => "any".to_owned(),
                some => some.iter().map(|one| one.code()).collect::<Vec<_>>().join(","),
            },
            take: |settings, text, _| {
                let codes = text.split(',').filter(|_| text != "any");
                settings.boot_failures = codes.map(BootFailure::parse).collect::<Option<_>>()?;
                Some(())
            },
        },
    },
    Knob {
        name: "interface-linger",
        says: "the interface of a terminated instance stays this long and keeps its groups from being deleted",
        source: "cluster-api-provider-aws#1846, aws-load-balancer-controller#4272",
        kind: Kind::Span(|settings| &mut settings.interface_linger),
    },
    Knob {
        name: "terminated-fields",
        says: "a terminated instance loses subnet, addresses and groups after this long",
        source: FADING,
        kind: Kind::Seconds(|settings| &mut settings.terminated.fields_seconds),
    },
    Knob {
        name: "terminated-tags",
        says: "a terminated instance loses its tags after this long",
        source: FADING,
        kind: Kind::Seconds(|settings| &mut settings.terminated.tags_seconds),
    },
    Knob {
        name: "terminated-listed",
        says: "a terminated instance is listed for this long",
        source: FADING,
        kind: Kind::Seconds(|settings| &mut settings.terminated.listed_seconds),
    },
];
