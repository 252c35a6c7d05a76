//! Changes that people make with a console of their own, on instances that calls made.

use planner::owner::{BENCHMARK_UID, INSTALLATION, KUBERNETES_CLUSTER, LAUNCH, MANAGED_BY, POOL, REVISION, Tags};
use planner::ports::InstanceState;
use rand::seq::IndexedRandom;

use super::Ec2;
use super::group::{IngressRule, Permission, PermissionSource};
use super::instance::StateReason;
use super::state::Event;
use crate::engine::span::Span;
use crate::settings::ManualChange;

impl Ec2<'_> {
    /// Gives an instance other tags.
    pub fn retag_by_hand(&mut self, id: &str, change: impl FnOnce(&mut Tags)) -> bool {
        let is_there = self.is_alive(id);
        if is_there {
            self.engine.tell(format!("BY HAND tags of {id}"));
            self.update(id, |instance| change(&mut instance.tags));
        }
        is_there
    }

    /// Somebody lets members of `source` into a group of their own: until the rule goes, `source` cannot be deleted.
    pub fn let_in_by_hand(&mut self, group_id: &str, source: &str) {
        self.engine.tell(format!("BY HAND {group_id} lets {source} in"));
        let permission = Permission::tcp(22, 22, PermissionSource::Group(source.to_owned()));
        let rule = IngressRule { id: self.engine.new_id("sgr"), permission, description: None };
        self.update_group(group_id, |group| group.ingress.push(rule));
    }

    /// Takes such a rule away again.
    pub fn shut_out_by_hand(&mut self, group_id: &str, source: &str) {
        self.engine.tell(format!("BY HAND {group_id} shuts {source} out"));
        let is_it = |rule: &IngressRule| rule.permission.source == PermissionSource::Group(source.to_owned());
        self.update_group(group_id, |group| group.ingress.retain(|rule| !is_it(rule)));
    }

    /// Somebody switches termination protection on or off.
    pub fn protect_by_hand(&mut self, id: &str, is_protected: bool) {
        self.engine.tell(format!("BY HAND ModifyInstanceAttribute DisableApiTermination={is_protected} of {id}"));
        if let Some(record) = self.state.instances.get_mut(id) {
            record.is_protected = is_protected;
        }
    }

    fn is_alive(&self, id: &str) -> bool {
        self.state
            .instance(id)
            .is_some_and(|instance| !instance.state.is_dead() || instance.state == InstanceState::Stopped)
    }

    /// Makes one change to one instance, as a person would. `false`: it is not there any more.
    pub fn change_by_hand(&mut self, change: ManualChange, id: &str) -> bool {
        if !self.is_alive(id) {
            return false;
        }
        self.engine.count("manual change");
        match change {
            ManualChange::Stop | ManualChange::Terminate => {
                let (what, towards) = match change {
                    ManualChange::Stop => ("StopInstances", InstanceState::Stopping),
                    _ => ("TerminateInstances", InstanceState::ShuttingDown),
                };
                self.engine.tell(format!("BY HAND {what} {id}"));
                self.stop_towards(id, towards, StateReason::by_a_user());
            }
            ManualChange::Start => {
                self.engine.tell(format!("BY HAND StartInstances {id}"));
                self.start_one(id);
            }
            ManualChange::Protect => {
                self.protect_by_hand(id, true);
            }
            ManualChange::Untag | ManualChange::Retag => {
                let key = PROOF_AND_PLACE.choose(&mut self.state.random.manual_changes).copied().unwrap_or(POOL);
                let what = if change == ManualChange::Untag { "DeleteTags" } else { "CreateTags" };
                self.engine.tell(format!("BY HAND {what} {key} of {id}"));
                self.update(id, |instance| {
                    if change == ManualChange::Untag {
                        instance.tags.remove(key);
                    } else if let Some(value) = instance.tags.get_mut(key) {
                        value.push('x');
                    }
                });
            }
        }
        true
    }

    /// Puts the next change on the agenda, if there is to be one.
    pub(crate) fn expect_manual_change(&mut self) {
        let every = self.settings.manual_changes.every;
        if every == Span::NONE || self.state.manual_change_is_due {
            return;
        }
        self.state.manual_change_is_due = true;
        let wait = every.draw(&mut self.state.random.manual_changes).max(SHORTEST_PAUSE_MILLIS);
        self.after(wait, Event::ManualChange);
    }

    /// A change of the settings' choice on an instance that is alive.
    pub(crate) fn make_manual_change(&mut self) {
        self.state.manual_change_is_due = false;
        if self.settings.manual_changes.every == Span::NONE {
            return;
        }
        let kinds: Vec<ManualChange> = match &self.settings.manual_changes.kinds {
            none if none.is_empty() => ManualChange::USUAL.to_vec(),
            some => some.iter().copied().collect(),
        };
        let live: Vec<String> = self.state.live_instances().iter().map(|instance| instance.id.clone()).collect();
        let random = &mut self.state.random.manual_changes;
        if let (Some(change), Some(id)) = (kinds.choose(random).copied(), live.choose(random)) {
            self.change_by_hand(change, id);
        }
        self.expect_manual_change();
    }
}

/// Often enough for anybody; and an agenda that never moves on would never end.
const SHORTEST_PAUSE_MILLIS: u64 = 100;

/// Tags by which an instance is known to be somebody's, and as what.
const PROOF_AND_PLACE: [&str; 7] =
    [MANAGED_BY, INSTALLATION, KUBERNETES_CLUSTER, BENCHMARK_UID, POOL, LAUNCH, REVISION];
