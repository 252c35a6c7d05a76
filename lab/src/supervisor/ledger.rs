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
        self.launched == self.terminated && counts == [&0; 7] && self.foreign_touched.is_empty()
    }

    /// `2 instances and 3 groups are left`
    pub(crate) fn left(&self) -> String {
        let Self { live, groups, load_balancers, target_groups, .. } = self;
        if load_balancers + target_groups == 0 {
            return format!("{live} instances and {groups} groups are left");
        }
        format!(
            "{live} instances, {groups} groups, {load_balancers} load balancers and {target_groups} target groups are left"
        )
    }

    /// `10 launched, 10 terminated, 0 groups, 0 load balancers, 0 target groups, 0 volumes, 0 processes`
    pub(crate) fn line(&self) -> String {
        let Self { launched, terminated, groups, load_balancers, target_groups, volumes, processes, .. } = self;
        format!(
            "{launched} launched, {terminated} terminated, {groups} groups, {load_balancers} load balancers, \
             {target_groups} target groups, {volumes} volumes, {processes} processes"
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
            "10 launched, 10 terminated, 0 groups, 0 load balancers, 0 target groups, 0 volumes, 0 processes"
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
            Ledger { launched: 11, ..clean.clone() },
        ] {
            assert!(!left.is_empty(), "{}", left.line());
        }
    }
}
