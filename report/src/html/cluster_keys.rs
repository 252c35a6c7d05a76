//! Clusters as a page shows them: each with its colour and its mark, the same in every plot.

use wire::{ClusterReport, Report};

use super::markup::{Markup, path, tag};
use crate::picture::{class, mark};

/// Clusters of a report by name, in its order.
pub(super) struct Keys<'a>(Vec<&'a str>);

impl<'a> Keys<'a> {
    pub(super) fn of(report: &'a Report) -> Self {
        let named = |cluster: &'a ClusterReport| cluster.cluster.as_str();
        Self(report.clusters.iter().map(named).collect())
    }

    /// Clusters by name, in this order.
    pub(super) fn named(names: impl Iterator<Item = &'a str>) -> Self {
        Self(names.collect())
    }

    /// Place of a cluster, which decides how it looks. One that is not in the totals looks like the one after the last.
    pub(super) fn place(&self, cluster: &str) -> usize {
        self.0.iter().position(|name| *name == cluster).unwrap_or(self.0.len())
    }

    /// Class of its colour.
    pub(super) fn class(&self, cluster: &str) -> String {
        class(self.place(cluster))
    }

    /// Its mark around a point.
    pub(super) fn mark(&self, cluster: &str, at: (f64, f64), radius: f64) -> String {
        mark(self.place(cluster), at, radius)
    }

    /// Its mark in a line of text. The name stands beside it.
    pub(super) fn key(&self, cluster: &str) -> Markup {
        let class = format!("key {}", self.class(cluster));
        let mark = path("mark", &self.mark(cluster, (6.0, 6.0), 4.4), "");
        tag("svg", &[("class", &class), ("viewBox", "0 0 12 12"), ("aria-hidden", "true")], mark)
    }

    /// All of them with their names, above a plot.
    pub(super) fn legend(&self) -> Markup {
        let item = |name: &&str| tag("li", &[], [self.key(name), Markup::from(*name)]);
        tag("ul", &[("class", "keys")], self.0.iter().map(item).collect::<Markup>())
    }
}
