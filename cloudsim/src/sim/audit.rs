//! The truth of the whole region, for judges: counts, faults, story.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Sim, States};
use crate::actions::Action;
use crate::ec2;
use crate::elb::Made;
use crate::engine::audit::StoryLine;
use crate::engine::fault::Fault;
use crate::iam::Verdict;

/// Counts of what happened and of what is. Planted things are not counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Audit {
    /// Instances ever launched.
    pub launched: usize,
    /// Instances that reached `terminated`.
    pub terminated: usize,
    /// Instances that are in any other state.
    pub live: usize,
    /// Security groups that exist.
    pub groups: usize,
    /// Volumes that exist, attached or not.
    pub volumes: usize,
    /// Network interfaces that exist.
    pub interfaces: usize,
    /// Load balancers that exist.
    pub load_balancers: usize,
    /// Target groups that exist.
    pub target_groups: usize,
    /// Buckets that exist.
    pub buckets: usize,
    /// Objects in them, former versions and delete markers included.
    pub objects: usize,
    /// Things of ELBv2 that calls ever made, by name.
    pub made: Made,
    /// Queues that exist: one whose deletion was called for does not.
    pub queues: usize,
    /// Queues that calls ever made, by name.
    pub made_queues: BTreeMap<String, usize>,
    /// Changes that calls made to things of others: must stay empty.
    pub foreign_touched: Vec<String>,
    /// Calls that arrived, by action, those with DryRun left out.
    pub calls: BTreeMap<Action, u64>,
    /// Calls with DryRun that arrived.
    pub dry_runs: u64,
}

impl Sim {
    /// The state of each service as it is, whatever readers are shown.
    pub fn truth(&self) -> &States {
        &self.states
    }

    pub fn audit(&self) -> Audit {
        let States { ec2, elb, s3, sqs, .. } = &self.states;
        Audit {
            launched: ec2.launched(),
            terminated: ec2.terminated(),
            live: ec2.live_instances().len(),
            groups: ec2.live_groups().len(),
            volumes: ec2.live_volumes().len(),
            interfaces: ec2.live_interfaces(),
            load_balancers: elb.live_load_balancers().len(),
            target_groups: elb.live_target_groups().len(),
            buckets: s3.live_buckets().len(),
            objects: s3.live_objects(),
            made: elb.made().clone(),
            queues: sqs.live_queues().len(),
            made_queues: sqs.made().clone(),
            foreign_touched: self.engine.record.foreign_touched.clone(),
            calls: self.calls.arrived().clone(),
            dry_runs: self.calls.dry_runs(),
        }
    }

    /// Changes that calls made to things of others; must stay empty.
    pub fn foreign_touched(&self) -> &[String] {
        &self.engine.record.foreign_touched
    }

    /// The faults that calls met, each with the number of its call; [`Sim::inject_nth`] repeats them.
    pub fn faults(&self) -> &[(Action, u64, Fault)] {
        self.calls.met()
    }

    /// Counts of what the knobs did, by kind.
    pub fn injected(&self) -> &BTreeMap<&'static str, u64> {
        &self.engine.record.injected
    }

    /// Every change so far, in order.
    pub fn story(&self) -> &[StoryLine] {
        &self.engine.record.story
    }

    /// Truth: the moment in words, a line for each thing in no order: all that decides what calls will do and what happens by
    /// itself, knobs and chance left out. Two moments with the same words go on alike.
    pub fn moment(&self) -> Vec<String> {
        let States { ec2, elb, s3, sqs, .. } = &self.states;
        [self.late.moment(), ec2.moment(), elb.moment(), s3.moment(), sqs.moment()].concat()
    }

    /// Calls that broke off and have not taken effect yet.
    pub fn late_calls(&self) -> usize {
        self.late.len()
    }

    /// Whether a call of the operator can terminate an instance as it is now.
    pub fn can_be_terminated(&self, id: &str) -> bool {
        let Some(instance) = self.states.ec2.instance(id) else { return false };
        let action = ec2::Action::TerminateInstances;
        let ask = ec2::ask_about_instance(&self.settings, action, id, Some(&instance));
        !self.states.ec2.is_protected(id) && self.iam.judge(&ask) == Verdict::Allowed
    }

    /// Whether `from` can open a TCP connection to `port` of `to`; if not, why.
    pub fn can_connect(&self, from: std::net::Ipv4Addr, to: std::net::Ipv4Addr, port: u16) -> Result<(), String> {
        self.states.ec2.can_connect(self.settings.public_access, from, to, port)
    }
}
