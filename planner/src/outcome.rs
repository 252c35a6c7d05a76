//! The outcome of each action in the light of what lists show, what memory keeps of it, and when the next pass is due.

use jiff::SignedDuration;

use crate::effect::{Action, Concern, Done, Effect, Outcome};
use crate::failure::retry::{RetryPolicy, retry_policy};
use crate::failure::{CloudError, Failure};
use crate::provision::removal;
use crate::resources::answer;
use crate::world::World;
use crate::world::ledger;
use crate::world::memory::{Denial, Memory, Rehearsal};

impl Outcome {
    /// The result in the light of what lists show.
    pub fn of(world: &World, effect: impl Into<Effect>, result: Result<Done, CloudError>) -> Self {
        let effect = effect.into();
        let result = match effect.action.by_name() {
            Some(about) if result.is_ok() && answer::is_in_vain(world, about) => Err(answer::in_vain(about)),
            Some(about) => result.map_err(|error| answer::believed(world, about, error)),
            None => result,
        };
        Self::new(effect, result)
    }
}

impl Memory {
    /// After the actions of a pass were tried.
    pub fn acted(&mut self, world: &World, outcomes: &[Outcome]) {
        // Whatever was changed is read anew.
        let is_of_front = |action: &Action| {
            action.nature().concern == Concern::Balancing && !matches!(action, Action::Deliver { .. })
        };
        if outcomes.iter().any(|outcome| is_of_front(&outcome.action)) {
            self.application = None;
        }
        for outcome in outcomes {
            if let Some(about) = outcome.action.by_name() {
                answer::remember(self, world, about, &outcome.result);
            }
            match (&outcome.action, &outcome.result) {
                (Action::Launch(request), result) => {
                    // These came before anything was done, and cannot have started anything.
                    let untouched = matches!(
                        result.as_ref().map_err(|error| error.failure),
                        Err(Failure::Throttled | Failure::Unauthorized | Failure::CredentialsExpired)
                    );
                    if !untouched {
                        self.unsent.remove(&request.token);
                    }
                }
                (Action::Terminate(ids), Ok(Done::Terminated(refused))) => {
                    self.denials.retain(|id, _| !ids.contains(id));
                    let told = refused.iter().filter(|refused| !removal::is_unseen(world, refused));
                    self.denials.extend(told.map(|one| (one.id.clone(), Denial::of(one, world.now))));
                }
                (Action::Rehearse(request), result) => {
                    let hash = ledger::request_sha256(request);
                    match Rehearsal::heard(result, self.looked_at.unwrap_or_default()) {
                        Some(heard) => drop(self.rehearsals.insert(hash, heard)),
                        None => drop(self.rehearsals.remove(&hash)),
                    }
                }
                _ => {}
            }
        }
    }

    /// When to look again after a pass: not before the worst of its failures allows.
    pub fn wake(&mut self, planned: SignedDuration, outcomes: &[Outcome]) -> SignedDuration {
        let retry = |outcome: &Outcome| {
            let retry = retry_policy(outcome.result.as_ref().err()?.failure);
            // What says nothing about a launch is asked again, and not at once: nothing else has happened.
            let says_nothing = retry == RetryPolicy::Now && matches!(outcome.action, Action::Rehearse(_));
            Some(if says_nothing { RetryPolicy::Backoff } else { retry })
        };
        let retries = || outcomes.iter().filter_map(retry);
        self.failed_passes =
            if retries().all(|retry| retry == RetryPolicy::Now) { 0 } else { self.failed_passes.saturating_add(1) };
        retries().map(|retry| retry.pause(self.failed_passes)).fold(planned, SignedDuration::max)
    }
}
