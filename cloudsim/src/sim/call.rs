//! The way of a call: counted, throttled, refused, hit by a fault, carried out.

use jiff::Timestamp;

use super::{About, Call, LateCall, Sim, States};
use crate::actions::{Action, ServiceName};
use crate::cloudwatch;
use crate::ec2;
use crate::elb;
use crate::engine::error::{Outcome, SimError};
use crate::engine::fault::{Fault, Reply};
use crate::engine::throttle::Throttling;
use crate::iam::{Ask, Principal, Verdict};
use crate::pricing;
use crate::s3;
use crate::settings::Credentials;
use crate::sqs;
use crate::sts;

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
        let now = self.engine.now();
        let nth = self.calls.arrive(call.action());
        // Permission is a part of the operation: a call that comes late is judged when it comes.
        let asked = call.clone();
        let operation = move |sim: &mut Self, now| {
            sim.permit(&asked).and_then(|()| operation(sim, now)).map_err(|error| sim.disclosed(&asked, error))
        };
        match self.fault(call.action(), nth) {
            None => Reply::Whole(self.admit(&call).and_then(|()| operation(self, now))),
            Some(fault) => self.broken(&call, fault, operation),
        }
    }

    /// Answers a call with DryRun: never a success. It meets what any call meets by chance, and [`Sim::meet`]; a fault that is
    /// injected for an action waits for a call that has an effect. `check` changes nothing.
    pub fn dry_run(
        &mut self,
        call: &Call,
        now: Timestamp,
        check: impl FnOnce(&mut Self, Timestamp) -> Outcome<()>,
    ) -> Reply<SimError> {
        self.advance(now);
        let now = self.engine.now();
        self.calls.arrive_dry();
        let by_chance = self.settings.faults.draw(&mut self.engine.random.faults);
        let by_chance = self.calls.take_coming().or(by_chance);
        if let Some(fault) = by_chance {
            self.engine.count(fault.kind());
        }
        match by_chance {
            Some(Fault::LostRequest | Fault::LostAnswer | Fault::LateExecution(_)) => return Reply::Lost,
            Some(Fault::Throttled) => return Reply::Whole(throttled(call.action())),
            Some(Fault::Status500 | Fault::Status500AfterEffect) => return Reply::Whole(SimError::internal()),
            Some(Fault::Status503 | Fault::Status503AfterEffect) => return Reply::Whole(SimError::unavailable()),
            Some(Fault::Truncated | Fault::Stale(_)) | None => (),
        }
        // It takes a call from the action's bucket, and none of the resources that a launch takes.
        let asked = Call::new(call.action()).by(call.by);
        let said = match self.admit(&asked).and_then(|()| self.permit(call)).and_then(|()| check(self, now)) {
            Err(refusal) => refusal,
            Ok(()) => SimError::new("DryRunOperation", "Request would have succeeded, but DryRun flag is set."),
        };
        if by_chance == Some(Fault::Truncated) { Reply::Truncated(said) } else { Reply::Whole(said) }
    }

    fn permit(&mut self, call: &Call) -> Outcome<()> {
        if call.by == Principal::Administrator {
            return Ok(());
        }
        for ask in self.asks(&call.about) {
            let verdict = match call.by {
                Principal::Instance(_) => self.judged(call, &ask),
                _ => self.iam.answer(&ask),
            };
            if verdict != Verdict::Allowed {
                self.engine.count("denied by policy");
                let refusal = self.denial(call, &ask, verdict);
                return Err(self.refused(call.action(), refusal));
            }
        }
        Ok(())
    }

    /// What the caller's policies say, without keeping the question.
    fn judged(&self, call: &Call, ask: &Ask) -> Verdict {
        match call.by {
            Principal::Instance(_) => self.iam.judge_role(self.role_of(call.by), ask),
            _ => self.iam.judge(ask),
        }
    }

    /// The role of a caller that is an instance.
    fn role_of(&self, by: Principal) -> Option<&str> {
        ec2::role_of(&self.settings, &self.states.ec2, by)
    }

    /// The refusal that a caller hears, who may not know everything.
    fn disclosed(&mut self, call: &Call, error: SimError) -> SimError {
        let About::S3(about) = &call.about else { return error };
        let bucket = s3::hidden(about).filter(|_| call.by != Principal::Administrator && error.code == "NoSuchKey");
        let Some(bucket) = bucket else { return error };
        let ask = self.s3_unmoved().ask_to_list(bucket);
        match self.judged(call, &ask) {
            Verdict::Allowed => error,
            verdict => self.denial(call, &ask, verdict),
        }
    }

    /// The questions that a call means, asked by its service.
    fn asks(&mut self, about: &About) -> Vec<Ask> {
        match about {
            About::Ec2(about) => self.ec2_unmoved().asks(about),
            About::Elb(about) => self.elb_unmoved().asks(about),
            About::Sqs(about) => self.sqs_unmoved().asks(about),
            About::S3(about) => self.s3_unmoved().asks(about),
            About::Nothing(Action::S3(action)) => vec![self.s3_unmoved().ask_about_region(*action)],
            About::Nothing(Action::Elb(action)) => vec![self.elb_unmoved().ask_about_region(*action)],
            About::Nothing(Action::CloudWatch(action)) => cloudwatch::asks(*action, &self.settings.region),
            About::Nothing(Action::Pricing(action)) => pricing::asks(*action, &self.settings.region),
            About::Nothing(Action::Sqs(action)) => vec![self.sqs_unmoved().ask_about_region(*action)],
            About::Nothing(Action::Ec2(action)) => vec![self.ec2_unmoved().ask_about_region(*action)],
            About::Nothing(Action::Sts(action)) => sts::asks(*action),
        }
    }

    fn denial(&self, call: &Call, ask: &Ask, verdict: Verdict) -> SimError {
        let (_, principal) = call.by.named(&self.settings.account, self.role_of(call.by));
        let nth = self.engine.record.injected.values().sum();
        match call.action().service() {
            ServiceName::Ec2 => ec2::unauthorized(&principal, ask, verdict, nth),
            ServiceName::Pricing => pricing::denied(&principal, ask),
            ServiceName::S3 => s3::denied(&principal, ask, verdict),
            ServiceName::Elb | ServiceName::CloudWatch | ServiceName::Sqs | ServiceName::Sts => {
                elb::denied(&principal, ask, verdict)
            }
        }
    }

    /// Takes what the call costs from the buckets of its service. `false`: it is throttled.
    fn take_tokens(&mut self, call: &Call) -> bool {
        if self.settings.throttling == Throttling::Off {
            return true;
        }
        let (others, now, resources) = (self.settings.others_percent, self.engine.now(), call.about.resources());
        let States { ec2, elb, cloudwatch, pricing, s3, sqs, sts } = &mut self.states;
        match call.action() {
            Action::Ec2(action) => ec2.buckets.admit(&ec2::costs(action, resources, call.bare), others, now),
            Action::Elb(action) => elb.buckets.admit(&elb::costs(action), others, now),
            Action::CloudWatch(action) => cloudwatch.buckets.admit(&cloudwatch::costs(action), others, now),
            Action::Pricing(action) => pricing.buckets.admit(&pricing::costs(action), others, now),
            Action::Sqs(action) => sqs.buckets.admit(&sqs::costs(action), others, now),
            Action::S3(action) => s3.buckets.admit(&s3::costs(action), others, now),
            Action::Sts(action) => sts.buckets.admit(&sts::costs(action), others, now),
        }
    }

    fn fault(&mut self, action: Action, nth: u64) -> Option<Fault> {
        let by_chance = self.settings.faults.draw(&mut self.engine.random.faults);
        self.calls.fault(action, nth, by_chance)
    }

    fn admit(&mut self, call: &Call) -> Outcome<()> {
        if let Some((kind, refusal)) = self.not_admitted(call.action()) {
            self.engine.count(kind);
            return Err(self.refused(call.action(), refusal));
        }
        if let Some(refusal) = self.calls.refusal(call.action()).cloned() {
            return Err(self.refused(call.action(), refusal));
        }
        if !self.take_tokens(call) {
            self.engine.count("throttled");
            return Err(self.refused(call.action(), throttled(call.action())));
        }
        Ok(())
    }

    /// Credentials and permissions.
    fn not_admitted(&self, action: Action) -> Option<(&'static str, SimError)> {
        // EC2 has codes of its own; the others share those of STS.
        let has_common_codes = action.service() != ServiceName::Ec2;
        let refusal = match self.settings.credentials {
            Credentials::Good => None,
            Credentials::Expired if has_common_codes => {
                Some(("expired credentials", "ExpiredToken", "The security token included in the request is expired"))
            }
            Credentials::Expired => Some(("expired credentials", "RequestExpired", "Request has expired.")),
            Credentials::ClockSkew if has_common_codes => {
                Some(("clock skew", "SignatureDoesNotMatch", "Signature expired"))
            }
            Credentials::ClockSkew => Some(("clock skew", "AuthFailure", NOT_VALIDATED)),
            Credentials::Unknown if has_common_codes => {
                let message = "The security token included in the request is invalid.";
                Some(("unknown key", "InvalidClientTokenId", message))
            }
            Credentials::Unknown => Some(("unknown key", "AuthFailure", NOT_VALIDATED)),
        };
        let spelled = |refusal: SimError| match action {
            Action::Pricing(_) => pricing::in_json(refusal),
            Action::S3(_) => s3::in_rest(refusal),
            _ => refusal,
        };
        if let Some((kind, code, message)) = refusal {
            return Some((kind, spelled(SimError::new(code, message))));
        }
        if !self.settings.denied.contains(&action) {
            return None;
        }
        let code = if has_common_codes { "AccessDenied" } else { "UnauthorizedOperation" };
        Some(("denied", spelled(SimError::new(code, "You are not authorized to perform this operation."))))
    }

    fn refused(&mut self, action: Action, refusal: SimError) -> SimError {
        if action.is_mutation() {
            self.engine.tell(format!("{} refused: {}", action.name(), refusal.code));
        }
        refusal
    }

    fn broken<T>(
        &mut self,
        call: &Call,
        fault: Fault,
        operation: impl FnOnce(&mut Self, Timestamp) -> Outcome<T> + Send + 'static,
    ) -> Reply<Outcome<T>> {
        let (now, action) = (self.engine.now(), call.action());
        self.engine.count(fault.kind());
        if action.is_mutation() {
            self.engine.tell(format!("{}: {fault:?}", action.name()));
        }
        let whole = |error| Reply::Whole(Err(error));
        match fault {
            Fault::LostRequest => Reply::Lost,
            Fault::Throttled => whole(throttled(action)),
            Fault::Status500 => whole(SimError::internal()),
            Fault::Status503 => whole(SimError::unavailable()),
            Fault::LostAnswer => {
                let _unheard = self.admit(call).and_then(|()| operation(self, now));
                Reply::Lost
            }
            Fault::Status500AfterEffect | Fault::Status503AfterEffect => {
                let _unheard = self.admit(call).and_then(|()| operation(self, now));
                whole(if fault == Fault::Status500AfterEffect { SimError::internal() } else { SimError::unavailable() })
            }
            Fault::Truncated => Reply::Truncated(self.admit(call).and_then(|()| operation(self, now))),
            Fault::Stale(seconds) => {
                self.engine.stale_by = Some(seconds.saturating_mul(1000));
                let answer = self.admit(call).and_then(|()| operation(self, now));
                self.engine.stale_by = None;
                Reply::Whole(answer)
            }
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
            sim.engine.tell(format!("{} takes effect {seconds} s late", action.name()));
            if let Err(error) = operation(sim, now) {
                sim.engine.tell(format!("{} refused unheard: {}", action.name(), error.code));
            }
        };
        let late = LateCall { action, call: Box::new(late) };
        self.late.enter(&mut self.engine, seconds.saturating_mul(1000), late);
    }
}

/// Services but EC2 and STS say it with HTTP 400 (ELBv2 user guide, "API throttling").
fn throttled(action: Action) -> SimError {
    match action {
        Action::Elb(_) | Action::CloudWatch(_) | Action::Pricing(_) => {
            SimError::new("ThrottlingException", "Rate exceeded")
        }
        Action::Sqs(_) => sqs::throttled(),
        Action::S3(_) => s3::slow_down(),
        Action::Ec2(_) | Action::Sts(_) => SimError::new("RequestLimitExceeded", "Request limit exceeded."),
    }
}
