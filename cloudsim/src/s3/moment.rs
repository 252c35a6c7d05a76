//! The moment of S3 in words: all that decides what calls will do.

use super::entry::Entry;
use super::state::State;
use crate::engine::audit::Origin;

impl State {
    /// A line for each thing, in no order.
    pub(crate) fn moment(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (name, record) in &self.records {
            let bucket = record.seen.truth().filter(|one| one.origin == Origin::Called);
            if bucket.is_some() || self.made.contains_key(name) {
                let objects: usize = record.objects.values().map(Entry::count).sum();
                lines.push(format!("{name} {bucket:?} {objects} {:?}", record.going_until));
            }
        }
        lines
    }
}
