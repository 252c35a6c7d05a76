//! One request on its way to the simulation, and what comes back.

use cloudsim::{Action, Call, Outcome, Principal, Reply, Sim, SimError};
use futures::future::BoxFuture;
use jiff::Timestamp;
use serde::Serialize;

use super::Served;
use super::protocol::query::{Params, xml};
use super::protocol::rpc::Value;
use super::protocol::{Content, Request};

/// The content of an answer, or an error, on its way to the caller.
pub(crate) type Sent = Reply<Outcome<Content>>;

/// An answer that is there, or one that its caller waits for.
pub(crate) enum Answered {
    Now(Sent),
    Later(BoxFuture<'static, Sent>),
}

/// A request whose parameters are being taken.
pub(crate) struct Exchange<'a> {
    pub(crate) served: &'a Served,
    /// The request itself, for what is neither parameter nor document.
    pub(crate) request: &'a Request<'a>,
    pub(crate) action: Action,
    /// Whose key signed it.
    pub(crate) principal: Principal,
    pub(crate) account: String,
    /// Where the caller sent it: host and port.
    pub(crate) host: String,
    pub(crate) params: Params,
    /// The parameters of a request that has them in a document.
    pub(crate) document: Value,
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
        let is_dry = matches!(self.action, Action::Ec2(_)) && self.params.is_set("DryRun")?;
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
        Ok(written(reply, |answer| xml::content(&shape(answer)).map(Content::Xml)))
    }

    /// Carries out a call without effects whose parameters are all taken, and answers it by a document.
    pub(crate) fn look<T>(
        self,
        operation: impl FnOnce(&mut Sim, Timestamp) -> Outcome<T> + Send + 'static,
        shape: impl FnOnce(T) -> Value,
    ) -> Outcome<Sent> {
        let now = self.served.sim.now();
        let call = Call::new(self.action).by(self.principal);
        let reply = self.served.sim.lock().call(call, now, operation);
        Ok(written(reply, |answer| Ok(Content::Document(shape(answer)))))
    }
}

/// An answer written, unless it is a refusal.
pub(crate) fn written<T>(reply: Reply<Outcome<T>>, write: impl FnOnce(T) -> Outcome<Content>) -> Sent {
    match reply {
        Reply::Whole(outcome) => Reply::Whole(outcome.and_then(write)),
        Reply::Truncated(outcome) => Reply::Truncated(outcome.and_then(write)),
        Reply::Lost => Reply::Lost,
    }
}

/// A parameter whose value this lab does not simulate.
pub(crate) fn not_simulated(parameter: &str, value: &str) -> SimError {
    SimError::new("UnsupportedOperation", format!("the lab does not simulate {parameter}={value}"))
}
