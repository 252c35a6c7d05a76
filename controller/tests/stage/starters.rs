//! The starters of the stage: each runs what its instance was launched with, then what it is told, which takes a while and
//! may come to nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use cloudsim::SharedSim;
use jiff::{SignedDuration, Timestamp};
use planner::ports::{AgentError, Recipient};
use wire::{Application, ApplicationFailure, Said, StarterStatus};

/// Time from an order to its end, good or bad.
const TAKES: SignedDuration = SignedDuration::from_secs(3);
/// A line of a setup that fails, wherever it is run.
pub(crate) const FAILS: &str = "pip install nothing";

#[derive(Clone, Default)]
pub(crate) struct Starters(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    by_instance: BTreeMap<String, Starter>,
    /// Hashes of programs that do not serve.
    bad: BTreeSet<String>,
    /// Workers that were told while somebody still sent them requests.
    told_in_service: Vec<String>,
    /// The most that were being started at the same time.
    at_once: usize,
    orders: usize,
}

#[derive(Clone, Debug)]
struct Starter {
    serving: Application,
    version: u64,
    starting: Option<(Application, Timestamp)>,
    failure: Option<(ApplicationFailure, Timestamp)>,
}

impl Starters {
    /// The worker's program is ended and started again by an order that nobody knows of.
    pub(crate) fn touch(&self, id: &str) {
        self.0.lock().unwrap().by_instance.get_mut(id).unwrap().version += 1;
    }

    /// The program with this hash does not serve, wherever it is started.
    pub(crate) fn spoil(&self, sha256: &str) {
        self.0.lock().unwrap().bad.insert(sha256.to_owned());
    }

    pub(crate) fn told_in_service(&self) -> Vec<String> {
        self.0.lock().unwrap().told_in_service.clone()
    }

    pub(crate) fn at_once(&self) -> usize {
        self.0.lock().unwrap().at_once
    }

    /// Orders that were taken.
    pub(crate) fn orders(&self) -> usize {
        self.0.lock().unwrap().orders
    }

    /// The starter of an instance in words.
    pub(crate) fn moment(&self, id: &str) -> Option<String> {
        self.0.lock().unwrap().by_instance.get(id).map(|one| format!("{id} {one:?}"))
    }

    /// What each instance of those serves: hash and work.
    pub(crate) fn serving(&self, ids: &[String]) -> Vec<(String, String)> {
        let state = self.0.lock().unwrap();
        let of = |id: &String| state.by_instance.get(id).map(|one| one.serving.clone());
        let work = |one: &Application| one.environment.get("WORK").cloned().unwrap_or_default();
        ids.iter().filter_map(of).map(|one| (one.sha256.clone(), work(&one))).collect()
    }

    /// The setup of what each instance of those serves.
    pub(crate) fn setups(&self, ids: &[String]) -> Vec<Vec<String>> {
        let state = self.0.lock().unwrap();
        let archives = ids.iter().filter_map(|id| state.by_instance.get(id)?.serving.archive.clone());
        archives.map(|archive| archive.setup).collect()
    }

    pub(crate) fn status(&self, sim: &SharedSim, id: &str, is_up: bool, now: Timestamp) -> Said {
        let mut state = self.0.lock().unwrap();
        match state.at(sim, id, is_up, now) {
            Some(one) => Said::Status(one.status(id, now)),
            None => Said::Silent("connection refused".to_owned()),
        }
    }

    /// `is_served`: somebody still sends it requests.
    pub(crate) fn order(
        &self,
        sim: &SharedSim,
        to: &Recipient,
        (is_up, is_served): (bool, bool),
        application: &Application,
        now: Timestamp,
    ) -> Result<(), AgentError> {
        let mut state = self.0.lock().unwrap();
        let unreachable = || AgentError::Unreachable { url: to.address.clone(), why: "connection refused".into() };
        let one = state.at(sim, &to.id, is_up, now).ok_or_else(unreachable)?;
        match &one.starting {
            Some((starting, _)) if starting.id() == application.id() => return Ok(()),
            Some(_) => return Err(AgentError::Conflict),
            None if one.serving.id() == application.id() => {
                one.failure.take_if(|_| one.version == to.version);
                return Ok(());
            }
            None if one.version != to.version => return Err(AgentError::Conflict),
            None => {}
        }
        (one.starting, one.failure) = (Some((application.clone(), now + TAKES)), None);
        state.orders += 1;
        if is_served {
            state.told_in_service.push(to.id.clone());
        }
        let busy = state.by_instance.values().filter(|one| one.starting.is_some()).count();
        state.at_once = state.at_once.max(busy);
        Ok(())
    }
}

impl State {
    /// The starter of an instance that runs, as it is now.
    fn at(&mut self, sim: &SharedSim, id: &str, is_up: bool, now: Timestamp) -> Option<&mut Starter> {
        if !is_up {
            return None;
        }
        if !self.by_instance.contains_key(id) {
            let serving = launched_with(sim.lock().truth().ec2.user_data(id)?)?;
            self.by_instance.insert(id.to_owned(), Starter { serving, version: 1, starting: None, failure: None });
        }
        let one = self.by_instance.get_mut(id)?;
        if let Some((application, at)) = one.starting.take_if(|(_, at)| *at <= now) {
            let setup = application.archive.iter().flat_map(|archive| &archive.setup);
            let failure = match setup.zip(0..).find(|(line, _)| *line == FAILS) {
                Some((_, index)) => {
                    let why = format!("worker.setup[{index}]: exit status: 1; it said: no matching distribution");
                    Some((false, why))
                }
                None if self.bad.contains(&application.sha256) => {
                    Some((true, "it does not listen; what ran before serves again".to_owned()))
                }
                None => None,
            };
            // Before it is set up, nothing is ended for it.
            one.version += u64::from(failure.as_ref().is_none_or(|(started, _)| *started));
            if let Some((started, why)) = failure {
                let (id, url) = (application.id(), application.url);
                let failure = ApplicationFailure { application: id, url, started, age_seconds: 0, why };
                one.failure = Some((failure, at));
            } else {
                one.serving = application;
            }
        }
        Some(one)
    }
}

impl Starter {
    fn status(&self, id: &str, now: Timestamp) -> StarterStatus {
        let aged = |(failure, at): &(ApplicationFailure, Timestamp)| ApplicationFailure {
            age_seconds: now.duration_since(*at).as_secs().unsigned_abs(),
            ..failure.clone()
        };
        StarterStatus {
            instance_id: id.to_owned(),
            serving: self.serving.id(),
            version: self.version,
            starting: self.starting.as_ref().map(|(application, _)| application.id()),
            failure: self.failure.as_ref().map(aged),
        }
    }
}

/// The document in the user data, as the environment file quotes it. `None`: the worker has no starter.
fn launched_with(user_data: &str) -> Option<Application> {
    let (_, rest) = user_data.split_once("'APPLICATION=\"")?;
    let (document, _) = rest.split_once("\"'\n")?;
    serde_json::from_str(&document.replace("\\\"", "\"").replace("\\\\", "\\")).ok()
}
