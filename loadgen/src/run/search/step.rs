//! One step: a rate for some seconds, watched, drained, and judged by whether the generator could send it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use wire::{
    Arrivals, ClusterFacts, ClusterReport, Connections, Environment, GeneratorFacts, OpenLoop, PlaceKind, Step, Stop,
};

use super::alone::seen;
use super::sent::{outcome, unsent};
use crate::Target;
use crate::engine::counted::Counted;
use crate::engine::drivers::{Driven, DriverLost};
use crate::mutant::Mutant;
use crate::run::course::Course;
use crate::run::environment::{Effort, parallelism};
use crate::run::measurement::{PhaseTally, cluster_report};
use crate::run::members::{Members, Readings, judge as judge_members};
use crate::run::phases::{PlacedPhase, load};
use crate::run::round::useless;
use crate::run::sight::Sight;
use crate::run::watch::{Void, Watch};
use crate::search::{NOT_COUNTED_SECONDS, Objective};

/// How often the balancer is asked how busy it is, and whether requests are in flight.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const DRAIN_LOOK_EVERY: Duration = Duration::from_millis(200);
/// A step that is to be tried.
#[derive(Clone, Copy)]
pub(super) struct Trial<'a> {
    pub(super) objective: &'a Objective,
    pub(super) target: &'a Arc<Target>,
    /// Seed of the round.
    pub(super) seed: u64,
    /// Steps of the target in this round before it.
    pub(super) number: u64,
    pub(super) rate: u32,
}

/// A step that was tried.
pub(super) struct Tried {
    pub(super) step: Step,
    pub(super) excess: f64,
    /// What counted of it.
    pub(super) report: ClusterReport,
    pub(super) tally: PhaseTally,
    /// How busy the balancer said it was while the step was sent, the median.
    pub(super) balancer_busy_per_mille: Option<u32>,
    /// Why it shows nothing of its target, if so.
    pub(super) unsent: Option<String>,
    pub(super) effort: Effort,
    /// The members afterwards, or why the round does not count.
    pub(super) after: Result<Option<Sight>, Void>,
    /// Why the run cannot go on, if so.
    pub(super) useless: Option<String>,
}

impl Course<'_> {
    pub(super) async fn try_step(
        &self,
        trial: Trial<'_>,
        before: Option<&Sight>,
        seen_members: &mut Members,
    ) -> Result<Tried, DriverLost> {
        let Trial { objective, target, rate, .. } = trial;
        let seconds = match self.search.step_seconds {
            _ if self.mutation.is(Mutant::StepsOfASecond) => 1,
            Some(seconds) => seconds,
            None => objective.seconds(rate),
        };
        let known = before.and_then(|sight| sight.ids(&target.serves));
        let idle = self.readings(seen_members, before, target).await;
        let load = self.step_load(trial, seconds, known);
        let load = self.prepared(load, true).await;
        let (mut effort, mut busy) = (Effort::default(), Vec::new());
        let driven = tokio::select! {
            driven = self.drive(load, &mut effort) => driven?,
            never = self.look_how_busy(&mut busy) => match never {},
        };
        let drained = Instant::now();
        let spent = self.readings(seen_members, before, target).await;
        let mut all = driven.clone();
        all.tally.merge(&driven.before);
        let told = self.told(target);
        let [visited, mut report] = reports(target, &driven, self.files.is_some(), (&idle, &spent), told);
        let mut after = match self.recovered(&all, target, rate, drained).await {
            Ok(()) => self.after(before, target, &visited).await,
            Err(void) => (None, Err(void)),
        };
        if let (Ok(()), Some(member)) = (&after.1, all.backends.restarted()) {
            after.1 = Err(Void::new(&target.cluster, format!("{member} of {} was restarted", target.cluster)));
        }
        report.slots = after.0.as_ref().and_then(|sight| sight.slots(&target.serves));
        let tally = PhaseTally::new(&driven.tally, driven.peak);
        let shares_machine = seen_members.share_machine();
        let unsent = self.unsent(&target.cluster, &tally, &effort, shares_machine);
        let seen = seen(&driven);
        let excess = objective.excess(&seen);
        let counted_for = driven.cut_after.unwrap_or(Duration::from_secs(u64::from(seconds)));
        busy.sort_unstable();
        let balancer_busy_per_mille = busy.get(busy.len() / 2).copied();
        let step = Step {
            requests_per_second: rate,
            requests: seen.requests,
            slow: seen.slow,
            failed: seen.failed,
            millis: counted_for.as_millis() as u64,
            outcome: outcome(unsent.as_deref(), seen.was_cut, excess),
        };
        let useless = driven.gave_up.then(|| useless(target, &driven));
        let (sight, fits) = after;
        let after = fits.map(|()| sight);
        Ok(Tried { step, excess, report, tally, balancer_busy_per_mille, unsent, effort, after, useless })
    }

    fn step_load(
        &self,
        trial: Trial<'_>,
        seconds: u32,
        known: Option<std::collections::HashSet<Vec<u8>>>,
    ) -> crate::engine::load::Load {
        let Trial { objective, target, seed, number, rate } = trial;
        let open = OpenLoop {
            arrivals: Arrivals::Poisson,
            requests_per_second: rate,
            stop: Stop::DurationSeconds(NOT_COUNTED_SECONDS + seconds),
            ramp: None,
            max_connections: None,
        };
        let mut load = load(self, target, seed, &PlacedPhase::open(number, open), known, None);
        let enough = objective.enough(u64::from(rate) * u64::from(seconds));
        let not_counted = Duration::from_secs(u64::from(NOT_COUNTED_SECONDS)).as_nanos() as u64;
        load.counted = Some(Counted::new(not_counted, self.objective_nanos(), enough));
        load.drain_nanos = self.search.recovers_within.as_nanos() as u64;
        load
    }

    /// How busy the balancer said it was in each second, while it is asked again and again.
    async fn look_how_busy(&self, busy: &mut Vec<u32>) -> Infallible {
        loop {
            sleep(LOOK_EVERY).await;
            if let Some(watch) = self.watch.as_ref().filter(|watch| watch.knows_the_balancer())
                && watch.look().await.is_ok()
            {
                busy.extend(watch.busy_per_mille());
            }
        }
    }

    /// No request of the step is in flight any more. What is open when the load ends has been waited for already.
    async fn recovered(&self, all: &Driven, target: &Target, rate: u32, since: Instant) -> Result<(), Void> {
        let within = self.search.recovers_within;
        let never = || {
            let (cluster, seconds) = (&target.cluster, within.as_secs());
            let reason = format!("{cluster} did not recover from {rate} requests/s in {seconds} s");
            Void::new(cluster, reason)
        };
        if all.tally.open.count() > 0 {
            return Err(never());
        }
        let Some(watch) = self.watch.as_ref().filter(|watch| watch.knows_the_balancer()) else { return Ok(()) };
        loop {
            let in_flight: u64 = match watch.look().await {
                Ok(sight) => watch.clusters_of(target).iter().map(|cluster| sight.in_flight(cluster)).sum(),
                // Whether the balancer is still there is another question.
                Err(_) => 0,
            };
            if in_flight == 0 {
                return Ok(());
            }
            if since.elapsed() >= within {
                return Err(never());
            }
            self.progress.waiting(&format!("{in_flight} requests of {} are in flight", target.cluster));
            sleep(DRAIN_LOOK_EVERY).await;
        }
    }

    /// Why the generator did not send a step as it was planned, if so. `shares_machine`: with a member, as far as is known.
    fn unsent(&self, cluster: &str, tally: &PhaseTally, effort: &Effort, shares_machine: bool) -> Option<String> {
        let keeps = self.spec.request.connections == Connections::Kept;
        let phase = tally.evidence(cluster.to_owned(), keeps);
        let parallelism = parallelism();
        let mut place = self.spec.facts.place.clone();
        if shares_machine || self.watch.as_ref().is_some_and(Watch::shares_machine) {
            place.kind = PlaceKind::Lab;
        }
        let generator = GeneratorFacts {
            instance_id: self.instance_id.clone(),
            parallelism: parallelism as u32,
            steal_per_mille: effort.steal_per_mille(),
            cpu_per_mille: effort.per_mille(parallelism),
            ..GeneratorFacts::default()
        };
        let environment = Environment { place, generators: vec![generator], ..Environment::default() };
        unsent(self.search.gates, self.spec, &environment, phase)
    }
}

/// A whole step, and what counts of it. Its members are judged by all of it, because they are read before it and after it.
fn reports(
    target: &Target,
    driven: &Driven,
    is_by_file: bool,
    readings: (&Readings, &Readings),
    facts: Option<&ClusterFacts>,
) -> [ClusterReport; 2] {
    let of = |driven: &Driven| cluster_report(&target.cluster, driven, target.is_named(), is_by_file);
    let (mut all, mut counted) = (driven.clone(), driven.clone());
    all.tally.merge(&driven.before);
    counted.took = counted.took.saturating_sub(Duration::from_secs(u64::from(NOT_COUNTED_SECONDS)));
    let (all, mut counted) = (of(&all), of(&counted));
    judge_members(&mut counted, all.load_micros, readings, facts);
    [all, counted]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::members::tests::{readings, unlimited};

    /// 80 % busy for 11 s of load, of which 10 s count: 50 % of each vCPU above the baseline, and not 58 %.
    #[test]
    fn surplus_is_judged_by_all_of_a_step() {
        let target = Target::parse("c", "http://127.0.0.1/").unwrap();
        let driven = Driven { took: Duration::from_secs(11), ..Driven::default() };
        let (before, after) = (readings(&[("a", [0, 0, 0])]), readings(&[("a", [17_600, 0, 24_000])]));
        let facts = unlimited(Some(50_000));
        let [all, counted] = reports(&target, &driven, false, (&before, &after), Some(&facts));
        assert_eq!((all.load_micros, counted.load_micros), (11_000_000, 10_000_000));
        assert_eq!((counted.surplus_per_mille, counted.hourly_usd_micros), (Some(1_000), Some(141_200)));
        let left_out = reports(&target, &driven, false, (&before, &after), Some(&unlimited(None)));
        assert_eq!(left_out[1].hourly_usd_micros, Some(91_200), "a surplus that is left out is noticed");
    }
}
