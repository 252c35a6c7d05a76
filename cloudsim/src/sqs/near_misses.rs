//! Queues of others that differ from ours in as little as can be.

use planner::owner::Owner;
use planner::ports::QUEUE_PREFIX;

use super::Sqs;
use super::queue::CreateQueue;
use crate::ec2;

impl Sqs<'_> {
    /// Plants queues of others whose names begin as ours do and whose tags differ from those of `owner` in as little as can
    /// be, and one without tags. Their number.
    pub fn plant_near_misses(&mut self, owner: &Owner) -> usize {
        let mut all = ec2::near_misses(owner, "");
        all.push(Default::default());
        let count = all.len();
        for (index, tags) in all.into_iter().enumerate() {
            let name = format!("{QUEUE_PREFIX}near-{index}-in");
            self.plant_queue(&CreateQueue { name, tags, ..CreateQueue::default() });
        }
        count
    }
}
