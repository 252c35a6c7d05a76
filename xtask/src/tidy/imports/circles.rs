//! Circles of a graph: sets of which each element leads to each other one, with a shortest ring of each set.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Which name leads to which, and what says so.
pub(super) type Graph<'a, Why> = BTreeMap<&'a str, BTreeMap<&'a str, Why>>;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Circle<'a> {
    pub(super) all: BTreeSet<&'a str>,
    /// The shortest way round, without the return to its first.
    pub(super) ring: Vec<&'a str>,
}

/// Every strongly connected set of more than one name.
pub(super) fn circles<'a, Why>(graph: &Graph<'a, Why>) -> Vec<Circle<'a>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> = graph.keys().map(|name| (*name, reached(graph, name))).collect();
    let leads = |from: &str, to: &str| reached.get(from).is_some_and(|names| names.contains(to));
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for name in graph.keys().copied() {
        if !leads(name, name) || seen.contains(name) {
            continue;
        }
        let all: BTreeSet<&str> =
            graph.keys().copied().filter(|other| leads(name, other) && leads(other, name)).collect();
        seen.extend(all.iter().copied());
        if all.len() > 1 {
            let rings = all.iter().filter_map(|start| shortest(graph, &all, start));
            found.push(Circle { ring: rings.min_by_key(Vec::len).unwrap_or_default(), all });
        }
    }
    found
}

fn reached<'a, Why>(graph: &Graph<'a, Why>, from: &'a str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut waiting: Vec<&str> = vec![from];
    while let Some(name) = waiting.pop() {
        let next = graph.get(name).into_iter().flat_map(BTreeMap::keys);
        waiting.extend(next.copied().filter(|next| found.insert(*next)));
    }
    found
}

/// The shortest way from `start` back to it inside `all`, breadth first.
fn shortest<'a, Why>(graph: &Graph<'a, Why>, all: &BTreeSet<&'a str>, start: &'a str) -> Option<Vec<&'a str>> {
    let mut before = BTreeMap::new();
    let mut waiting = VecDeque::from([start]);
    while let Some(name) = waiting.pop_front() {
        for next in graph.get(name)?.keys().copied().filter(|next| all.contains(next)) {
            if next == start {
                let way = std::iter::successors(Some(name), |name| before.get(name).copied());
                let mut ring: Vec<&str> = way.collect();
                ring.reverse();
                return Some(ring);
            }
            if let std::collections::btree_map::Entry::Vacant(place) = before.entry(next) {
                place.insert(name);
                waiting.push_back(next);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(arrows: &str) -> Graph<'_, ()> {
        let mut graph = Graph::new();
        for (from, to) in arrows.split(' ').filter_map(|arrow| arrow.split_once('>')) {
            graph.entry(from).or_default().insert(to, ());
            graph.entry(to).or_default();
        }
        graph
    }

    #[test]
    fn a_graph_without_a_way_back_has_no_circle() {
        assert_eq!(circles(&graph("a>b a>c b>d c>d d>e a>a")), []);
    }

    #[test]
    fn circles_are_apart_and_their_shortest_ring_is_named() {
        let graph = graph("a>b b>c c>a c>d d>c x>y y>x a>x");
        let found = circles(&graph);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0], Circle { all: BTreeSet::from(["a", "b", "c", "d"]), ring: vec!["c", "d"] });
        assert_eq!(found[1], Circle { all: BTreeSet::from(["x", "y"]), ring: vec!["x", "y"] });
    }
}
