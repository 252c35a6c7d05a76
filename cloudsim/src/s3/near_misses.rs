//! Buckets of others that differ from ours in as little as can be.

use planner::owner::{Owner, Tags};
use planner::ports::QUEUE_PREFIX;

use super::S3;
use crate::ec2;

/// An account that is not ours.
const STRANGER: &str = "999999999999";

impl S3<'_> {
    /// Plants buckets of others whose names begin and end as ours do and whose tags differ from those of `owner` in as little
    /// as can be, one with our tags whose name lacks a letter, one without tags, and one of another account. Each has an
    /// object in it. Their number.
    pub fn plant_near_misses(&mut self, owner: &Owner) -> usize {
        let end = format!("-{}-{}-an", self.settings.account, self.settings.region);
        let misses = ec2::near_misses(owner, "");
        let ours = owner.tags(&Tags::new());
        let shorter = QUEUE_PREFIX.trim_end_matches('-');
        for (index, tags) in misses.iter().enumerate() {
            self.plant_bucket(&format!("{QUEUE_PREFIX}near-{index}{end}"), tags.clone());
        }
        self.plant_bucket(&format!("{shorter}near{end}"), ours.clone());
        self.plant_bucket(&format!("{QUEUE_PREFIX}near-untagged"), Tags::new());
        self.plant_bucket_of(STRANGER, &format!("{QUEUE_PREFIX}near-stranger"), ours);
        misses.len() + 3
    }
}
