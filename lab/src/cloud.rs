//! The lab's cloud: the AWS endpoint, and instances that are processes.

use crate::admin::Subject;
use crate::ledger::{Instance, Ledger};
use crate::network::Network;
use crate::state::State;
use std::path::Path;

pub(crate) struct Cloud {
    endpoint: String,
    _listener: tokio::net::TcpListener,
    state: State,
}

#[derive(Clone)]
pub(crate) struct Seen {
    state: State,
}

impl Cloud {
    pub(crate) async fn start(state: &State, _lab: &Path, _network: &Network, _region: &str) -> anyhow::Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        Ok(Self { endpoint: format!("http://{}", listener.local_addr()?), _listener: listener, state: state.clone() })
    }

    pub(crate) fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    pub(crate) fn seen(&self) -> Seen {
        Seen { state: self.state.clone() }
    }

    pub(crate) async fn stop(self) {}

    pub(crate) fn sweep(state: &State) -> anyhow::Result<usize> {
        Ok(lab::machine::sweep_leftovers(state.directory())?)
    }

    pub(crate) fn processes(state: &State) -> usize {
        lab::machine::count_processes(state.directory())
    }
}

impl Subject for Seen {
    fn ledger(&self) -> Ledger {
        Ledger { processes: Cloud::processes(&self.state), ..Ledger::default() }
    }

    fn instances(&self) -> Vec<Instance> {
        Vec::new()
    }
}
