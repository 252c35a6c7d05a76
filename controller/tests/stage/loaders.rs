//! The loaders of the stage: an instance whose user data name programs answers as one until it has them all, and takes
//! nothing else.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use cloudsim::SharedSim;
use planner::ports::AgentError;
use wire::{Loaders, Loading};

use crate::stage::agents::FakeAgents;

/// What each instance still waits for.
#[derive(Clone, Default)]
pub(crate) struct FakeLoaders(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    missing: BTreeMap<String, Vec<String>>,
    /// Programs that a loader did not want, or no more.
    in_vain: usize,
}

impl FakeLoaders {
    /// What an instance waits for; nothing where its programs are fetched.
    pub(crate) fn missing(&self, sim: &SharedSim, id: &str) -> Vec<String> {
        let mut state = self.0.lock().unwrap();
        if !state.missing.contains_key(id) {
            let wanted = sim.lock().truth().ec2.user_data(id).map(wanted).unwrap_or_default();
            state.missing.insert(id.to_owned(), wanted);
        }
        state.missing[id].clone()
    }

    fn bring(&self, sim: &SharedSim, id: &str, program: &str) {
        let missing = self.missing(sim, id);
        let mut state = self.0.lock().unwrap();
        if !missing.iter().any(|one| one == program) {
            state.in_vain += 1;
        }
        state.missing.entry(id.to_owned()).or_default().retain(|one| one != program);
    }

    pub(crate) fn in_vain(&self) -> usize {
        self.0.lock().unwrap().in_vain
    }
}

/// Hashes in the script of a loader.
fn wanted(user_data: &str) -> Vec<String> {
    let rest = user_data.split_once("\nwanted=(").map(|(_, rest)| rest);
    let hashes = rest.and_then(|rest| rest.split_once(")\n")).map(|(hashes, _)| hashes);
    hashes.unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

impl FakeAgents {
    pub(super) fn is_booted_by_id(&self, id: &str) -> bool {
        let all = self.sim.lock().truth().ec2.live_instances();
        all.iter().any(|one| one.id == id && self.is_booted(one))
    }

    /// Whoever runs at an address.
    pub(super) fn booted_at(&self, control: &str) -> Option<String> {
        let address: Ipv4Addr = control.split(':').next()?.parse().ok()?;
        let running = self.sim.lock().truth().ec2.live_instances();
        let is_at =
            |one: &cloudsim::ec2::Instance| one.network.as_ref().is_some_and(|at| at.private_address == address);
        running.iter().find(|one| is_at(one) && self.is_booted(one)).map(|one| one.id.clone())
    }

    pub(super) fn what_loaders_say(&self, control: &str, members: &[(String, String)]) -> Result<Loaders, AgentError> {
        self.at(control, |_, _, _| ())?;
        let said = |(id, _): &(String, String)| {
            let missing = self.is_booted_by_id(id).then(|| self.loaders.missing(&self.sim, id))?;
            (!missing.is_empty()).then(|| (id.clone(), Loading { missing, ..Loading::default() }))
        };
        Ok(members.iter().filter_map(said).collect())
    }

    pub(super) fn bring(&self, control: &str, program: &str, members: &[(String, String)]) -> Result<(), AgentError> {
        let unreachable = || AgentError::Unreachable { url: control.into(), why: "connection refused".into() };
        if members.is_empty() {
            let id = self.booted_at(control).ok_or_else(unreachable)?;
            self.loaders.bring(&self.sim, &id, program);
            return Ok(());
        }
        self.at(control, |_, _, _| ())?;
        // The address may be somebody else's by now, who wants something else.
        for id in members.iter().filter_map(|(_, address)| self.booted_at(address)) {
            self.loaders.bring(&self.sim, &id, program);
        }
        Ok(())
    }
}
