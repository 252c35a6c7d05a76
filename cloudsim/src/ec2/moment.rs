//! The moment of EC2 in words: all that decides what calls will do and what happens by itself. What was before, and lists that
//! lag behind, is left out.

use super::state::State;
use crate::engine::audit::Origin;

impl State {
    /// A line for each thing, in no order.
    pub(crate) fn moment(&self) -> Vec<String> {
        let Self { agenda, instances, interfaces, groups, volumes, tokens, failing_at_boot, .. } = self;
        let mut lines = agenda.moment();
        for record in instances.values() {
            let Some(one) = record.seen.truth().filter(|one| one.origin == Origin::Called) else { continue };
            let (protected, since, restarts) = (record.is_protected, record.running_since, record.restarts);
            lines.push(format!("{one:?} {protected} {since:?} {restarts} {:?}", record.counts_until));
        }
        let groups = groups.values().filter_map(|group| group.truth()).filter(|one| one.origin == Origin::Called);
        lines.extend(groups.map(|group| format!("{group:?}")));
        let interfaces = interfaces.values().filter_map(|one| one.truth()).filter(|one| one.origin == Origin::Called);
        lines.extend(interfaces.map(|interface| format!("{interface:?}")));
        let volumes = volumes.values().filter(|volume| volume.origin == Origin::Called);
        lines.extend(volumes.map(|volume| format!("{volume:?}")));
        // What a token stands for is in its instances and in whoever would send it again.
        lines.extend(tokens.iter().map(|(token, entry)| format!("{token:?} {:?}", entry.instance_ids)));
        lines.push(format!("failing at boot: {failing_at_boot}"));
        lines
    }
}
