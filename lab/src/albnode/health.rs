//! The health of a target as one node sees it.

use serde::{Deserialize, Serialize};

/// State of a target (API reference, TargetHealth).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Initial,
    Healthy,
    Unhealthy,
}

/// The result of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Success,
    /// It answered with a status that is not one of a success.
    Mismatch(u16),
    TimedOut,
    /// No connection, or no HTTP.
    Failed,
}

/// Results in a row that change the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Thresholds {
    pub(super) healthy: u32,
    pub(super) unhealthy: u32,
}

/// What checks have shown so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Health {
    pub(super) state: State,
    /// The last failure of a target that is unhealthy.
    why: Option<Outcome>,
    successes: u32,
    failures: u32,
}

impl Health {
    /// A target that was just registered.
    pub(super) fn new() -> Self {
        Self { state: State::Initial, why: None, successes: 0, failures: 0 }
    }

    /// Takes a result in. True: state or reason are others now.
    pub(super) fn note(&mut self, outcome: Outcome, thresholds: Thresholds) -> bool {
        let before = (self.state, self.why);
        if outcome == Outcome::Success {
            self.failures = 0;
            self.successes = self.successes.saturating_add(1);
            // One success is enough for a new target (user guide, "Health checks for your target groups").
            if self.state != State::Unhealthy || self.successes >= thresholds.healthy {
                (self.state, self.why) = (State::Healthy, None);
            }
        } else {
            self.successes = 0;
            self.failures = self.failures.saturating_add(1);
            if self.state == State::Unhealthy || self.failures >= thresholds.unhealthy {
                (self.state, self.why) = (State::Unhealthy, Some(outcome));
            }
        }
        before != (self.state, self.why)
    }

    /// Reason code and description, in AWS's words (user guide, "Health check reason codes").
    pub(super) fn reason(&self) -> Option<(&'static str, String)> {
        match (self.state, self.why) {
            (State::Initial, _) => Some(("Elb.InitialHealthChecking", "Initial health checks in progress".to_owned())),
            (_, Some(Outcome::Mismatch(status))) => {
                Some(("Target.ResponseCodeMismatch", format!("Health checks failed with these codes: [{status}]")))
            }
            (_, Some(Outcome::TimedOut)) => Some(("Target.Timeout", "Request timed out".to_owned())),
            (_, Some(Outcome::Failed)) => Some(("Target.FailedHealthChecks", "Health checks failed".to_owned())),
            (_, Some(Outcome::Success) | None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THRESHOLDS: Thresholds = Thresholds { healthy: 3, unhealthy: 2 };

    fn states(outcomes: &[Outcome]) -> Vec<State> {
        let mut health = Health::new();
        let state = |outcome: &Outcome| {
            health.note(*outcome, THRESHOLDS);
            health.state
        };
        outcomes.iter().map(state).collect()
    }

    #[test]
    fn a_new_target_needs_one_success_and_an_unhealthy_one_as_many_as_the_threshold() {
        use Outcome::{Failed, Success};
        use State::{Healthy, Initial, Unhealthy};
        assert_eq!(states(&[Failed, Success]), [Initial, Healthy]);
        assert_eq!(
            states(&[Success, Failed, Success, Failed, Failed, Success, Success, Failed, Success, Success, Success]),
            [
                Healthy, Healthy, Healthy, Healthy, Unhealthy, Unhealthy, Unhealthy, Unhealthy, Unhealthy, Unhealthy,
                Healthy
            ]
        );
        assert_eq!(states(&[Failed, Failed]), [Initial, Unhealthy]);
    }

    #[test]
    fn a_new_reason_is_news_and_the_same_one_is_not() {
        let mut health = Health::new();
        assert_eq!(health.reason().unwrap().0, "Elb.InitialHealthChecking");
        assert!(!health.note(Outcome::TimedOut, THRESHOLDS));
        assert!(health.note(Outcome::TimedOut, THRESHOLDS));
        assert_eq!(health.reason().unwrap().0, "Target.Timeout");
        assert!(!health.note(Outcome::TimedOut, THRESHOLDS));
        assert!(health.note(Outcome::Mismatch(503), THRESHOLDS));
        assert_eq!(health.reason().unwrap().1, "Health checks failed with these codes: [503]");
        assert!(health.note(Outcome::Failed, THRESHOLDS));
        assert_eq!(health.reason().unwrap().0, "Target.FailedHealthChecks");
    }
}
