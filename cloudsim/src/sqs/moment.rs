//! The moment of SQS in words: all that decides what calls will do and what happens by itself.

use super::state::State;
use crate::engine::audit::Origin;

impl State {
    /// A line for each thing, in no order.
    pub(crate) fn moment(&self) -> Vec<String> {
        let mut lines = self.agenda.moment();
        for (name, record) in &self.records {
            let queue = record.seen.truth().filter(|one| one.origin == Origin::Called);
            if queue.is_some() || record.deleted_at.is_some() {
                let tags = record.tags.truth();
                lines.push(format!("{name} {queue:?} {tags:?} {:?}", record.deleted_at));
            }
        }
        lines
    }
}
