//! The budget of retries: when everything fails, retrying everything doubles the load that made it fail.

use super::Nanos;

/// Retries per hundred requests, over the window.
const PERCENT: u64 = 10;
/// Retries per second on top, so that a cluster with little traffic may retry at all.
const PER_SECOND: u64 = 3;
/// Seconds over which requests and retries are counted. Both figures and the window are those of Finagle's and
/// linkerd's retry budgets, with a lower percentage and floor.
const WINDOW_SECONDS: usize = 10;

/// Requests and retries of the last ten seconds, in slots of one second.
#[derive(Clone, Debug, Default)]
pub(crate) struct RetryBudget {
    slots: [Slot; WINDOW_SECONDS],
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    second: u64,
    requests: u64,
    retries: u64,
}

impl RetryBudget {
    /// A client's request came in.
    pub(crate) fn request(&mut self, now: Nanos) {
        self.slot(now).requests += 1;
    }

    /// One retry is made.
    pub(crate) fn retry(&mut self, now: Nanos) {
        self.slot(now).retries += 1;
    }

    /// True when another retry may be made.
    pub(crate) fn allows(&self, now: Nanos) -> bool {
        let oldest = (second(now) + 1).saturating_sub(WINDOW_SECONDS as u64);
        let (mut requests, mut retries) = (0, 0);
        for slot in self.slots.iter().filter(|slot| slot.second >= oldest) {
            requests += slot.requests;
            retries += slot.retries;
        }
        retries < requests * PERCENT / 100 + PER_SECOND * WINDOW_SECONDS as u64
    }

    fn slot(&mut self, now: Nanos) -> &mut Slot {
        let second = second(now);
        let slot = &mut self.slots[(second % WINDOW_SECONDS as u64) as usize];
        if slot.second != second {
            *slot = Slot { second, ..Slot::default() };
        }
        slot
    }
}

fn second(now: Nanos) -> u64 {
    now.0 / 1_000_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn taken(budget: &mut RetryBudget, now: Nanos, tries: u64) -> u64 {
        let mut take = || {
            let allowed = budget.allows(now);
            if allowed {
                budget.retry(now);
            }
            allowed
        };
        (0..tries).filter(|_| take()).count() as u64
    }

    #[test]
    fn an_idle_cluster_may_retry_a_little() {
        assert_eq!(taken(&mut RetryBudget::default(), Nanos(0), 100), 30);
    }

    #[test]
    fn a_busy_one_a_tenth_more() {
        let mut budget = RetryBudget::default();
        (0..1_000).for_each(|n| budget.request(Nanos(n * SECOND / 200)));
        assert_eq!(taken(&mut budget, Nanos(5 * SECOND), 1_000), 130);
        assert!(!budget.allows(Nanos(9 * SECOND)));
    }

    #[test]
    fn what_is_older_than_the_window_counts_no_more() {
        let mut budget = RetryBudget::default();
        (0..1_000).for_each(|_| budget.request(Nanos(SECOND)));
        assert_eq!(taken(&mut budget, Nanos(SECOND), 1_000), 130);
        assert_eq!(taken(&mut budget, Nanos(10 * SECOND), 10), 0);
        assert_eq!(taken(&mut budget, Nanos(11 * SECOND), 100), 30);
    }
}
