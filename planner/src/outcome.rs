//! The outcome of each action in the light of what lists show, what memory keeps of it, and when the next pass is due.

use jiff::SignedDuration;

use crate::effect::{Action, Done, Effect, Outcome};
use crate::failure::retry::{RetryPolicy, retry_policy};
use crate::failure::{CloudError, Failure};
use crate::provision::removal;
use crate::world::World;
use crate::world::ledger;
use crate::world::memory::{Denial, Memory, Rehearsal};

impl Outcome {
    /// The result in the light of what lists show. A policy by tags refuses what does not exist, because nothing has no tags (aws/karpenter-provider-aws#2100): while
    /// lists that are late still show a group, its absence comes as `UnauthorizedOperation`. That is believed to be a
    /// missing permission only when lists go on showing the group. So does a group of ours that was just made exist already while
    /// no list shows it; when none does for longer than lists can be late, it is not ours any more.
    pub fn of(world: &World, effect: impl Into<Effect>, result: Result<Done, CloudError>) -> Self {
        let effect = effect.into();
        let (id, patience) = match &effect.action {
            Action::DeleteGroup { id, .. } | Action::AuthorizeIngress { group_id: id, .. } => {
                (id, world.settings.proof_gap)
            }
            Action::CreateGroup(request) => (&request.name, world.settings.settle),
            _ => return Self::new(effect, result),
        };
        let since = world.memory.refused_groups.get(id);
        let is_late = since.is_none_or(|since| world.now.duration_since(*since) < patience);
        let result = result.map_err(|error| match error.failure {
            Failure::Unauthorized if is_late && !matches!(effect.action, Action::CreateGroup(_)) => {
                CloudError { failure: Failure::NotFound, ..error }
            }
            // A group of our name that no list shows as ours.
            Failure::AlreadyExists if !is_late => CloudError::new(
                Failure::Rejected,
                error.code,
                format!(
                    "{}; it does not carry our tags: if somebody edited them, put them back, else delete it",
                    error.message
                ),
            ),
            _ => error,
        });
        Self::new(effect, result)
    }
}

impl Memory {
    /// After the actions of a pass were tried.
    pub fn acted(&mut self, world: &World, outcomes: &[Outcome]) {
        for outcome in outcomes {
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
                (Action::DeleteGroup { id, .. }, Err(error)) if error.failure == Failure::DependencyViolation => {
                    self.held_groups.entry(id.clone()).or_insert(world.now);
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
                (Action::DeleteGroup { id, name }, Ok(_)) => {
                    self.deleted_groups.insert(name.clone());
                    self.held_groups.remove(id);
                    self.refused_groups.remove(id);
                }
                (Action::CreateGroup(request), result) => {
                    self.deleted_groups.remove(&request.name);
                    match result.as_ref().map_err(|error| error.failure) {
                        Err(Failure::AlreadyExists | Failure::Rejected) => {
                            self.refused_groups.entry(request.name.clone()).or_insert(world.now);
                        }
                        _ => drop(self.refused_groups.remove(&request.name)),
                    }
                }
                (Action::DeleteGroup { id, .. } | Action::AuthorizeIngress { group_id: id, .. }, Err(error))
                    if matches!(error.failure, Failure::NotFound | Failure::Unauthorized) =>
                {
                    self.refused_groups.entry(id.clone()).or_insert(world.now);
                }
                (Action::AuthorizeIngress { group_id, .. }, Ok(_)) => {
                    self.refused_groups.remove(group_id);
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
