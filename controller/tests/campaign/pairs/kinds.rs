//! The small benchmarks whose pairs of faults are played: one of each kind, and as short as it gets. Whatever the simulation draws for
//! others is a fixed number for these.

use api::{BalancerKind, Scaling, ScalingPolicy};
use cloudsim::{BucketSettings, LoadBalancing, Queues, Settings, Span, StaleReads};

use super::mishaps::STALEST;
use crate::script::{Happening, Script, Step};

/// A small benchmark.
#[derive(Clone)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) script: Script,
    /// Number of the first site at which something happens.
    pub(crate) from: usize,
}

const NAMES: [(&str, &str); 7] = [
    ("one", "one cluster of one instance behind the balancer; programs are fetched"),
    ("brought", "the same; the operator brings the programs"),
    ("two-operators", "the same as one, with a second operator"),
    ("application", "an Application Load Balancer in front of it"),
    ("queue", "queues in front of one worker that follows its queue"),
    ("generators", "two generators make the load"),
    ("relaunch", "a run measures two launches of the worker"),
];

impl Kind {
    /// Deletions differ in where they begin.
    pub(crate) fn id(&self) -> String {
        format!("{}-{}", self.name, self.from)
    }
}

/// Every kind but the deletions, which hang on the sites of `one`.
pub(crate) fn all() -> Vec<Kind> {
    NAMES.into_iter().map(|(name, what)| Kind { name, what, script: script(name), from: 0 }).collect()
}

pub(crate) fn one() -> Kind {
    all().swap_remove(0)
}

/// The same as `one`, deleted before the pass of this number.
pub(crate) fn deletion(site: usize) -> Kind {
    let one = one();
    let script = Script { schedule: vec![(site, Happening::People(Step::Delete))], ..one.script };
    Kind { name: "deletion", what: "the same as one, deleted at each stage", script, from: site + 1 }
}

fn script(kind: &str) -> Script {
    let one = Script {
        broke: String::new(),
        seed: 1,
        operators: 1,
        clusters: vec![("a".to_owned(), "m5.large".to_owned(), 1)],
        max_lifetime_seconds: 14_400,
        budget: None,
        image: None,
        boot_seconds: 2,
        run_seconds: 3,
        balancer: BalancerKind::Custom,
        zones: 1,
        in_place: false,
        is_pushed: false,
        launches: 1,
        generators: 1,
        scaling: Vec::new(),
        service_seconds: 4,
        stretch_per_mille: 2_000,
        knobs: knobs(),
        faults: Vec::new(),
        store_faults: Vec::new(),
        doom: None,
        schedule: Vec::new(),
        is_counted: true,
        steps: vec![Step::Ready, Step::Rest, Step::Delete, Step::Gone],
    };
    match kind {
        "brought" => Script { is_pushed: true, ..one },
        "two-operators" => Script { operators: 2, ..one },
        "application" => Script { balancer: BalancerKind::Application, ..one },
        "queue" => {
            let scaling = Scaling {
                policy: ScalingPolicy::QueueDepth,
                min: Some(0),
                target_seconds: None,
                messages_per_instance: Some(1),
                pool: None,
            };
            Script { balancer: BalancerKind::Queue, scaling: vec![Some(scaling)], ..one }
        }
        "generators" => Script { generators: 2, ..one },
        "relaunch" => Script { launches: 2, ..one },
        _ => one,
    }
}

/// Nothing is drawn: each span is one number.
fn knobs() -> Settings {
    let fixed = |seconds| Span::seconds(seconds, seconds);
    Settings {
        boot: fixed(2),
        stop: fixed(2),
        interface_linger: fixed(2),
        // Nobody reads the past unless a fault says so; what is gone is kept for whoever does.
        stale_reads: StaleReads { by: fixed(STALEST), ..StaleReads::default() },
        load_balancing: LoadBalancing {
            provisioning: fixed(5),
            interface_linger: fixed(5),
            used_linger: fixed(5),
            ..LoadBalancing::default()
        },
        queues: Queues { creation: fixed(0), tags_late: fixed(0), deletion: fixed(5), ..Queues::default() },
        buckets: BucketSettings { name_linger: fixed(0), failed_deletion_per_mille: 0, ..BucketSettings::default() },
        ..Settings::default()
    }
}
