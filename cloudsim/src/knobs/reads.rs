//! Knobs of what readers see.

use super::{Kind, Knob, value};

const EVENTUAL: &str = "EC2 developer guide, \"Eventual consistency\"";
const NOT_MONOTONIC: &str = "EC2 developer guide, \"Eventual consistency\"; terraform-provider-aws#8029";

pub(super) const KNOBS: &[Knob] = &[
    Knob {
        name: "lag",
        says: "reads of instances and interfaces see a change this much later, however they look (sets the three below)",
        source: EVENTUAL,
        kind: Kind::Lag(|settings| &mut settings.lag),
    },
    Knob {
        name: "id-lag",
        says: "reads by id see a change this much later; a new id is NotFound until then",
        source: EVENTUAL,
        kind: Kind::Span(|settings| &mut settings.lag.id),
    },
    Knob {
        name: "tag-lag",
        says: "lists by tag, state or group see a change this much later",
        source: "cluster-api-provider-aws#1351",
        kind: Kind::Span(|settings| &mut settings.lag.tag),
    },
    Knob {
        name: "token-lag",
        says: "lists by client token see a change this much later",
        source: "not documented by AWS; assumed to lag as the other indexes do",
        kind: Kind::Span(|settings| &mut settings.lag.token),
    },
    Knob {
        name: "group-lag",
        says: "security groups appear and vanish this much later, also for launches into them",
        source: "EC2 developer guide, \"Eventual consistency\" (InvalidGroup.NotFound)",
        kind: Kind::OwnLag(|settings| &mut settings.group_lag),
    },
    Knob {
        name: "rule-lag",
        says: "rules of security groups are listed this much later",
        source: EVENTUAL,
        kind: Kind::OwnLag(|settings| &mut settings.rule_lag),
    },
    Knob {
        name: "relapse",
        says: "so many reads show an earlier state than reads before them (sets the three below)",
        source: NOT_MONOTONIC,
        kind: Kind::Other {
            form: "a rate such as 3%, 0.5%, or off",
            show: |settings| {
                let relapse = settings.stale_reads;
                let same = relapse.id == relapse.tag && relapse.id == relapse.token;
                if same { value::show_rate(relapse.id) } else { "various".to_owned() }
            },
            take: |settings, text, _| {
                let rate = value::rate(text)?;
                let relapse = &mut settings.stale_reads;
                (relapse.id, relapse.tag, relapse.token) = (rate, rate, rate);
                Some(())
            },
        },
    },
    Knob {
        name: "id-relapse",
        says: "so many calls by id are answered from the past, down to NotFound for an instance that runs",
        source: NOT_MONOTONIC,
        kind: Kind::Rate(|settings| &mut settings.stale_reads.id),
    },
    Knob {
        name: "tag-relapse",
        says: "so many lists by tag, state or group show the past",
        source: NOT_MONOTONIC,
        kind: Kind::Rate(|settings| &mut settings.stale_reads.tag),
    },
    Knob {
        name: "token-relapse",
        says: "so many lists by client token show the past",
        source: NOT_MONOTONIC,
        kind: Kind::Rate(|settings| &mut settings.stale_reads.token),
    },
    Knob {
        name: "relapse-by",
        says: "how far back a relapse goes",
        source: "EC2 developer guide, \"Eventual consistency\": keep looking for five minutes",
        kind: Kind::Span(|settings| &mut settings.stale_reads.by),
    },
    Knob {
        name: "page-size",
        says: "pages of lists hold no more than this, whatever was asked for",
        source: "API reference, pagination: a page may hold fewer than MaxResults",
        kind: Kind::Other {
            form: "a number, or off",
            show: |settings| value::show_limit(u32::try_from(settings.page_size).ok().filter(|size| *size > 0)),
            take: |settings, text, _| {
                settings.page_size = value::limit(text)?.map_or(Some(0), |size| usize::try_from(size).ok())?;
                Some(())
            },
        },
    },
    Knob {
        name: "repeated-page",
        says: "so many pages come with the token they were asked for with, which the SDK's paginators take for the end",
        source: "aws-sdk-ec2, stop_on_duplicate_token of its paginators",
        kind: Kind::Rate(|settings| &mut settings.repeated_page_per_mille),
    },
    Knob {
        name: "console-lag",
        says: "GetConsoleOutput shows what was printed this much later (Latest on Nitro types does not lag)",
        source: "API reference, GetConsoleOutput",
        kind: Kind::Millis(|settings| &mut settings.console_lag_millis),
    },
];
