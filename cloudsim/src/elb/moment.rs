//! The moment of ELBv2 in words: all that decides what calls will do and what happens by itself.

use super::state::State;
use crate::engine::audit::Origin;

impl State {
    /// A line for each thing, in no order.
    pub(crate) fn moment(&self) -> Vec<String> {
        let Self { agenda, balancers, groups, listeners, rules, targets, answers_from, .. } = self;
        let mut lines = agenda.moment();
        for record in balancers.values() {
            let balancer = record.seen.truth().filter(|one| one.origin == Origin::Called);
            // Its interfaces outlive it.
            if balancer.is_some() || !record.nodes.is_empty() {
                lines.push(format!("{balancer:?} {:?}", record.nodes));
            }
        }
        for record in groups.values() {
            if let Some(group) = record.seen.truth().filter(|one| one.origin == Origin::Called) {
                lines.push(format!("{group:?} {:?}", record.used_until));
            }
        }
        lines.extend(listeners.values().filter_map(|one| one.truth()).map(|one| format!("{one:?}")));
        lines.extend(rules.values().filter_map(|one| one.truth()).map(|one| format!("{one:?}")));
        for (key, record) in targets {
            if let Some(target) = record.seen.truth() {
                lines.push(format!("{key:?} {target:?} {:?} {:?}", record.tallies, record.flaps_until));
            }
        }
        lines.extend(answers_from.iter().map(|from| format!("{from:?}")));
        lines
    }
}
