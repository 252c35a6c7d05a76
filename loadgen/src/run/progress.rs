//! Progress of a run, for people who wait.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use wire::{ClusterReport, Hold, LiveCapacity, LiveTarget};

use crate::engine::recording::Tally;
use crate::engine::segment::Second;

/// Written by the run, read by whoever asks; and whether somebody wants it to stay where it is.
#[derive(Debug)]
pub struct Progress {
    state: Mutex<State>,
    wish: watch::Sender<Wish>,
}

/// Wish of the operator for a run between two rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    GoOn,
    Hold,
}

#[derive(Debug)]
struct State {
    rounds: u32,
    done: u32,
    voided: u32,
    warning: String,
    /// Id of the balancer that was met.
    balancer: String,
    /// The last of each target, and what a search knows of it.
    live: Vec<LiveTarget>,
    activity: Activity,
}

#[derive(Debug)]
enum Activity {
    Preparing,
    Waiting(String),
    Load {
        cluster: String,
        warms_up: bool,
        latest: Box<Latest>,
    },
    Pause {
        cluster: String,
        seconds: u32,
    },
    Held,
    /// What is found out before the first round of a search.
    Before(String),
    Step {
        cluster: String,
        kept: Option<u32>,
        missed: Option<u32>,
        next: u32,
    },
}

/// The second that goes on, put together from the threads', and what the one before came to.
#[derive(Debug, Default)]
struct Latest {
    number: u64,
    tally: Tally,
    /// Requests that ended in it, and their numbers as text.
    before: Option<(u64, String)>,
}

impl Latest {
    fn add(&mut self, second: &Second) {
        if second.number > self.number {
            let ended = self.tally.response.count() + self.tally.failures.total();
            self.before = Some((ended, figures(&self.tally)));
            (self.number, self.tally) = (second.number, Tally::default());
        }
        self.tally.merge(&second.tally);
    }
}

/// `p50 1.2 ms, p99 3.4 ms, 0 failed, sent 12 us late`: the last is the 99th percentile of the lag.
fn figures(tally: &Tally) -> String {
    let failed = tally.failures.total();
    let latency = tally.response.quantiles(failed);
    let lag = tally.send_lag.quantiles(0);
    format!(
        "p50 {}, p99 {}, {failed} failed, sent {} late",
        stats::quantile(latency.p50_micros, stats::time),
        stats::quantile(latency.p99_micros, stats::time),
        stats::quantile(lag.p99_micros, stats::time)
    )
}

impl State {
    /// What is told of a target.
    fn of(&mut self, cluster: &str) -> &mut LiveTarget {
        let there = self.live.iter().position(|one| one.cluster == cluster);
        let index = there.unwrap_or_else(|| {
            self.live.push(LiveTarget { cluster: cluster.to_owned(), ..LiveTarget::default() });
            self.live.len() - 1
        });
        &mut self.live[index]
    }
}

impl Progress {
    pub fn new(rounds: u32) -> Self {
        let state = Mutex::new(State {
            rounds,
            done: 0,
            voided: 0,
            warning: String::new(),
            balancer: String::new(),
            live: Vec::new(),
            activity: Activity::Preparing,
        });
        Self { state, wish: watch::Sender::new(Wish::GoOn) }
    }

    /// The run goes on, or is held when the round that is on has ended.
    pub(crate) fn wish(&self, wish: Wish) {
        self.wish.send_replace(wish);
    }

    /// Whether it is held, or will be.
    pub(crate) fn hold(&self) -> Hold {
        match (*self.wish.borrow(), &self.state().activity) {
            (Wish::GoOn, _) => Hold::No,
            (Wish::Hold, Activity::Held) => Hold::Held,
            (Wish::Hold, _) => Hold::AfterThisRound,
        }
    }

    /// Between two rounds: waits as long as somebody wants that. `false`: nobody did.
    pub(crate) async fn stays(&self) -> bool {
        if *self.wish.borrow() == Wish::GoOn {
            return false;
        }
        self.state().activity = Activity::Held;
        // The sender is ours: it is there as long as we are.
        let _gone = self.wish.subscribe().wait_for(|wish| *wish == Wish::GoOn).await.is_err();
        // Not held any more, also if somebody wishes for it anew before the next round says what it does.
        self.waiting("the run goes on");
        true
    }

    /// Rounds that count, rounds to the next look, and rounds that were voided.
    pub fn rounds(&self) -> (u32, u32, u32) {
        let state = self.state();
        (state.done, state.rounds, state.voided)
    }

    /// So many rounds are measured before the run is looked at (again).
    pub(crate) fn until(&self, rounds: u32) {
        self.state().rounds = rounds;
    }

    /// One line: `round 7 of 20, cluster2: 812 requests/s, p50 1.2 ms, p99 3.4 ms, 0 failed, sent 12 us late`.
    pub fn message(&self) -> String {
        let state = self.state();
        let round = format!("round {} of {}", (state.done + 1).min(state.rounds), state.rounds);
        match &state.activity {
            Activity::Preparing => "preparing".to_owned(),
            Activity::Waiting(reason) => format!("{round}, waiting: {reason}"),
            Activity::Held => format!("held after round {} of {}", state.done, state.rounds),
            Activity::Pause { cluster, seconds } => format!("{round}, {cluster}: pause of {seconds} s"),
            Activity::Before(what) => what.clone(),
            Activity::Step { cluster, kept, missed, next } => {
                let step = match (kept, missed) {
                    (Some(kept), _) => format!("{kept} requests/s kept, {next} next"),
                    (None, Some(missed)) => format!("{missed} requests/s not kept, {next} next"),
                    (None, None) => format!("{next} requests/s next"),
                };
                let known = state.live.iter().find(|one| one.cluster == *cluster).and_then(|one| one.capacity);
                let known = known.filter(|known| known.rounds > 0);
                let known = known.map(|known| format!("; capacity {}", report::capacity_so_far(&known)));
                format!("{round}, {cluster}: {step}{}", known.unwrap_or_default())
            }
            Activity::Load { cluster, warms_up, latest } => {
                let what = if *warms_up { format!("warm-up, {cluster}") } else { format!("{round}, {cluster}") };
                match &latest.before {
                    Some((ended, figures)) => format!("{what}: {ended} requests/s, {figures}"),
                    None => format!("{what}: begins"),
                }
            }
        }
    }

    pub(crate) fn waiting(&self, reason: &str) {
        self.state().activity = Activity::Waiting(reason.to_owned());
    }

    pub(crate) fn pausing(&self, cluster: &str, seconds: u32) {
        self.state().activity = Activity::Pause { cluster: cluster.to_owned(), seconds };
    }

    pub(crate) fn loading(&self, cluster: &str, warms_up: bool) {
        let (cluster, latest) = (cluster.to_owned(), Box::default());
        self.state().activity = Activity::Load { cluster, warms_up, latest };
    }

    /// Something is found out before the first round of a search.
    pub(crate) fn finding_out(&self, what: String) {
        self.state().activity = Activity::Before(what);
    }

    /// A rate is tried; `kept` and `missed` are the highest that was kept so far in this round, and the lowest that was not.
    pub(crate) fn trying(&self, cluster: &str, kept: Option<u32>, missed: Option<u32>, next: u32) {
        let mut state = self.state();
        state.of(cluster).step_requests_per_second = Some(next);
        state.activity = Activity::Step { cluster: cluster.to_owned(), kept, missed, next };
    }

    /// What the finished rounds of a search found of a target.
    pub(crate) fn found(&self, cluster: &str, known: LiveCapacity) {
        self.state().of(cluster).capacity = Some(known);
    }

    pub(crate) fn second(&self, second: &Second) {
        if let Activity::Load { latest, .. } = &mut self.state().activity {
            latest.add(second);
        }
    }

    /// A target was measured in a round that may still be voided. No step of it is on any more.
    pub(crate) fn measured(&self, round: u32, report: &ClusterReport) {
        let mut state = self.state();
        let live = state.of(&report.cluster);
        *live = LiveTarget {
            cluster: report.cluster.clone(),
            round,
            requests_per_second: report.requests_per_second,
            p50_micros: report.latency.exact(report.latency.p50_micros),
            p99_micros: report.latency.exact(report.latency.p99_micros),
            capacity: live.capacity,
            step_requests_per_second: None,
        };
    }

    /// Targets as they were when each was last measured.
    pub(crate) fn live(&self) -> Vec<LiveTarget> {
        self.state().live.clone()
    }

    pub(crate) fn counted(&self) {
        self.state().done += 1;
    }

    pub(crate) fn voided(&self) {
        self.state().voided += 1;
    }

    /// Warning although the run goes on; empty: none.
    pub fn warning(&self) -> String {
        self.state().warning.clone()
    }

    pub(crate) fn warn(&self, warning: String) {
        self.state().warning = warning;
    }

    /// Id of the balancer that the run is measured through; empty: none has answered yet.
    pub(crate) fn balancer(&self) -> String {
        self.state().balancer.clone()
    }

    pub(crate) fn met(&self, balancer: &str) {
        self.state().balancer = balancer.to_owned();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic happens under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_going_on() {
        let progress = Progress::new(20);
        assert_eq!(progress.message(), "preparing");
        progress.loading("cluster1", true);
        assert_eq!(progress.message(), "warm-up, cluster1: begins");
        progress.counted();
        progress.voided();
        progress.pausing("cluster2", 60);
        assert_eq!(progress.message(), "round 2 of 20, cluster2: pause of 60 s");
        progress.waiting("i-1 of cluster1 is unhealthy");
        assert_eq!(progress.message(), "round 2 of 20, waiting: i-1 of cluster1 is unhealthy");
        progress.finding_out("cluster1: one request at a time".to_owned());
        assert_eq!(progress.message(), "cluster1: one request at a time");
        progress.trying("cluster2", None, None, 860);
        assert_eq!(progress.message(), "round 2 of 20, cluster2: 860 requests/s next");
        progress.trying("cluster2", None, Some(860), 812);
        assert_eq!(progress.message(), "round 2 of 20, cluster2: 860 requests/s not kept, 812 next");
        progress.trying("cluster2", Some(812), Some(1_000), 905);
        assert_eq!(progress.message(), "round 2 of 20, cluster2: 812 requests/s kept, 905 next");
        let known = LiveCapacity { milli_rps: Some(741_300), rounds: 1, ..LiveCapacity::default() };
        progress.found("cluster1", known);
        progress.found("cluster2", LiveCapacity::default());
        progress.trying("cluster2", None, None, 860);
        assert_eq!(progress.message(), "round 2 of 20, cluster2: 860 requests/s next", "nothing is known of it");
        progress.trying("cluster1", Some(720), None, 763);
        let shown = "round 2 of 20, cluster1: 720 requests/s kept, 763 next; capacity 741 after 1 round";
        assert_eq!(progress.message(), shown);
        progress.waiting("i-1 of cluster1 is unhealthy");
        progress.until(40);
        assert_eq!(progress.message(), "round 2 of 40, waiting: i-1 of cluster1 is unhealthy");
        assert_eq!(progress.rounds(), (1, 40, 1));
    }

    #[tokio::test]
    async fn a_run_that_goes_on_is_not_held_although_it_will_be_again() {
        let progress = Progress::new(20);
        progress.wish(Wish::Hold);
        let go_on = async { progress.wish(Wish::GoOn) };
        assert_eq!(tokio::join!(biased; progress.stays(), go_on), (true, ()));
        assert_eq!(progress.message(), "round 1 of 20, waiting: the run goes on");
        progress.wish(Wish::Hold);
        assert_eq!(progress.hold(), Hold::AfterThisRound);
    }

    #[test]
    fn each_target_is_shown_as_it_was_last() {
        let progress = Progress::new(2);
        let report = |cluster: &str, requests_per_second| ClusterReport {
            cluster: cluster.to_owned(),
            requests_per_second,
            ..ClusterReport::default()
        };
        for (round, cluster, rate) in [(1, "b", 10), (1, "a", 20), (2, "a", 30)] {
            progress.measured(round, &report(cluster, rate));
        }
        let shown = progress.live().into_iter().map(|one| (one.cluster, one.round, one.requests_per_second));
        assert_eq!(shown.collect::<Vec<_>>(), [("b".to_owned(), 1, 10), ("a".to_owned(), 2, 30)]);
    }

    #[test]
    fn a_search_shows_what_is_known_beside_the_step_that_is_on() {
        let progress = Progress::new(3);
        progress.found("a", LiveCapacity::default());
        progress.trying("a", None, None, 860);
        let shown = || {
            let live = progress.live().remove(0);
            let milli_rps = live.capacity.and_then(|known| known.milli_rps);
            (live.round, live.requests_per_second, live.step_requests_per_second, milli_rps)
        };
        assert_eq!(shown(), (0, 0, Some(860), None), "before anything was measured");
        let requests_per_second = 857;
        progress.measured(1, &ClusterReport { cluster: "a".into(), requests_per_second, ..ClusterReport::default() });
        assert_eq!(shown(), (1, 857, None, None), "no step is on");
        progress.found("a", LiveCapacity { milli_rps: Some(741_300), rounds: 1, ..LiveCapacity::default() });
        progress.trying("a", None, None, 763);
        assert_eq!(shown(), (1, 857, Some(763), Some(741_300)), "beside the numbers of the last step");
    }

    #[test]
    fn the_last_whole_second_is_shown_over_all_threads() {
        let progress = Progress::new(1);
        progress.loading("c", false);
        let second = |number, micros| {
            let mut tally = Tally::default();
            tally.response.record(micros);
            tally.send_lag.record(5);
            let (members, sends) = (Vec::new(), Vec::new());
            Second {
                thread: 0,
                number,
                utc_second: number,
                tally,
                counts: true,
                members,
                sends,
                is_over: true,
                is_last: false,
            }
        };
        progress.second(&second(0, 100));
        progress.second(&second(0, 300));
        assert_eq!(progress.message(), "round 1 of 1, c: begins");
        progress.second(&second(1, 9));
        let shown = "round 1 of 1, c: 2 requests/s, p50 100 us, p99 300 us, 0 failed, sent 5 us late";
        assert_eq!(progress.message(), shown);
    }
}
