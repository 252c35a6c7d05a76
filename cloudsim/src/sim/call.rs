//! The way of a call: counted, throttled, refused, hit by a fault, carried out.

use jiff::Timestamp;

use crate::action::{Action, Call};
use crate::error::{Outcome, SimError};
use crate::fault::{Fault, Reply};
use crate::settings::Credentials;
use crate::sim::{Event, Sim};

const NOT_VALIDATED: &str = "AWS was not able to validate the provided access credentials";

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
        let count = self.history.calls.entry(call.action()).or_default();
        *count += 1;
        let nth = *count;
        // Permission is a part of the operation: a call that comes late is judged when it comes.
        let asked = call.clone();
        let operation = move |sim: &mut Self, now| sim.permit(&asked).and_then(|()| operation(sim, now));
        match self.fault(call.action(), nth) {
            None => Reply::Whole(self.admit(&call).and_then(|()| operation(self, now))),
            Some(fault) => self.broken(&call, fault, operation),
        }
    }

    /// What a call with DryRun answers: never a success. It meets what any call meets by chance; a fault that is scripted
    /// or appointed waits for a call that has an effect. `check` changes nothing.
    pub fn dry_run(
        &mut self,
        call: &Call,
        now: Timestamp,
        check: impl FnOnce(&mut Self) -> Outcome<()>,
    ) -> Reply<SimError> {
        self.advance(now);
        self.history.dry_runs += 1;
        let by_chance = self.settings.faults.draw(&mut self.chance.faults);
        if let Some(fault) = by_chance {
            self.history.count(fault.kind());
        }
        match by_chance {
            Some(Fault::LostRequest | Fault::LostAnswer | Fault::LateExecution(_)) => return Reply::Lost,
            Some(Fault::Throttled) => return Reply::Whole(throttled()),
            Some(Fault::Status500 | Fault::Status500AfterEffect) => return Reply::Whole(internal()),
            Some(Fault::Status503 | Fault::Status503AfterEffect) => return Reply::Whole(unavailable()),
            Some(Fault::Truncated) | None => (),
        }
        // It takes a call from the action's bucket, and none of the resources that a launch takes.
        let asked = Call::new(call.action()).by(call.by);
        let said = match self.admit(&asked).and_then(|()| self.permit(call)).and_then(|()| check(self)) {
            Err(refusal) => refusal,
            Ok(()) => SimError::new("DryRunOperation", "Request would have succeeded, but DryRun flag is set."),
        };
        if by_chance.is_some() { Reply::Truncated(said) } else { Reply::Whole(said) }
    }

    fn permit(&mut self, call: &Call) -> Outcome<()> {
        let permission = self.authorize(call.by, &call.about);
        permission.map_err(|refusal| self.refused(call.action(), refusal))
    }

    fn fault(&mut self, action: Action, nth: u64) -> Option<Fault> {
        let by_chance = self.settings.faults.draw(&mut self.chance.faults);
        let scripted = self.script.get_mut(&action).and_then(|faults| faults.pop_front());
        let fault = scripted.or_else(|| self.appointed.remove(&(action, nth))).or(by_chance)?;
        self.history.faults.push((action, nth, fault));
        Some(fault)
    }

    fn admit(&mut self, call: &Call) -> Outcome<()> {
        if let Some((kind, refusal)) = self.not_admitted(call.action()) {
            self.history.count(kind);
            return Err(self.refused(call.action(), refusal));
        }
        if let Some(refusal) = self.refusals.get(&call.action()).cloned() {
            return Err(self.refused(call.action(), refusal));
        }
        let others = self.settings.others_percent;
        if !self.buckets.admit(self.settings.throttling, others, call, self.now) {
            self.history.count("throttled");
            return Err(self.refused(call.action(), throttled()));
        }
        Ok(())
    }

    /// Credentials and permissions.
    fn not_admitted(&self, action: Action) -> Option<(&'static str, SimError)> {
        let is_sts = action == Action::GetCallerIdentity;
        let refusal = match self.settings.credentials {
            Credentials::Good => None,
            Credentials::Expired if is_sts => {
                Some(("expired credentials", "ExpiredToken", "The security token included in the request is expired"))
            }
            Credentials::Expired => Some(("expired credentials", "RequestExpired", "Request has expired.")),
            Credentials::ClockSkew if is_sts => Some(("clock skew", "SignatureDoesNotMatch", "Signature expired")),
            Credentials::ClockSkew => Some(("clock skew", "AuthFailure", NOT_VALIDATED)),
            Credentials::Unknown if is_sts => {
                let message = "The security token included in the request is invalid.";
                Some(("unknown key", "InvalidClientTokenId", message))
            }
            Credentials::Unknown => Some(("unknown key", "AuthFailure", NOT_VALIDATED)),
        };
        if let Some((kind, code, message)) = refusal {
            return Some((kind, SimError::new(code, message)));
        }
        if !self.settings.denied.contains(&action) {
            return None;
        }
        let code = if is_sts { "AccessDenied" } else { "UnauthorizedOperation" };
        Some(("denied", SimError::new(code, "You are not authorized to perform this operation.")))
    }

    fn refused(&mut self, action: Action, refusal: SimError) -> SimError {
        if action.is_mutation() {
            self.tell(format!("{} refused: {}", action.name(), refusal.code));
        }
        refusal
    }

    fn broken<T>(
        &mut self,
        call: &Call,
        fault: Fault,
        operation: impl FnOnce(&mut Self, Timestamp) -> Outcome<T> + Send + 'static,
    ) -> Reply<Outcome<T>> {
        let (now, action) = (self.now, call.action());
        self.history.count(fault.kind());
        if action.is_mutation() {
            self.tell(format!("{}: {fault:?}", action.name()));
        }
        let whole = |error| Reply::Whole(Err(error));
        match fault {
            Fault::LostRequest => Reply::Lost,
            Fault::Throttled => whole(throttled()),
            Fault::Status500 => whole(internal()),
            Fault::Status503 => whole(unavailable()),
            Fault::LostAnswer => {
                let _unheard = self.admit(call).and_then(|()| operation(self, now));
                Reply::Lost
            }
            Fault::Status500AfterEffect | Fault::Status503AfterEffect => {
                let _unheard = self.admit(call).and_then(|()| operation(self, now));
                whole(if fault == Fault::Status500AfterEffect { internal() } else { unavailable() })
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

fn unavailable() -> SimError {
    SimError::new("Unavailable", "The service is unavailable. Please try again shortly.")
}

fn internal() -> SimError {
    SimError::new("InternalError", "An internal error has occurred")
}
