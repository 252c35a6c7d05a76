//! The program's health, as the puller knows it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Puller;
use crate::ports::{Objects, Program, Queues, Sick};

/// A program that is silent for so long is not well. One lost packet is not that: nothing is lost on one machine.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Last thing known of the program. Nothing is taken from the queue while there is doubt.
#[derive(Debug)]
pub(super) struct Health(Mutex<Known>);

#[derive(Debug)]
struct Known {
    /// `None`: it is well.
    doubt: Option<String>,
    boot: Option<String>,
    /// Why the program gave no answer to a request, the last time. It is kept when the program is well again.
    failure: Option<String>,
}

impl Health {
    pub(super) fn unknown() -> Self {
        Self(Mutex::new(Known { doubt: Some("the program was not asked yet".to_owned()), boot: None, failure: None }))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_well(&self) -> bool {
        self.known().doubt.is_none()
    }

    /// The reason why nothing is taken.
    pub(super) fn doubts(&self) -> Option<String> {
        self.known().doubt.clone()
    }

    /// The program's process as it last named itself.
    pub(super) fn boot(&self) -> Option<String> {
        self.known().boot.clone()
    }

    /// The reason why a request had no answer, the last time that this happened.
    pub(super) fn last_failure(&self) -> Option<String> {
        self.known().failure.clone()
    }

    /// A request had no answer.
    pub(super) fn failed(&self, why: String) {
        self.known().failure = Some(why);
    }

    /// A request failed: the program is asked before it gets another one.
    pub(super) fn doubt(&self, why: &str) {
        let mut known = self.known();
        if known.doubt.is_none() {
            tracing::warn!(why, "no more requests are taken until the program is well");
        }
        known.doubt = Some(why.to_owned());
    }

    fn well(&self, boot: Option<String>) {
        let mut known = self.known();
        if known.doubt.take().is_some() {
            tracing::info!("the program is well: requests are taken");
        }
        known.boot = boot.or_else(|| known.boot.take());
    }
}

impl<C: Queues + Objects, P: Program> Puller<C, P> {
    /// Asks the program how it is.
    ///
    /// A program that does one thing at a time is silent while it works on a request of ours. That is no sickness: its limit is
    /// the one of that request.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn check(&self) -> Result<(), Sick> {
        let asked = tokio::time::timeout(TIMEOUT, self.program.health()).await;
        match asked.unwrap_or(Err(Sick::Silent(TIMEOUT))) {
            Ok(boot) => {
                self.health.well(boot);
                Ok(())
            }
            Err(Sick::Silent(_)) if self.desk.borrow().at_work > 0 && self.health.is_well() => Ok(()),
            Err(sick) => {
                self.health.doubt(&sick.to_string());
                Err(sick)
            }
        }
    }
}
