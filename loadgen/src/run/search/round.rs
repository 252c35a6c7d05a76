//! One round of a search: a way for each target that goes on, the targets in turn step by step, watched for losses.

use wire::{RoundReport, WayOutcome};

use super::Search;
use super::step::Trial;
use super::walk::Walk;
use crate::Attempt;
use crate::engine::drivers::DriverLost;
use crate::mutant::{Mutant, Mutation};
use crate::run::course::Course;
use crate::run::environment::Effort;
use crate::run::measurement::PhaseTallies;
use crate::run::members::Members;
use crate::run::round::Attempted;
use crate::run::watch::Void;
use crate::search::{Estimate, Round, start_of};

/// Ways by number of the target, in the order of the round.
type Walks = Vec<(usize, Walk)>;

impl Course<'_> {
    /// Walks a way for each target. The round ends at the first reason to void it: what follows would not count.
    pub(crate) async fn search_round(
        &self,
        search: &mut Search,
        number: u32,
        attempt: Attempt,
        effort: &mut Effort,
        seen: &mut Members,
    ) -> Result<Attempted, DriverLost> {
        let going_on: Vec<usize> =
            attempt.order.iter().copied().filter(|index| search.targets[*index].goes_on()).collect();
        let mut walks: Walks = going_on.iter().map(|index| (*index, Walk::default())).collect();
        let authorities = self.authorities();
        let (settled, ()) = tokio::join!(self.settled(), self.names.look_up(&authorities));
        let mut before = match settled {
            Ok(sight) => sight,
            Err(why) => return Ok(self.voided(number, &attempt, Walks::new(), why)),
        };
        let mut round = search.ways(attempt.seed, &going_on, self.mutation);
        while let Some((index, rate)) = round.next() {
            let target = &self.targets[index];
            let Some((_, walk)) = walks.iter_mut().find(|(number, _)| *number == index) else { break };
            self.progress.trying(&target.cluster, walk.kept(), walk.missed(), rate);
            self.series.begin(&target.cluster, number);
            let trial = Trial { objective: &search.objective, target, seed: attempt.seed, number: walk.next(), rate };
            let tried = self.try_step(trial, before.as_ref(), seen).await?;
            self.series.end(&target.cluster);
            let step = tried.step;
            tracing::debug!(cluster = target.cluster, ?step, "step tried");
            self.progress.measured(number, &tried.report);
            let (after, useless) = (tried.after.clone(), tried.useless.clone());
            match &tried.unsent {
                Some(reason) => {
                    tracing::debug!(cluster = target.cluster, reason, "step not sent");
                    let reason = reason.clone();
                    walk.add(tried);
                    // What disturbed the generator is no limit of it: the same rate has its turn again.
                    if walk.unsent() >= search.tries(rate) {
                        round.gives_up();
                        walk.ended(&reason);
                    }
                }
                None => {
                    // What the generator did while it could not send is no reason against the run.
                    effort.add_all(&tried.effort);
                    search.sent = search.sent.max(rate);
                    round.tried(tried.excess);
                    walk.add(tried);
                }
            }
            if let Some(useless) = useless {
                let attempted = self.attempted(number, &attempt, walks, &useless);
                return Ok(Attempted { useless: Some(useless), ..attempted });
            }
            before = match after {
                Ok(sight) => sight.or(before),
                Err(why) => return Ok(self.voided(number, &attempt, walks, why)),
            };
        }
        for (index, found) in round.found() {
            if let Some((_, walk)) = walks.iter_mut().find(|(number, _)| *number == index) {
                walk.found(found);
            }
        }
        search.learn(&walks);
        Ok(self.attempted(number, &attempt, walks, ""))
    }

    /// What was found so far, in the order of the round. A way that has not ended did so because of `reason`.
    fn attempted(&self, number: u32, attempt: &Attempt, walks: Walks, reason: &str) -> Attempted {
        let (mut clusters, mut phases) = (Vec::with_capacity(walks.len()), PhaseTallies::new());
        for (index, mut walk) in walks {
            if !walk.is_ended() {
                walk.ended(reason);
            }
            let Some((report, tally)) = walk.into_report() else { continue };
            if let Some(tally) = tally {
                phases.insert((self.targets[index].cluster.clone(), 0), tally);
            }
            clusters.push(report);
        }
        let round = RoundReport::counted(number, attempt.seed, clusters);
        Attempted { round, phases, useless: None, is_restless: false }
    }

    fn voided(&self, number: u32, attempt: &Attempt, walks: Walks, void: Void) -> Attempted {
        Attempted::voided(self.attempted(number, attempt, walks, &void.reason).round, void)
    }
}

impl Search {
    /// Ways that begin near what is believed of each target.
    pub(crate) fn ways(&self, seed: u64, going_on: &[usize], mutation: Mutation) -> Round {
        let believed = |index: &usize| Some((*index, self.targets[*index].estimate.as_ref()?, self.most));
        let targets = going_on.iter().filter_map(believed);
        if mutation.is(Mutant::OneStartForAll) {
            let start = |(index, estimate, most): (usize, &Estimate, u32)| {
                (index, estimate.start(&mut start_of(seed, 0)), most)
            };
            return Round::begun(targets.map(start));
        }
        Round::new(seed, targets)
    }

    /// Takes in what the ways of a round found that counts.
    fn learn(&mut self, walks: &Walks) {
        for (index, walk) in walks {
            let Some(target) = self.targets.get_mut(*index) else { continue };
            match walk.capacity() {
                Some((WayOutcome::Found, Some(milli))) => {
                    // As the report has it: whoever reads that can tell the same rates.
                    let capacity = milli as f64 / 1e3;
                    if let Some(estimate) = &mut target.estimate {
                        estimate.learn(capacity);
                    }
                    target.found.push(milli);
                    target.is_short |= self.objective.is_short(capacity as u32);
                }
                Some((WayOutcome::AtLeast, kept)) => target.kept.push(kept),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use wire::{Metric, RunSpec, Target};

    use super::*;

    /// First rates of two targets of which the same is believed, for some seeds.
    fn first_rates(mutant: Option<Mutant>) -> Vec<[u32; 2]> {
        let objective = wire::Objective { metric: Metric::P99, at_most_micros: 1, max_failed_per_mille: 1 };
        let spec = RunSpec {
            search: Some(wire::Search { objective, most_requests_per_second: None, sizing: None }),
            targets: vec![Target::default(), Target::default()],
            ..RunSpec::default()
        };
        let mut search = Search::of(&spec).unwrap();
        search.targets.iter_mut().for_each(|target| target.estimate = Some(Estimate::new(100_000.0)));
        let first = |seed, index| search.ways(seed, &[index], Mutation { mutant }).next().unwrap().1;
        (0..20).map(|seed| [first(seed, 0), first(seed, 1)]).collect()
    }

    #[test]
    fn ways_that_all_begin_at_one_start_are_noticed() {
        let are_apart = |rates: Vec<[u32; 2]>| rates.iter().all(|[one, other]| one != other);
        assert!(are_apart(first_rates(None)), "the honest one fails the check");
        assert!(!are_apart(first_rates(Some(Mutant::OneStartForAll))), "nobody noticed");
    }
}
