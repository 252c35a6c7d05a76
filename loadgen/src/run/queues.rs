//! Looks at the queues behind a front while a run is on: how many requests wait in them, and how many instances work on them.

use std::convert::Infallible;
use std::future::pending;

use tokio::time::sleep;

use crate::run::course::Course;

impl Course<'_> {
    /// Looks for ever. Who is no front is never asked for it. A look that fails is left out: whether the run counts is decided
    /// by others.
    ///
    /// # Cancellation
    /// Dropping the future ends it; what was seen is kept.
    pub(crate) async fn look_at_queues(&self) -> Infallible {
        let Some(watch) = &self.watch else { return pending().await };
        loop {
            sleep(self.queue_looks).await;
            if !watch.has_queues() {
                continue;
            }
            let Ok(sight) = watch.look().await else { continue };
            for target in &self.targets {
                if let Some(queue) = sight.of(&target.serves).and_then(|cluster| cluster.queue.as_ref()) {
                    self.series.look(&target.cluster, queue);
                }
            }
        }
    }
}
