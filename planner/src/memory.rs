//! What a process remembers between passes. Losing it only delays: everything it allows is also reached by waiting.

use std::collections::{BTreeMap, BTreeSet};

use api::Launch;
use jiff::{SignedDuration, Timestamp};

use crate::Failure;
use crate::ledger;
use crate::plan::Action;
use crate::rehearsal::Rehearsal;
use crate::status::{Done, Outcome};
use crate::termination::{self, Denial};
use crate::verdict::{Retry, verdict};
use crate::world::World;

/// Longer than any pause between two looks at an object that is being torn down.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_secs(180);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Launches that this process wrote down itself and has not sent, by token.
    pub unsent: BTreeSet<String>,
    /// When something was first looked for in vain, after its settling time, by token or group name.
    pub absent_since: BTreeMap<String, Timestamp>,
    /// Groups that were seen and whose deletion was answered, by name: no list has to prove their absence a second time.
    pub deleted_groups: BTreeSet<String>,
    /// Groups that EC2 does not let go because something depends on them, by id, and since when.
    pub held_groups: BTreeMap<String, Timestamp>,
    /// Terminations that were refused, by instance.
    pub denials: BTreeMap<String, Denial>,
    /// When EC2 first refused to change a group that lists show, by its id, or to make one that they do not show, by its
    /// name: see [`Outcome::of`].
    pub refused_groups: BTreeMap<String, Timestamp>,
    /// What was heard of launches that are about to be written down, by the hash of the request.
    pub rehearsals: BTreeMap<String, Rehearsal>,
    /// When this process looked last.
    pub looked_at: Option<Timestamp>,
    /// Passes in a row of which an effect failed.
    pub failed_passes: u32,
}

impl Memory {
    /// At the beginning of a look. Absence is proven by looks that follow each other: what was missed before a long
    /// pause may have been made and lost again in it.
    pub(crate) fn look(&mut self, world: &World) {
        if self.looked_at.is_none_or(|at| world.now.duration_since(at) > LONGEST_PAUSE) {
            self.absent_since.clear();
        }
        self.looked_at = Some(world.now);
        // A line that another process took over may have been sent by it, also when it is ours again: the write by which
        // we take it back may count without an answer, and then nobody else tells.
        let (lines, process) = (&world.object.status.launches, &world.settings.process);
        self.unsent.retain(|token| lines.iter().any(|line| line.token == *token && line.sender == *process));
    }

    /// Forgets every proof of a teardown: things are made again.
    pub(crate) fn begin_anew(&mut self) {
        self.absent_since.clear();
        self.deleted_groups.clear();
    }

    /// A group is about to be made: whatever was proven of an earlier one of this name is void.
    pub(crate) fn forget_group(&mut self, name: &str) {
        self.absent_since.retain(|what, _| !what.ends_with(name));
        self.deleted_groups.remove(name);
    }

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
                    let told = refused.iter().filter(|refused| !termination::is_unseen(world, refused));
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
                (Action::DeleteGroup { id, .. } | Action::Allow { group_id: id, .. }, Err(error))
                    if matches!(error.failure, Failure::NotFound | Failure::Unauthorized) =>
                {
                    self.refused_groups.entry(id.clone()).or_insert(world.now);
                }
                (Action::Allow { group_id, .. }, Ok(_)) => {
                    self.refused_groups.remove(group_id);
                }
                _ => {}
            }
        }
    }

    /// When to look again after a pass: not before the worst of its failures allows.
    pub fn wake(&mut self, planned: SignedDuration, outcomes: &[Outcome]) -> SignedDuration {
        let retry = |outcome: &Outcome| {
            let retry = verdict(outcome.result.as_ref().err()?.failure).retry;
            // What says nothing about a launch is asked again, and not at once: nothing else has happened.
            let says_nothing = retry == Retry::Now && matches!(outcome.action, Action::Rehearse(_));
            Some(if says_nothing { Retry::Backoff } else { retry })
        };
        let retries = || outcomes.iter().filter_map(retry);
        self.failed_passes =
            if retries().all(|retry| retry == Retry::Now) { 0 } else { self.failed_passes.saturating_add(1) };
        retries().map(|retry| retry.pause(self.failed_passes)).fold(planned, SignedDuration::max)
    }

    /// After a status was written: its new lines are ours alone, nobody has sent them. What was another process's in
    /// between may have been sent by it.
    pub fn recorded(&mut self, before: &[Launch], after: &[Launch], process: &str) {
        let is_new = |line: &&Launch| !before.iter().any(|old| old.token == line.token);
        self.unsent.extend(after.iter().filter(is_new).map(|line| line.token.clone()));
        let others = before.iter().chain(after).filter(|line| line.sender != process);
        self.unsent.retain(|token| {
            after.iter().any(|line| line.token == *token) && !others.clone().any(|line| line.token == *token)
        });
    }
}
