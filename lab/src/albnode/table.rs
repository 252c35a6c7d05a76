//! The configuration in force: rules, groups, and targets with what they did so far.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::choice::{Candidate, by_weight, choose};
use super::config::{Action, Algorithm, Config, HealthCheck, Rule};
use super::connection::Connection;
use super::health::{Health, State};
use super::pattern;

/// Everything of one version. Targets that stay are the same ones in the next version.
#[derive(Default)]
pub(super) struct Table {
    rules: Vec<Rule>,
    default_action: Action,
    groups: BTreeMap<String, Arc<Group>>,
    checkers: BTreeMap<(String, String), Arc<Checker>>,
}

/// A target group.
pub(super) struct Group {
    pub(super) id: String,
    algorithm: Algorithm,
    /// Sorted by id.
    pub(super) targets: Vec<Arc<Target>>,
    /// The target that took the last request.
    last: Mutex<Option<String>>,
}

/// A registered target in an enabled zone.
pub(super) struct Target {
    pub(super) id: String,
    pub(super) address: SocketAddr,
    is_draining: AtomicBool,
    is_reachable: AtomicBool,
    health: Mutex<Health>,
    outstanding: AtomicUsize,
    idle: Mutex<Vec<(Connection, Instant)>>,
    /// True when it is no longer registered: connections to it are cut.
    gone: watch::Sender<bool>,
}

/// The task that checks one target; ends with this.
pub(super) struct Checker {
    check: HealthCheck,
    task: AbortHandle,
}

/// A request that a target has, until this is dropped.
pub(super) struct Ticket(Arc<Target>);

impl Table {
    /// The table of `config`, with the targets of this one that stay. `start` begins to check a target.
    pub(super) fn next(
        &self,
        config: &Config,
        start: impl Fn(&str, &Arc<Target>, &HealthCheck, IsNew) -> AbortHandle,
    ) -> Self {
        let mut rules = config.rules.clone();
        rules.sort_by_key(|rule| rule.priority);
        let mut next = Self { rules, default_action: config.default_action.clone(), ..Self::default() };
        let used = config.used();
        for group in &config.groups {
            let before = self.groups.get(&group.id);
            let mut targets = Vec::new();
            for wanted in group.targets.iter().filter(|target| config.zones.contains(&target.zone)) {
                let known = before.and_then(|group| group.target(&wanted.id, wanted.address));
                let target = known.unwrap_or_else(|| Arc::new(Target::new(&wanted.id, wanted.address)));
                target.is_draining.store(wanted.draining, Ordering::Relaxed);
                target.is_reachable.store(wanted.reachable, Ordering::Relaxed);
                // Not before a rule names the group (user guide, "Target health status"), nor after a deregistration.
                if used.contains(group.id.as_str()) && !wanted.draining {
                    let key = (group.id.clone(), wanted.id.clone());
                    let known = self.checkers.get(&key).filter(|_| before.is_some_and(|one| one.has(&target)));
                    let checker = match known {
                        Some(checker) if checker.check == group.health_check => checker.clone(),
                        known => {
                            let is_new = IsNew(known.is_none());
                            let task = start(&group.id, &target, &group.health_check, is_new);
                            Arc::new(Checker { check: group.health_check.clone(), task })
                        }
                    };
                    next.checkers.insert(key, checker);
                }
                targets.push(target);
            }
            targets.sort_by(|one, other| one.id.cmp(&other.id));
            let last = Mutex::new(before.and_then(|group| lock(&group.last).clone()));
            let group = Group { id: group.id.clone(), algorithm: group.algorithm, targets, last };
            next.groups.insert(group.id.clone(), Arc::new(group));
        }
        next
    }

    /// Cuts off the targets that `next` has no more.
    pub(super) fn retire(&self, next: &Self) {
        for group in self.groups.values() {
            let stays = |target: &Arc<Target>| next.groups.get(&group.id).is_some_and(|group| group.has(target));
            for target in group.targets.iter().filter(|target| !stays(target)) {
                target.gone.send_replace(true);
                lock(&target.idle).clear();
            }
        }
    }

    /// The action of the first rule whose pattern takes the path, or the default one.
    pub(super) fn action(&self, path: &str) -> &Action {
        let takes = |rule: &&Rule| rule.paths.iter().any(|pattern| pattern::matches(pattern, path));
        self.rules.iter().find(takes).map_or(&self.default_action, |rule| &rule.action)
    }

    /// The group that takes a request, of those in a forward action. There is no failover to another one when it has no
    /// target (user guide, "Forward actions").
    pub(super) fn group(&self, weights: &BTreeMap<String, u32>, random: &mut StdRng) -> Option<&Arc<Group>> {
        let weights = weights.iter().map(|(id, weight)| (id.as_str(), *weight));
        by_weight(weights, random).and_then(|id| self.groups.get(id))
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = &Arc<Group>> {
        self.groups.values()
    }
}

/// Whether a target is registered anew: then nothing that was known of it counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct IsNew(pub(super) bool);

impl Drop for Checker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Group {
    /// Gives a request to a target. `None`: none is registered that is not draining.
    pub(super) fn choose(&self, random: &mut StdRng) -> Option<Ticket> {
        let mut last = lock(&self.last);
        let serving: Vec<_> = self.targets.iter().filter(|target| !target.is_draining()).collect();
        let healthy: Vec<_> = serving.iter().copied().filter(|target| target.state() == State::Healthy).collect();
        // Fail open: when none is healthy, all get requests (user guide, "Health checks for your target groups").
        let takers = if healthy.is_empty() { serving } else { healthy };
        let candidates: Vec<_> = takers.iter().map(|target| target.candidate()).collect();
        let chosen = takers.get(choose(self.algorithm, &candidates, last.as_deref(), random)?)?;
        *last = Some(chosen.id.clone());
        Some(Ticket::new(chosen))
    }

    /// Targets that are not draining: all, healthy ones, unhealthy ones.
    pub(super) fn count(&self) -> [u64; 3] {
        let states = self.targets.iter().filter(|target| !target.is_draining()).map(|target| target.state());
        states.fold([0; 3], |[all, healthy, unhealthy], state| {
            let one_if = |wanted| u64::from(state == wanted);
            [all + 1, healthy + one_if(State::Healthy), unhealthy + one_if(State::Unhealthy)]
        })
    }

    fn target(&self, id: &str, address: SocketAddr) -> Option<Arc<Target>> {
        self.targets.iter().find(|target| target.id == id && target.address == address).cloned()
    }

    fn has(&self, target: &Arc<Target>) -> bool {
        self.targets.iter().any(|one| Arc::ptr_eq(one, target))
    }
}

impl Target {
    fn new(id: &str, address: SocketAddr) -> Self {
        Self {
            id: id.to_owned(),
            address,
            is_draining: AtomicBool::default(),
            is_reachable: AtomicBool::default(),
            health: Mutex::new(Health::new()),
            outstanding: AtomicUsize::default(),
            idle: Mutex::default(),
            gone: watch::Sender::new(false),
        }
    }

    pub(super) fn is_reachable(&self) -> bool {
        self.is_reachable.load(Ordering::Relaxed)
    }

    /// What is known of its health, to be looked at or changed.
    pub(super) fn health(&self) -> MutexGuard<'_, Health> {
        lock(&self.health)
    }

    /// Completes when it is no longer registered.
    pub(super) fn gone(&self) -> watch::Receiver<bool> {
        self.gone.subscribe()
    }

    /// The connection that was used last and is not too old.
    pub(super) fn idle_connection(&self, oldest: Duration) -> Option<Connection> {
        let mut idle = lock(&self.idle);
        idle.retain(|(_, since)| since.elapsed() < oldest);
        idle.pop().map(|(connection, _)| connection)
    }

    /// Keeps a connection that has nothing to do.
    pub(super) fn keep(&self, connection: Connection) {
        if !*self.gone.borrow() {
            lock(&self.idle).push((connection, Instant::now()));
        }
    }

    /// Closes the idle connections that are too old.
    pub(super) fn close_idle(&self, oldest: Duration) {
        lock(&self.idle).retain(|(_, since)| since.elapsed() < oldest);
    }

    fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }

    fn state(&self) -> State {
        self.health().state
    }

    fn candidate(&self) -> Candidate<'_> {
        Candidate { id: &self.id, outstanding: self.outstanding.load(Ordering::Relaxed) }
    }
}

impl Ticket {
    fn new(target: &Arc<Target>) -> Self {
        target.outstanding.fetch_add(1, Ordering::Relaxed);
        Self(target.clone())
    }

    pub(super) fn target(&self) -> &Target {
        &self.0
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.outstanding.fetch_sub(1, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
