//! The way of a call: counted, throttled, refused, hit by a fault, carried out.

use jiff::Timestamp;

use crate::action::{Action, Call};
use crate::error::{Outcome, SimError};
use crate::fault::{Fault, Reply};
use crate::sim::{Event, Sim};

impl Sim {
    /// Carries out one call as a caller over the network would see it.
    ///
    /// `operation` is one of the actions' own methods; those alone know neither throttling nor faults.
    pub fn call<T>(
        &mut self,
        call: Call,
        now: Timestamp,
        operation: impl FnOnce(&mut Self, Timestamp) -> Outcome<T> + Send + 'static,
    ) -> Reply<Outcome<T>> {
        self.advance(now);
        let now = self.now;
        *self.history.calls.entry(call.action).or_default() += 1;
        match self.fault(call.action) {
            None => Reply::Whole(self.admit(call).and_then(|()| operation(self, now))),
            Some(fault) => self.broken(call, fault, operation),
        }
    }

    /// What a call with DryRun answers: never a success.
    pub fn dry_run(&mut self, action: Action, now: Timestamp) -> SimError {
        self.advance(now);
        *self.history.calls.entry(action).or_default() += 1;
        match self.admit(Call::new(action)) {
            Err(refusal) => refusal,
            Ok(()) => SimError::new("DryRunOperation", "Request would have succeeded, but DryRun flag is set."),
        }
    }

    fn fault(&mut self, action: Action) -> Option<Fault> {
        let by_chance = self.settings.faults.draw(&mut self.random);
        let scripted = self.script.get_mut(&action).and_then(|faults| faults.pop_front());
        scripted.or(by_chance)
    }

    fn admit(&mut self, call: Call) -> Outcome<()> {
        if let Some(refusal) = self.refusals.get(&call.action).cloned() {
            return Err(self.refused(call.action, refusal));
        }
        if !self.buckets.admit(self.settings.throttling, call, self.now) {
            return Err(self.refused(call.action, throttled()));
        }
        Ok(())
    }

    fn refused(&mut self, action: Action, refusal: SimError) -> SimError {
        if action.is_mutation() {
            self.tell(format!("{} refused: {}", action.name(), refusal.code));
        }
        refusal
    }

    fn broken<T>(
        &mut self,
        call: Call,
        fault: Fault,
        operation: impl FnOnce(&mut Self, Timestamp) -> Outcome<T> + Send + 'static,
    ) -> Reply<Outcome<T>> {
        let (now, action) = (self.now, call.action);
        if action.is_mutation() {
            self.tell(format!("{}: {fault:?}", action.name()));
        }
        let whole = |error| Reply::Whole(Err(error));
        match fault {
            Fault::LostRequest => Reply::Lost,
            Fault::Throttled => whole(throttled()),
            Fault::Status500 => whole(internal()),
            Fault::LostAnswer => {
                let _unheard = self.admit(call).and_then(|()| operation(self, now));
                Reply::Lost
            }
            Fault::Status500AfterEffect => {
                let _unheard = self.admit(call).and_then(|()| operation(self, now));
                whole(internal())
            }
            Fault::Truncated => Reply::Truncated(self.admit(call).and_then(|()| operation(self, now))),
            Fault::LateExecution(seconds) => {
                if action.is_mutation() {
                    self.late(action, seconds, operation);
                }
                Reply::Lost
            }
        }
    }

    fn late<T>(
        &mut self,
        action: Action,
        seconds: u64,
        operation: impl FnOnce(&mut Self, Timestamp) -> Outcome<T> + Send + 'static,
    ) {
        let late = move |sim: &mut Self, now: Timestamp| {
            sim.tell(format!("{} takes effect {seconds} s late", action.name()));
            if let Err(error) = operation(sim, now) {
                sim.tell(format!("{} refused unheard: {}", action.name(), error.code));
            }
        };
        self.after(seconds.saturating_mul(1000), Event::Late(Box::new(late)));
    }
}

fn throttled() -> SimError {
    SimError::new("RequestLimitExceeded", "Request limit exceeded.")
}

fn internal() -> SimError {
    SimError::new("InternalError", "An internal error has occurred")
}
