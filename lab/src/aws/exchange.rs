//! One request on its way to the simulation, and what comes back.

use cloudsim::{Action, Call, Outcome, Principal, Reply, Sim, SimError};
use jiff::Timestamp;
use serde::Serialize;

use super::Served;
use super::protocol::query::{Params, xml};

/// The content of an answer, or an error, on its way to the caller.
pub(crate) type Sent = Reply<Outcome<String>>;

/// A request whose parameters are being taken.
pub(crate) struct Exchange<'a> {
    pub(crate) served: &'a Served,
    pub(crate) action: Action,
    /// Whose key signed it.
    pub(crate) principal: Principal,
    pub(crate) account: String,
    pub(crate) params: Params,
}

impl Exchange<'_> {
    /// Carries the call out once every parameter is taken, and shapes what it answers.
    pub(crate) fn carry_out<T, X: Serialize>(
        self,
        call: impl FnOnce(Call) -> Call,
        operation: impl FnOnce(&mut Sim, Timestamp) -> Outcome<T> + Send + 'static,
        shape: impl FnOnce(T) -> X,
    ) -> Outcome<Sent> {
        self.carry_out_or_check(call, |_, _| Ok(()), operation, shape)
    }

    /// The same, with what is checked of a call with DryRun.
    pub(crate) fn carry_out_or_check<T, X: Serialize>(
        mut self,
        call: impl FnOnce(Call) -> Call,
        check: impl FnOnce(&mut Sim, Timestamp) -> Outcome<()>,
        operation: impl FnOnce(&mut Sim, Timestamp) -> Outcome<T> + Send + 'static,
        shape: impl FnOnce(T) -> X,
    ) -> Outcome<Sent> {
        let is_dry = self.params.is_set("DryRun")?;
        self.params.finish()?;
        let now = self.served.sim.now();
        let call = call(Call::new(self.action).by(self.principal));
        if is_dry {
            return Ok(match self.served.sim.lock().dry_run(&call, now, check) {
                Reply::Whole(said) => Reply::Whole(Err(said)),
                Reply::Truncated(said) => Reply::Truncated(Err(said)),
                Reply::Lost => Reply::Lost,
            });
        }
        let reply = self.served.sim.lock().call(call, now, operation);
        let write = |outcome: Outcome<T>| outcome.and_then(|answer| xml::content(&shape(answer)));
        Ok(match reply {
            Reply::Whole(outcome) => Reply::Whole(write(outcome)),
            Reply::Truncated(outcome) => Reply::Truncated(write(outcome)),
            Reply::Lost => Reply::Lost,
        })
    }
}

/// A parameter whose value this lab does not simulate.
pub(crate) fn not_simulated(parameter: &str, value: &str) -> SimError {
    SimError::new("UnsupportedOperation", format!("the lab does not simulate {parameter}={value}"))
}
