//! The lab's own count of what is in its cloud. Demos and tests believe this, not the operator.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::bail;
use serde::{Deserialize, Serialize};

use crate::fetch;

/// Counts since the lab was started, and what happened in words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ledger {
    pub(crate) launched: usize,
    pub(crate) terminated: usize,
    pub(crate) live: usize,
    /// Security groups that exist, those that every VPC has not counted.
    pub(crate) groups: usize,
    /// Volumes that exist, attached or not.
    pub(crate) volumes: usize,
    pub(crate) interfaces: usize,
    #[serde(default)]
    pub(crate) load_balancers: usize,
    #[serde(default)]
    pub(crate) target_groups: usize,
    /// Queues that exist: one whose deletion was called for does not.
    #[serde(default)]
    pub(crate) queues: usize,
    #[serde(default)]
    pub(crate) buckets: usize,
    /// Objects in them.
    #[serde(default)]
    pub(crate) objects: usize,
    /// Processes of instances and load balancers that run.
    pub(crate) processes: usize,
    /// Changes to things that are not the operator's: must stay empty.
    pub(crate) foreign_touched: Vec<String>,
    /// Things that each benchmark made, by `namespace/name` in the tags.
    #[serde(default)]
    pub(crate) benchmarks: BTreeMap<String, Made>,
    pub(crate) story: Vec<String>,
}

/// Things that were made for one benchmark.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Made {
    /// Terminated ones included, for as long as EC2 keeps their tags.
    pub(crate) instances: Vec<Instance>,
    /// Ids of the security groups that exist.
    pub(crate) groups: Vec<String>,
}

/// A load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LoadBalancer {
    pub(crate) name: String,
    pub(crate) state: String,
    pub(crate) dns_name: String,
    /// One in each zone.
    pub(crate) addresses: Vec<String>,
}

/// A queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Queue {
    pub(crate) name: String,
    /// Messages that can be received.
    pub(crate) visible: usize,
    /// Those that were received and not deleted.
    pub(crate) in_flight: usize,
}

/// A bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Bucket {
    pub(crate) name: String,
    /// What front and pullers put there: requests, and answers.
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
}

/// An instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Instance {
    pub(crate) id: String,
    pub(crate) instance_type: String,
    pub(crate) state: String,
    pub(crate) address: String,
    /// The operator's tag, empty without one.
    pub(crate) pool: String,
    #[serde(default)]
    pub(crate) launched_at: String,
    /// Empty while it lives.
    #[serde(default)]
    pub(crate) ended_at: String,
}

impl Ledger {
    /// Asks a lab that is up.
    pub(crate) async fn of(admin: SocketAddr) -> anyhow::Result<Self> {
        let (status, body) = fetch::get(admin, "/ledger").await?;
        if status != 200 {
            bail!("the lab answered {status}: {}", String::from_utf8_lossy(&body));
        }
        Ok(serde_json::from_slice(&body)?)
    }

    /// Whether everything that was made is gone.
    pub(crate) fn is_empty(&self) -> bool {
        let Self { live, groups, volumes, interfaces, load_balancers, target_groups, processes, .. } = self;
        let counts = [live, groups, volumes, interfaces, load_balancers, target_groups, processes];
        let of_queues = [self.queues, self.buckets, self.objects];
        let is_all_gone = counts == [&0; 7] && of_queues == [0; 3];
        self.launched == self.terminated && is_all_gone && self.foreign_touched.is_empty()
    }

    /// `2 instances and 3 groups are left`, and what else there is.
    pub(crate) fn left(&self) -> String {
        let others = [
            (self.load_balancers, "load balancers"),
            (self.target_groups, "target groups"),
            (self.queues, "queues"),
            (self.buckets, "buckets"),
            (self.objects, "objects"),
        ];
        let others = others.into_iter().filter(|(count, _)| *count > 0);
        let all = [(self.live, "instances"), (self.groups, "groups")].into_iter().chain(others);
        let words: Vec<String> = all.map(|(count, name)| format!("{count} {name}")).collect();
        match words.split_last() {
            Some((last, rest)) => format!("{} and {last} are left", rest.join(", ")),
            None => String::new(),
        }
    }

    /// `10 launched, 10 terminated, 0 groups, 0 load balancers, 0 target groups, 0 queues, 0 buckets, 0 objects, 0 volumes,
    /// 0 processes`
    pub(crate) fn line(&self) -> String {
        let Self { launched, terminated, groups, load_balancers, target_groups, volumes, processes, .. } = self;
        let Self { queues, buckets, objects, .. } = self;
        format!(
            "{launched} launched, {terminated} terminated, {groups} groups, {load_balancers} load balancers, \
             {target_groups} target groups, {queues} queues, {buckets} buckets, {objects} objects, {volumes} volumes, \
             {processes} processes"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Ledger;

    #[test]
    fn one_thing_left_is_not_nothing() {
        let clean = Ledger { launched: 10, terminated: 10, ..Ledger::default() };
        assert!(clean.is_empty());
        assert_eq!(
            clean.line(),
            "10 launched, 10 terminated, 0 groups, 0 load balancers, 0 target groups, 0 queues, 0 buckets, 0 objects, \
             0 volumes, 0 processes"
        );
        for left in [
            Ledger { terminated: 9, live: 1, ..clean.clone() },
            Ledger { groups: 1, ..clean.clone() },
            Ledger { volumes: 1, ..clean.clone() },
            Ledger { interfaces: 1, ..clean.clone() },
            Ledger { load_balancers: 1, ..clean.clone() },
            Ledger { target_groups: 1, ..clean.clone() },
            Ledger { foreign_touched: vec!["i-1 terminated".to_owned()], ..clean.clone() },
            Ledger { processes: 1, ..clean.clone() },
            Ledger { queues: 1, ..clean.clone() },
            Ledger { buckets: 1, ..clean.clone() },
            Ledger { objects: 1, ..clean.clone() },
            Ledger { launched: 11, ..clean.clone() },
        ] {
            assert!(!left.is_empty(), "{}", left.line());
        }
    }

    #[test]
    fn what_is_left_is_named_where_there_is_some() {
        let some = Ledger { live: 2, groups: 3, ..Ledger::default() };
        assert_eq!(some.left(), "2 instances and 3 groups are left");
        let more = Ledger { queues: 4, objects: 9, ..some };
        assert_eq!(more.left(), "2 instances, 3 groups, 4 queues and 9 objects are left");
    }
}
