//! A play as an explicit value: all that happens to one benchmark, in order. Made from a seed, written to a file, shrunk.

use api::ClusterBenchmarkSpec;
use cloudsim::{Action, Fault, Settings};
use serde::{Deserialize, Serialize};

use crate::stage::chaos::Moment;
use crate::stage::cloud::Credentials;
use crate::stage::kubernetes::StoreFault;
use crate::stage::play::{set_kind, spec};
use crate::stage::schedule::Mishap;
use crate::stage::work::SERVICE;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Script {
    /// What it broke when it was written.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) broke: String,
    /// Seed of the simulation: ids, lags and what else it draws.
    pub(crate) seed: u64,
    pub(crate) operators: usize,
    /// Clusters at the beginning: name, type, count.
    pub(crate) clusters: Vec<(String, String, i32)>,
    pub(crate) max_lifetime_seconds: i32,
    /// `budget.maxUsd`; absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) budget: Option<String>,
    /// `image.id`; absent: the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) image: Option<String>,
    /// From running to answering, and how long a run takes.
    pub(crate) boot_seconds: i64,
    pub(crate) run_seconds: i64,
    /// What stands in front at the beginning.
    #[serde(default)]
    pub(crate) balancer: api::BalancerKind,
    /// Availability zones that every cluster is spread over; counts are those of each zone.
    #[serde(default = "one")]
    pub(crate) zones: i32,
    /// Whether workers are updated in place.
    #[serde(default)]
    pub(crate) in_place: bool,
    /// Whether the operators bring the programs.
    #[serde(default)]
    pub(crate) is_pushed: bool,
    /// Launches of the workers that a run measures.
    #[serde(default = "one")]
    pub(crate) launches: i32,
    /// Generators that make the load together.
    #[serde(default = "one")]
    pub(crate) generators: i32,
    /// How each cluster follows its queue, in the order of the clusters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) scaling: Vec<Option<api::Scaling>>,
    /// How long a worker behind a queue works on a request.
    #[serde(default = "service_seconds")]
    pub(crate) service_seconds: i64,
    /// How long an operator sleeps, in thousandths of what it asks for, where no step says it.
    pub(crate) stretch_per_mille: u32,
    pub(crate) knobs: Settings,
    /// Faults that single calls to the cloud meet, by action and number of the call.
    #[serde(default)]
    pub(crate) faults: Vec<(Action, u64, Fault)>,
    /// Faults that single calls to the API server meet, by number.
    #[serde(default)]
    pub(crate) store_faults: Vec<(usize, StoreFault)>,
    /// What strikes the first operator at which of its effects, counted from 0 since the beginning.
    #[serde(default)]
    pub(crate) doom: Option<(u32, Moment)>,
    /// What happens at the sites of these numbers, which are counted while the steps are played.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) schedule: Vec<(usize, Happening)>,
    /// Whether sites are counted, and all operators take turns in `Ready` and `Gone`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) is_counted: bool,
    pub(crate) steps: Vec<Step>,
}

/// Something that happens at a site.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Happening {
    Mishap(Mishap),
    /// Before a pass.
    People(Step),
}

impl Happening {
    /// What people do.
    pub(crate) fn deed(&self) -> Option<&Step> {
        match self {
            Self::People(step) => Some(step),
            Self::Mishap(_) => None,
        }
    }

    pub(crate) fn mishap(&self) -> Option<Mishap> {
        match self {
            Self::Mishap(mishap) => Some(*mishap),
            Self::People(_) => None,
        }
    }
}

fn is_false(one: &bool) -> bool {
    !one
}

fn one() -> i32 {
    1
}

pub(crate) fn service_seconds() -> i64 {
    SERVICE.as_secs()
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Step {
    /// One pass of an operator, which is struck at an effect of this pass, and a sleep.
    Pass {
        operator: usize,
        strike: Option<(u32, Moment)>,
        stretch_per_mille: u32,
    },
    /// Passes of the first operator until the result is there, if it can be had.
    Ready,
    /// Passes of the first operator until the object is gone.
    Gone,
    /// A benchmark that is ready is looked at for a while: nothing may change. No site is counted.
    Rest,
    Wait {
        seconds: u64,
    },
    /// The operator that stands still goes on.
    Thaw {
        operator: usize,
    },
    /// A process of this version takes the operator's place.
    Upgrade {
        operator: usize,
        version: u32,
    },
    Edit(Edit),
    Delete,
    /// `kubectl delete namespace`: nothing can be created in it any more.
    EndNamespace,
    WipeStatus,
    /// A person removes the placement from status.
    TearStatus,
    StripFinalizer,
    /// Somebody deletes the object and strips its finalizer: what is left is the sweeper's.
    Abandon,
    /// A round of an operator's sweeper.
    Sweep {
        operator: usize,
    },
    /// Somebody terminates an instance: that many in the list of the living.
    Terminate {
        nth: usize,
    },
    /// No agent answers.
    Silence {
        seconds: i64,
    },
    Credentials(Credentials),
    /// So many instances of a type fit into each zone, or into the one that is named.
    Capacity {
        instance_type: String,
        count: Option<u32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        zone: Option<String>,
    },
    /// A zone in which no call works.
    Outage(Option<String>),
    /// Whether every list of instances is cut.
    Cut(bool),
    /// Somebody gives a tag of an instance another value: that many in the list of the living.
    Retag {
        nth: usize,
        tag: String,
    },
    /// Somebody takes a tag off an instance.
    Untag {
        nth: usize,
        tag: String,
    },
    /// Somebody protects an instance against termination.
    Protect {
        nth: usize,
    },
    /// vCPUs that the account may have.
    Quota(Option<u32>),
    /// So many requests come to a cluster that follows its queue.
    Requests {
        cluster: usize,
        count: u64,
    },
    /// The process of the front begins anew.
    FrontRestarts,
}

/// What a user changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Edit {
    Count {
        cluster: usize,
        count: i32,
    },
    Type {
        cluster: usize,
        instance_type: String,
    },
    Port(i32),
    /// Work of the workers, which sleep so long.
    Work(i32),
    RunId(String),
    AfterRun(api::AfterRun),
    Policy(api::Policy),
    Balancer(api::BalancerKind),
    /// Seconds after which a request is given to another worker.
    Visibility(i32),
    Tag(String),
    Paused(bool),
    AddCluster(String),
    DropCluster,
}

impl Script {
    pub(crate) fn spec(&self) -> ClusterBenchmarkSpec {
        let clusters: Vec<(&str, &str, i32)> = self
            .clusters
            .iter()
            .map(|(name, kind, count)| (name.as_str(), kind.as_str(), count * self.zones))
            .collect();
        let mut spec = spec(&clusters);
        spec.lifecycle.max_lifetime_seconds = self.max_lifetime_seconds;
        spec.budget = self.budget.clone().map(|max_usd| api::Budget { max_usd });
        spec.load.launches = self.launches;
        for (cluster, scaling) in spec.clusters.iter_mut().zip(&self.scaling) {
            cluster.scaling.clone_from(scaling);
            at_most(cluster);
        }
        set_kind(&mut spec, self.balancer);
        if self.zones > 1 {
            spec.network = Some(api::Network { zone_count: Some(self.zones), ..api::Network::default() });
        }
        if self.in_place {
            spec.worker.update = api::Update::InPlace;
        }
        spec.image = self.image.clone().map(|id| api::Image { alias: None, id: Some(id) });
        if self.generators > 1 {
            (spec.load.generator.count, spec.load.rounds) = (self.generators, Some(2));
            for phase in &mut spec.load.phases {
                (phase.requests, phase.duration_seconds) = (None, Some(1));
            }
        }
        spec
    }

    /// The script as a file: what shrinking left, one step in a line.
    pub(crate) fn text(&self) -> String {
        let mut head = serde_json::to_value(Self { steps: Vec::new(), ..self.clone() }).unwrap();
        head["knobs"] = changed(&self.knobs);
        let head = serde_json::to_string_pretty(&head).unwrap();
        let steps: Vec<String> =
            self.steps.iter().map(|step| format!("    {}", serde_json::to_string(step).unwrap())).collect();
        head.replace("\"steps\": []", &format!("\"steps\": [\n{}\n  ]", steps.join(",\n"))) + "\n"
    }

    pub(crate) fn parse(text: &str) -> Self {
        serde_json::from_str(text).unwrap()
    }
}

/// The definition refuses more as the fewest than as the most.
fn at_most(cluster: &mut api::Cluster) {
    let count = cluster.count;
    cluster.scaling.iter_mut().for_each(|scaling| scaling.min = scaling.min.map(|min| min.min(count)));
}

/// The knobs that are not at their default.
fn changed(knobs: &Settings) -> serde_json::Value {
    let (mut all, default) = (serde_json::to_value(knobs).unwrap(), serde_json::to_value(Settings::default()).unwrap());
    if let Some(map) = all.as_object_mut() {
        map.retain(|name, value| default.get(name) != Some(value));
    }
    all
}

impl Edit {
    pub(crate) fn apply(&self, spec: &mut ClusterBenchmarkSpec) {
        let at = |cluster: usize, spec: &ClusterBenchmarkSpec| cluster.min(spec.clusters.len() - 1);
        match self {
            Self::Count { cluster, count } => {
                let cluster = at(*cluster, spec);
                let zones = spec.network.as_ref().and_then(|network| network.zone_count).unwrap_or(1);
                spec.clusters[cluster].count = count * zones;
                at_most(&mut spec.clusters[cluster]);
            }
            Self::Type { cluster, instance_type } => {
                let cluster = at(*cluster, spec);
                spec.clusters[cluster].instance_type.clone_from(instance_type);
            }
            Self::Port(port) => spec.worker.port = *port,
            Self::Work(micros) => {
                let work = serde_json::json!({ "profile": "Sleep", "meanMicros": micros });
                spec.worker.work = serde_json::from_value(work).unwrap();
            }
            Self::RunId(id) => spec.run_id.clone_from(id),
            Self::AfterRun(after) => spec.lifecycle.after_run = *after,
            Self::Policy(policy) => spec.balancer.policy = *policy,
            // The definition refuses both together.
            Self::Balancer(api::BalancerKind::Queue) if spec.worker.update == api::Update::InPlace => {}
            Self::Balancer(kind) => set_kind(spec, *kind),
            Self::Visibility(seconds) => {
                if let Some(queue) = &mut spec.balancer.queue {
                    queue.visibility_seconds = *seconds;
                }
            }
            Self::Tag(value) => spec.tags = vec![api::Tag { key: "team".into(), value: value.clone() }],
            Self::Paused(paused) => spec.paused = *paused,
            Self::AddCluster(name) => {
                if !spec.clusters.iter().any(|cluster| cluster.name == *name) {
                    let like = spec.clusters[0].clone();
                    spec.clusters.push(api::Cluster { name: name.clone(), path: None, ..like });
                }
            }
            Self::DropCluster => {
                if spec.clusters.len() > 1 {
                    spec.clusters.pop();
                }
            }
        }
    }
}
