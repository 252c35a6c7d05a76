//! A member: a worker whose puller takes requests by itself. The front sends it nothing; it asks how it is, and counts its
//! answers.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use wire::{Health, MemberOpinion, MemberStatus};

use crate::puller_status::PullerStatus;

/// So many checks in a row without a good answer take a member out: one may be chance.
const FAILURES: u32 = 2;
/// Weight of one answer in the mean: the last 16 make up two thirds of it.
const MEAN_OVER: u64 = 16;

/// A member at one address. A new address is a new member with the same [`Record`].
#[derive(Debug)]
pub(super) struct Member {
    pub(super) id: String,
    pub(super) address: SocketAddr,
    pub(super) record: Arc<Record>,
    health: Mutex<(Health, u32)>,
    left: watch::Sender<bool>,
}

/// The record of a member: follows its id, whatever its address is.
#[derive(Debug, Default)]
pub(super) struct Record(Mutex<Figures>);

#[derive(Clone, Debug, Default)]
struct Figures {
    requests: u64,
    failures: u64,
    losses: u64,
    in_flight: u64,
    mean_micros: Option<u64>,
    boot: Option<String>,
    slots: Option<u32>,
}

/// Why a check failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unwell {
    /// Its port is closed: nobody has to be asked twice.
    #[error("connection refused")]
    Refused,
    /// No answer in time.
    #[error("no answer to GET /health in time")]
    Silent,
    /// Anything else.
    #[error("GET /health failed: {0}")]
    Broken(String),
}

impl Member {
    pub(super) fn new(id: &str, address: SocketAddr, record: Arc<Record>) -> Self {
        let health = Mutex::new((Health::Unknown, 0));
        Self { id: id.to_owned(), address, record, health, left: watch::Sender::new(false) }
    }

    fn health_now(&self) -> MutexGuard<'_, (Health, u32)> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn health(&self) -> Health {
        self.health_now().0
    }

    /// A check came back.
    pub(super) fn checked(&self, checked: Result<PullerStatus, Unwell>) {
        let mut health = self.health_now();
        let (before, failures) = *health;
        match checked {
            Ok(puller) => {
                *health = (Health::Healthy, 0);
                self.record.learn(puller);
                if before != Health::Healthy {
                    tracing::info!(member = self.id, address = %self.address, "healthy");
                }
            }
            Err(unwell) => {
                // One that never was healthy has nothing to lose: its first failure says what it is.
                let is_plain = matches!(unwell, Unwell::Refused | Unwell::Silent);
                let is_out = failures + 1 >= FAILURES || is_plain || before != Health::Healthy;
                *health = (if is_out { Health::Unhealthy } else { before }, failures + 1);
                if is_out && before != Health::Unhealthy {
                    tracing::warn!(member = self.id, address = %self.address, %unwell, "unhealthy");
                }
                if is_plain {
                    // Whoever is not there works on nothing.
                    self.record.figures().in_flight = 0;
                }
                self.record.figures().losses += u64::from(is_out && before == Health::Healthy);
            }
        }
    }

    /// It is no longer a member.
    pub(super) fn leave(&self) {
        self.left.send_replace(true);
    }

    pub(super) fn is_out(&self) -> bool {
        *self.left.borrow()
    }

    /// Resolves when it has left.
    pub(super) async fn has_left(&self) {
        // An error means that the sender, and with it this member, is gone.
        let _ = self.left.subscribe().wait_for(|left| *left).await;
    }

    pub(super) fn status(&self, total: u64) -> MemberStatus {
        let Figures { requests, failures, losses, in_flight, mean_micros, boot, slots } = self.record.figures().clone();
        MemberStatus {
            id: self.id.clone(),
            address: self.address.to_string(),
            health: self.health(),
            in_flight,
            requests,
            failures,
            share_per_mille: per_mille(requests, total),
            latency_micros: mean_micros,
            losses,
            boot,
            slots,
            opinion: MemberOpinion::default(),
        }
    }
}

impl Record {
    fn figures(&self) -> MutexGuard<'_, Figures> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its puller said how it is.
    fn learn(&self, puller: PullerStatus) {
        let mut figures = self.figures();
        figures.in_flight = puller.in_flight;
        figures.boot = Some(puller.boot).filter(|boot| !boot.is_empty());
        figures.slots = Some(puller.slots).filter(|slots| *slots > 0);
    }

    /// A client got an answer of it.
    pub(super) fn answered(&self, status: u16, work: Option<u64>) {
        let mut figures = self.figures();
        figures.requests += 1;
        figures.failures += u64::from(status >= 500);
        if let Some(micros) = work {
            let mean = figures.mean_micros.map_or(micros, |mean| mean - mean / MEAN_OVER + micros / MEAN_OVER);
            figures.mean_micros = Some(mean);
        }
    }

    pub(super) fn requests(&self) -> u64 {
        self.figures().requests
    }

    pub(super) fn in_flight(&self) -> u64 {
        self.figures().in_flight
    }
}

/// Rounded to the nearest; 0 of 0 is 0.
fn per_mille(part: u64, total: u64) -> u32 {
    u32::try_from((part * 1_000 + total / 2).checked_div(total).unwrap_or(0)).unwrap_or(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member() -> Member {
        Member::new("i-1", "10.0.0.1:8082".parse().unwrap(), Arc::default())
    }

    fn well(in_flight: u64) -> Result<PullerStatus, Unwell> {
        Ok(PullerStatus { boot: "b".into(), slots: 2, in_flight, ..PullerStatus::default() })
    }

    #[test]
    fn one_bad_answer_is_chance_two_are_a_loss_and_a_closed_port_is_one_at_once() {
        let member = member();
        let seen = || (member.health(), member.record.figures().losses);
        member.checked(Err(Unwell::Broken("503".into())));
        assert_eq!(seen(), (Health::Unhealthy, 0));
        member.checked(well(1));
        member.checked(Err(Unwell::Broken("reset".into())));
        assert_eq!(seen(), (Health::Healthy, 0));
        member.checked(Err(Unwell::Broken("reset".into())));
        assert_eq!(seen(), (Health::Unhealthy, 1));
        member.checked(well(1));
        member.checked(Err(Unwell::Refused));
        assert_eq!((seen(), member.record.in_flight()), ((Health::Unhealthy, 2), 0));
    }

    #[test]
    fn it_is_what_its_puller_says_and_its_answers_are_counted() {
        let member = member();
        member.checked(well(3));
        member.record.answered(200, Some(1_600));
        member.record.answered(502, None);
        let status = member.status(4);
        assert_eq!((status.requests, status.failures, status.share_per_mille), (2, 1, 500));
        assert_eq!((status.boot.as_deref(), status.slots, status.in_flight), (Some("b"), Some(2), 3));
        assert_eq!(status.latency_micros, Some(1_600));
    }
}
