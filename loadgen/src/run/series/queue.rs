//! Looks at the queue of one cluster: as many as a picture shows, however long the run is. Pure.

use wire::{QueueColumns, QueueStatus};

/// Looks that are kept at most. When there are more, every other one goes, and later ones are further apart.
const MOST_LOOKS: usize = 600;

/// What the front said, oldest first.
#[derive(Debug)]
pub(super) struct QueueSeries {
    looks: Vec<Look>,
    /// One of so many looks is kept.
    every: u64,
    seen: u64,
}

#[derive(Clone, Copy, Debug)]
struct Look {
    /// Milliseconds since 1970.
    millis: u64,
    waiting: u64,
    taken: u64,
    running: u64,
    starting: Option<u64>,
}

impl Default for QueueSeries {
    fn default() -> Self {
        Self { looks: Vec::new(), every: 1, seen: 0 }
    }
}

impl QueueSeries {
    pub(super) fn look(&mut self, millis: u64, queue: &QueueStatus) {
        let is_kept = self.seen.is_multiple_of(self.every);
        self.seen += 1;
        if !is_kept {
            return;
        }
        let (waiting, taken) = queue.unanswered();
        let starting = queue.scaling.as_ref().map(|scaling| u64::from(scaling.starting));
        self.looks.push(Look { millis, waiting, taken, running: queue.running, starting });
        if self.looks.len() > MOST_LOOKS {
            let mut number = 0;
            self.looks.retain(|_| {
                number += 1;
                number % 2 == 1
            });
            self.every *= 2;
        }
    }

    /// All of it from `start` on, in milliseconds since 1970. `None`: nobody looked.
    pub(super) fn into_columns(self, start: u64) -> Option<QueueColumns> {
        let looks: Vec<Look> = self.looks.into_iter().filter(|look| look.millis >= start).collect();
        if looks.is_empty() {
            return None;
        }
        let column = |of: fn(&Look) -> u64| looks.iter().map(of).collect::<Vec<_>>();
        Some(QueueColumns {
            at_millis: looks.iter().map(|look| look.millis - start).collect(),
            waiting: column(|look| look.waiting),
            taken: column(|look| look.taken),
            running: column(|look| look.running),
            starting: looks.iter().map(|look| look.starting).collect::<Option<Vec<_>>>().unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use wire::ScalingStatus;

    use super::*;

    #[test]
    fn a_long_run_keeps_as_many_looks_as_a_picture_shows() {
        let mut series = QueueSeries::default();
        for second in 0..10_000u64 {
            let scaling = Some(ScalingStatus { starting: 1, ..ScalingStatus::default() });
            let queue = QueueStatus { open: second, in_flight: 2, running: 3, scaling, ..QueueStatus::default() };
            series.look(1_000 * (second + 60), &queue);
        }
        let columns = series.into_columns(60_000).unwrap();
        let length = columns.at_millis.len();
        assert!((MOST_LOOKS / 2..=MOST_LOOKS).contains(&length), "{length}");
        assert_eq!([&columns.waiting, &columns.taken, &columns.running, &columns.starting].map(Vec::len), [length; 4]);
        let gaps: Vec<u64> = columns.at_millis.windows(2).map(|two| two[1] - two[0]).collect();
        assert!(gaps.iter().all(|gap| *gap == gaps[0]), "evenly, from the first on: {gaps:?}");
        assert_eq!((columns.at_millis[0], columns.at_millis[length - 1] > 9_900_000), (0, true));
        assert_eq!((columns.waiting[5], columns.taken[5]), (columns.at_millis[5] / 1_000 - 2, 2));
        assert_eq!(QueueSeries::default().into_columns(0), None);
    }
}
