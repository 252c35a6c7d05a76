//! Things done by hand: by people with the console, on instances that calls made.

use jiff::Timestamp;
use planner::owner::{
    BENCHMARK_UID, INSTALLATION, KUBERNETES_CLUSTER, LAUNCH, MANAGED_BY, MANAGED_BY_VALUE, Owner, POOL, REVISION, Tags,
};
use planner::ports::InstanceState;
use rand::seq::IndexedRandom;

use crate::group::{IngressRule, Permission, PermissionSource};
use crate::instance::StateReason;
use crate::settings::{Deed, Span};
use crate::sim::{Event, Sim};

impl Sim {
    /// Does one thing to one instance, as a person would. `false`: it is not there any more.
    pub fn by_hand(&mut self, deed: Deed, id: &str, now: Timestamp) -> bool {
        self.advance(now);
        self.do_by_hand(deed, id)
    }

    /// Gives an instance other tags.
    pub fn retag_by_hand(&mut self, id: &str, change: impl FnOnce(&mut Tags), now: Timestamp) -> bool {
        self.advance(now);
        let is_there = self.is_alive(id);
        if is_there {
            self.tell(format!("BY HAND tags of {id}"));
            self.update(id, |instance| change(&mut instance.tags));
        }
        is_there
    }

    /// Somebody lets members of `source` into a group of their own: until the rule goes, `source` cannot be deleted.
    pub fn let_in_by_hand(&mut self, group_id: &str, source: &str, now: Timestamp) {
        self.advance(now);
        self.tell(format!("BY HAND {group_id} lets {source} in"));
        let permission = Permission::tcp(22, 22, PermissionSource::Group(source.to_owned()));
        let rule = IngressRule { id: self.new_id("sgr"), permission, description: None };
        self.update_group(group_id, |group| group.ingress.push(rule));
    }

    /// Takes such a rule away again.
    pub fn shut_out_by_hand(&mut self, group_id: &str, source: &str, now: Timestamp) {
        self.advance(now);
        self.tell(format!("BY HAND {group_id} shuts {source} out"));
        let is_it = |rule: &IngressRule| rule.permission.source == PermissionSource::Group(source.to_owned());
        self.update_group(group_id, |group| group.ingress.retain(|rule| !is_it(rule)));
    }

    /// Somebody switches termination protection on or off.
    pub fn protect_by_hand(&mut self, id: &str, is_protected: bool, now: Timestamp) {
        self.advance(now);
        self.tell(format!("BY HAND ModifyInstanceAttribute DisableApiTermination={is_protected} of {id}"));
        if let Some(record) = self.instances.get_mut(id) {
            record.is_protected = is_protected;
        }
    }

    fn is_alive(&self, id: &str) -> bool {
        self.instance(id).is_some_and(|instance| !instance.state.is_dead() || instance.state == InstanceState::Stopped)
    }

    fn do_by_hand(&mut self, deed: Deed, id: &str) -> bool {
        if !self.is_alive(id) {
            return false;
        }
        self.history.count("by hand");
        match deed {
            Deed::Stop | Deed::Terminate => {
                let (what, towards) = match deed {
                    Deed::Stop => ("StopInstances", InstanceState::Stopping),
                    _ => ("TerminateInstances", InstanceState::ShuttingDown),
                };
                self.tell(format!("BY HAND {what} {id}"));
                let message = "User initiated shutdown".into();
                self.stop_towards(id, towards, StateReason { code: "Client.UserInitiatedShutdown", message });
            }
            Deed::Protect => {
                self.protect_by_hand(id, true, self.now);
            }
            Deed::Untag | Deed::Retag => {
                let key = PROOF_AND_PLACE.choose(&mut self.chance.hands).copied().unwrap_or(POOL);
                let what = if deed == Deed::Untag { "DeleteTags" } else { "CreateTags" };
                self.tell(format!("BY HAND {what} {key} of {id}"));
                self.update(id, |instance| {
                    if deed == Deed::Untag {
                        instance.tags.remove(key);
                    } else if let Some(value) = instance.tags.get_mut(key) {
                        value.push('x');
                    }
                });
            }
        }
        true
    }

    /// Puts the next deed on the agenda, if there is to be one.
    pub(crate) fn expect_hand(&mut self) {
        let every = self.settings.by_hand.every;
        if every == Span::NONE || self.hand_is_due {
            return;
        }
        self.hand_is_due = true;
        let wait = every.draw(&mut self.chance.hands).max(SHORTEST_PAUSE_MILLIS);
        self.after(wait, Event::Hand);
    }

    /// A deed of the settings' choice on an instance that is alive.
    pub(crate) fn act_by_hand(&mut self) {
        self.hand_is_due = false;
        if self.settings.by_hand.every == Span::NONE {
            return;
        }
        let deeds: Vec<Deed> = match &self.settings.by_hand.deeds {
            none if none.is_empty() => Deed::ALL.to_vec(),
            some => some.iter().copied().collect(),
        };
        let live: Vec<String> = self.live_instances().iter().map(|instance| instance.id.clone()).collect();
        let random = &mut self.chance.hands;
        if let (Some(deed), Some(id)) = (deeds.choose(random).copied(), live.choose(random)) {
            self.do_by_hand(deed, id);
        }
        self.expect_hand();
    }

    /// Plants instances and groups of others that differ from those of `owner` in as little as can be: each proof tag
    /// missing, a character longer or shorter, in another case, under a key in another case; another installation; our
    /// name on a group without our tags. Their number.
    pub fn plant_near_misses(&mut self, owner: &Owner, pool: &str, now: Timestamp) -> usize {
        let misses = near_misses(owner, pool);
        let count = misses.len();
        for (index, tags) in misses.into_iter().enumerate() {
            // A group's name is good once per VPC; the first has the name that ours would have with other letters.
            self.plant_group(&format!("clusterbench-{}-near-{index}", owner.benchmark_uid), tags.clone(), now);
            self.plant_instance(tags, now);
        }
        count
    }
}

/// Often enough for anybody; and an agenda that never moves on would never end.
const SHORTEST_PAUSE_MILLIS: u64 = 100;

/// Tags by which an instance is known to be somebody's, and as what.
const PROOF_AND_PLACE: [&str; 7] =
    [MANAGED_BY, INSTALLATION, KUBERNETES_CLUSTER, BENCHMARK_UID, POOL, LAUNCH, REVISION];

fn near_misses(owner: &Owner, pool: &str) -> Vec<Tags> {
    let mut ours = owner.tags(&Tags::new());
    ours.extend([(POOL.to_owned(), pool.to_owned()), (LAUNCH.to_owned(), "1".to_owned())]);
    let mut all = Vec::new();
    for (key, value) in owner.proof() {
        let mut miss = |change: &dyn Fn(&mut Tags)| {
            let mut tags = ours.clone();
            change(&mut tags);
            if tags != ours {
                all.push(tags);
            }
        };
        let mut chars = value.chars();
        chars.next_back();
        let shorter = chars.as_str().to_owned();
        for other in [shorter, format!("{value}x"), format!("x{value}"), format!("{value} "), swap_case(&value)] {
            miss(&|tags| drop(tags.insert(key.clone(), other.clone())));
        }
        miss(&|tags| drop(tags.remove(&key)));
        miss(&|tags| {
            tags.remove(&key);
            tags.insert(swap_case(&key), value.clone());
        });
        miss(&|tags| {
            tags.remove(&key);
            tags.insert(format!("{key} "), value.clone());
        });
    }
    let other = Owner { installation: "another".into(), ..owner.clone() };
    let neighbour = Owner { benchmark_uid: format!("{}-2", owner.benchmark_uid), ..owner.clone() };
    all.extend([other, neighbour].map(|owner| {
        let mut tags = owner.tags(&Tags::new());
        tags.insert(POOL.to_owned(), pool.to_owned());
        tags
    }));
    all.push([(MANAGED_BY.to_owned(), MANAGED_BY_VALUE.to_owned())].into());
    all
}

fn swap_case(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_uppercase() { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() }).collect()
}
