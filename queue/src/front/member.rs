//! A member: a worker whose puller takes requests by itself. The front sends it no request; it asks how it is, tells it its duty,
//! and counts its answers.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use wire::{Health, MemberOpinion, MemberStatus};

use super::account::Account;
use super::drain::Drain;
use super::pullers::Unwell;
use crate::puller_status::{Duty, Order, PullerStatus};

/// So many checks in a row without a good answer take a member out: one may be chance.
const FAILURES: u32 = 2;
/// Weight of one answer in the mean: the last 16 make up two thirds of it.
const MEAN_OVER: u64 = 16;

const MEMBER: u8 = 0;
const LEFT: u8 = 1;
const GONE: u8 = 2;

/// A member at one address. A new address is a new member with the same [`Record`].
#[derive(Debug)]
pub(super) struct Member {
    pub(super) id: String,
    pub(super) address: SocketAddr,
    pub(super) record: Arc<Record>,
    health: Mutex<(Health, u32)>,
    drain: Mutex<Drain>,
    /// Whether its puller answered the last check.
    is_reached: AtomicBool,
    /// [`MEMBER`], then [`LEFT`], then [`GONE`], when nobody asks it any more.
    place: AtomicU8,
    told: Notify,
}

/// The record of a member: follows its id, whatever its address is.
#[derive(Debug, Default)]
pub(super) struct Record {
    figures: Mutex<Figures>,
    account: Arc<Account>,
}

#[derive(Clone, Debug, Default)]
struct Figures {
    requests: u64,
    failures: u64,
    losses: u64,
    in_flight: u64,
    mean_micros: Option<u64>,
    boot: Option<String>,
    slots: Option<u32>,
    /// When it last gave a sign of itself, by a check or by an answer, in milliseconds since the front's start.
    sign: u64,
}

impl Member {
    pub(super) fn new(id: &str, address: SocketAddr, record: Arc<Record>) -> Self {
        let (health, drain) = (Mutex::new((Health::Unknown, 0)), Mutex::default());
        let (place, told) = (AtomicU8::new(MEMBER), Notify::new());
        let is_reached = AtomicBool::new(false);
        Self { id: id.to_owned(), address, record, health, drain, is_reached, place, told }
    }

    fn drain(&self) -> MutexGuard<'_, Drain> {
        self.drain.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn health_now(&self) -> MutexGuard<'_, (Health, u32)> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn health(&self) -> Health {
        self.health_now().0
    }

    /// The check of this number came back, at so many milliseconds since the front's start.
    pub(super) fn checked(&self, number: u64, asked: Result<PullerStatus, Unwell>, now: u64) {
        let is_it = asked.as_ref().is_ok_and(|puller| puller.instance_id == self.id);
        if is_it {
            self.record.sign(now);
        }
        match asked {
            Ok(puller) if puller.instance_id != self.id => {
                self.unwell(&Unwell::Broken(format!("it is the one of {:?}", puller.instance_id)));
            }
            Ok(puller) => {
                self.drain().heard(number, &puller, now);
                self.record.account.heard(&puller, now);
                match puller.waits_for.clone() {
                    Some(why) => self.unwell(&Unwell::Broken(why)),
                    None => self.well(puller),
                }
            }
            Err(unwell) => self.unwell(&unwell),
        }
        // Last: a word is heard before it is believed.
        self.is_reached.store(is_it, Relaxed);
    }

    fn well(&self, puller: PullerStatus) {
        let before = std::mem::replace(&mut *self.health_now(), (Health::Healthy, 0)).0;
        self.record.account.boots().heard(&self.id, &puller.boot);
        self.record.learn(puller);
        if before != Health::Healthy {
            tracing::info!(member = self.id, address = %self.address, "healthy");
        }
    }

    fn unwell(&self, unwell: &Unwell) {
        let mut health = self.health_now();
        let (before, failures) = *health;
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

    /// What it is to do from now on, whatever was said before.
    pub(super) fn wish(&self, duty: Duty) {
        if self.drain().wish(duty) {
            self.told.notify_one();
        }
    }

    /// It has booted anew: what its former boot said is nothing.
    pub(super) fn is_anew(&self, now: u64) {
        self.drain().forget();
        self.record.figures().boot = None;
        self.record.sign(now);
    }

    /// Resolves when it has to be told something.
    pub(super) async fn is_told(&self) {
        self.told.notified().await;
    }

    /// The order that goes with the next check, and the number of the check.
    pub(super) fn order(&self) -> (u64, Option<Order>) {
        self.drain().order(&self.id)
    }

    /// Whether it was told to take no more requests, or is about to be.
    pub(super) fn is_to_drain(&self) -> bool {
        self.drain().is_wished()
    }

    /// Whether it takes no requests and works on none, by its own word since it was told, which is not old. How its program is does
    /// not matter: it has nothing to do.
    pub(super) fn is_drained(&self, now: u64) -> bool {
        self.is_reached.load(Relaxed) && self.drain().is_drained(now)
    }

    /// Whether that was its last word.
    pub(super) fn was_drained(&self) -> bool {
        self.drain().was_drained()
    }

    /// It is no longer a member: it is to finish what it has, and to take no more.
    pub(super) fn leave(&self) {
        self.place.fetch_max(LEFT, Relaxed);
        self.wish(Duty::Drain);
    }

    pub(super) fn has_left(&self) -> bool {
        self.place.load(Relaxed) >= LEFT
    }

    /// Nobody asks it any more.
    pub(super) fn go(&self) {
        self.place.store(GONE, Relaxed);
        self.told.notify_one();
    }

    pub(super) fn is_gone(&self) -> bool {
        self.place.load(Relaxed) == GONE
    }

    pub(super) fn status(&self, total: u64) -> MemberStatus {
        let Figures { requests, failures, losses, in_flight, mean_micros, boot, slots, .. } =
            self.record.figures().clone();
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
    /// That of a member that is one since so many milliseconds after the front's start.
    pub(super) fn new(account: Arc<Account>, now: u64) -> Self {
        Self { figures: Mutex::new(Figures { sign: now, ..Figures::default() }), account }
    }

    /// Whether it is of a member of the cluster with this account.
    pub(super) fn is_of(&self, account: &Arc<Account>) -> bool {
        Arc::ptr_eq(&self.account, account)
    }

    fn figures(&self) -> MutexGuard<'_, Figures> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its puller said how it is.
    fn learn(&self, puller: PullerStatus) {
        let mut figures = self.figures();
        figures.in_flight = puller.in_flight;
        figures.boot = Some(puller.boot).filter(|boot| !boot.is_empty());
        figures.slots = Some(puller.slots).filter(|slots| *slots > 0);
    }

    /// It is there: its puller answered a check, or an answer of its came.
    pub(super) fn sign(&self, now: u64) {
        let mut figures = self.figures();
        figures.sign = figures.sign.max(now);
    }

    /// For how long it has given no sign of itself, in milliseconds.
    pub(super) fn silent(&self, now: u64) -> u64 {
        now.saturating_sub(self.figures().sign)
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

    fn checked(member: &Member, asked: Result<PullerStatus, Unwell>) {
        member.checked(member.order().0, asked, 1_000);
    }

    fn well(in_flight: u64) -> Result<PullerStatus, Unwell> {
        let (instance_id, boot) = ("i-1".into(), "b".into());
        Ok(PullerStatus { instance_id, boot, slots: 2, in_flight, ..PullerStatus::default() })
    }

    #[test]
    fn one_bad_answer_is_chance_two_are_a_loss_and_a_closed_port_is_one_at_once() {
        let member = member();
        let seen = || (member.health(), member.record.figures().losses);
        checked(&member, Err(Unwell::Broken("503".into())));
        assert_eq!(seen(), (Health::Unhealthy, 0));
        checked(&member, well(1));
        checked(&member, Err(Unwell::Broken("reset".into())));
        assert_eq!(seen(), (Health::Healthy, 0));
        checked(&member, Err(Unwell::Broken("reset".into())));
        assert_eq!(seen(), (Health::Unhealthy, 1));
        checked(&member, well(1));
        checked(&member, Err(Unwell::Refused));
        assert_eq!((seen(), member.record.in_flight()), ((Health::Unhealthy, 2), 0));
    }

    #[test]
    fn whoever_answers_in_its_place_is_not_it() {
        let member = member();
        let other = PullerStatus { instance_id: "i-2".into(), ..well(3).unwrap() };
        checked(&member, Ok(other));
        assert_eq!((member.health(), member.record.in_flight()), (Health::Unhealthy, 0));
        assert_eq!(member.status(0).boot, None);
    }

    #[test]
    fn one_that_is_silent_is_not_drained_and_has_been_for_its_boot() {
        let member = member();
        member.wish(Duty::Drain);
        let says = |waits_for: Option<&str>| {
            let waits_for = waits_for.map(str::to_owned);
            Ok(PullerStatus { duty: Duty::Drain, drained: true, waits_for, ..well(0).unwrap() })
        };
        let seen = || (member.is_drained(1_000), member.was_drained());
        checked(&member, says(Some("no program")));
        assert_eq!(seen(), (true, true), "it has nothing to do, and what would do it is not well");
        checked(&member, says(None));
        assert_eq!(seen(), (true, true));
        checked(&member, Err(Unwell::Silent));
        assert_eq!(seen(), (false, true));
        checked(&member, well(0));
        assert_eq!(seen(), (false, false), "it restarted, and serves");
    }

    #[test]
    fn a_sign_is_a_check_that_its_own_puller_answered_or_an_answer() {
        let member = member();
        let at = |now: u64, asked| member.checked(member.order().0, asked, now);
        at(1_000, well(0));
        at(2_000, Err(Unwell::Silent));
        at(3_000, Ok(PullerStatus { instance_id: "i-2".into(), ..well(3).unwrap() }));
        assert_eq!(member.record.silent(9_000), 8_000);
        member.record.sign(8_500);
        assert_eq!(member.record.silent(9_000), 500);
        at(10_000, Ok(PullerStatus { waits_for: Some("no program".into()), ..well(0).unwrap() }));
        member.record.sign(9_000);
        assert_eq!(member.record.silent(12_000), 2_000);
    }

    #[test]
    fn one_that_leaves_is_told_to_drain_and_gone_when_nobody_asks_it() {
        let member = member();
        assert_eq!(member.order().1, None);
        member.leave();
        assert!(member.has_left() && !member.is_gone() && member.is_to_drain());
        assert_eq!(member.order().1, Some(Order { instance_id: "i-1".into(), duty: Duty::Drain }));
        member.go();
        assert!(member.is_gone() && member.has_left());
    }

    #[test]
    fn it_is_what_its_puller_says_and_its_answers_are_counted() {
        let member = member();
        checked(&member, well(3));
        member.record.answered(200, Some(1_600));
        member.record.answered(502, None);
        let status = member.status(4);
        assert_eq!((status.requests, status.failures, status.share_per_mille), (2, 1, 500));
        assert_eq!((status.boot.as_deref(), status.slots, status.in_flight), (Some("b"), Some(2), 3));
        assert_eq!(status.latency_micros, Some(1_600));
    }
}
