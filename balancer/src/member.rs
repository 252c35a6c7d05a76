//! One worker: where it is, how it is, and what it did. All of it atomic: the data path takes no lock to read it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, HeaderValue};
use tokio::sync::watch;
use wire::{BOOT_HEADER, Health, SLOTS_HEADER};

use crate::policy::{MemberKey, Nanos, Parallelism};
use crate::pool::Pool;

/// A member at one address. A new address is a new member with the same [`Record`].
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) id: String,
    /// Value of `x-backend` for a worker that does not name itself; none when the id cannot be a header.
    pub(crate) id_header: Option<HeaderValue>,
    pub(crate) key: MemberKey,
    pub(crate) address: SocketAddr,
    pub(crate) record: Arc<Record>,
    pub(crate) pool: Pool,
    health: AtomicU8,
    /// Hint of the membership; 0 is none.
    vcpus: AtomicU32,
    /// Whether its health is being checked already.
    is_checked: AtomicBool,
    left: watch::Sender<bool>,
}

/// What a member did: follows its id, whatever its address is.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) in_flight: AtomicU64,
    pub(crate) requests: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) losses: AtomicU64,
    /// Answers by class: 1xx to 5xx, then requests without one.
    pub(crate) answers: [AtomicU64; 6],
    pub(crate) latency: Latency,
    /// Declared by the worker; 0 is unknown.
    slots: AtomicU32,
    boot: Mutex<Option<HeaderValue>>,
}

impl Member {
    pub(crate) fn new(wire: &wire::Member, address: SocketAddr, key: MemberKey, record: Arc<Record>) -> Self {
        Self {
            id: wire.id.clone(),
            id_header: HeaderValue::from_str(&wire.id).ok(),
            key,
            address,
            record,
            pool: Pool::default(),
            health: AtomicU8::new(Health::Unknown as u8),
            vcpus: AtomicU32::new(wire.vcpus.unwrap_or(0)),
            is_checked: AtomicBool::new(false),
            left: watch::Sender::new(false),
        }
    }

    pub(crate) fn set_vcpus(&self, vcpus: Option<u32>) {
        self.vcpus.store(vcpus.unwrap_or(0), Relaxed);
    }

    pub(crate) fn health(&self) -> Health {
        match self.health.load(Relaxed) {
            healthy if healthy == Health::Healthy as u8 => Health::Healthy,
            unhealthy if unhealthy == Health::Unhealthy as u8 => Health::Unhealthy,
            _ => Health::Unknown,
        }
    }

    pub(crate) fn set_healthy(&self) {
        if self.health.swap(Health::Healthy as u8, Relaxed) != Health::Healthy as u8 {
            tracing::info!(member = self.id, address = %self.address, "healthy");
        }
    }

    /// Takes it out; a loss when it was in.
    pub(crate) fn set_unhealthy(&self, why: &str) {
        let before = self.health.swap(Health::Unhealthy as u8, Relaxed);
        if before != Health::Unhealthy as u8 {
            tracing::warn!(member = self.id, address = %self.address, why, "unhealthy");
        }
        if before == Health::Healthy as u8 {
            self.record.losses.fetch_add(1, Relaxed);
        }
    }

    /// A request found its port closed: one loss, and no more requests until a check succeeds.
    pub(crate) fn refused(&self) {
        if self.health() != Health::Healthy {
            self.record.losses.fetch_add(1, Relaxed);
        }
        self.set_unhealthy("connection refused");
    }

    /// What it declares to serve at the same time, else its vCPUs.
    pub(crate) fn parallelism(&self) -> Option<Parallelism> {
        let vcpus = || Some(self.vcpus.load(Relaxed)).filter(|vcpus| *vcpus > 0);
        self.record.slots().map(Parallelism::Slots).or_else(|| vcpus().map(Parallelism::Vcpus))
    }

    /// True for the first caller: who then has to check its health until it leaves.
    pub(crate) fn claim_checks(&self) -> bool {
        !self.is_checked.swap(true, Relaxed)
    }

    /// It is no longer a member: its idle connections go, requests in flight finish.
    pub(crate) fn leave(&self) {
        self.left.send_replace(true);
        self.pool.close();
    }

    /// Resolves when it has left.
    pub(crate) async fn has_left(&self) {
        // An error means that the sender, and with it this member, is gone.
        let _ = self.left.subscribe().wait_for(|left| *left).await;
    }
}

impl Record {
    /// Keeps what the worker says about itself in an answer's headers.
    pub(crate) fn learn(&self, headers: &HeaderMap) {
        if let Some(boot) = headers.get(BOOT_HEADER) {
            let mut known = self.boot.lock().unwrap_or_else(PoisonError::into_inner);
            if known.as_ref() != Some(boot) {
                // A copy of its own: the header is a slice of the answer's whole head.
                *known = HeaderValue::from_bytes(boot.as_bytes()).ok();
            }
        }
        let slots = headers.get(SLOTS_HEADER).and_then(|slots| slots.to_str().ok()?.parse().ok());
        if let Some(slots) = slots {
            self.slots.store(slots, Relaxed);
        }
    }

    pub(crate) fn slots(&self) -> Option<u32> {
        Some(self.slots.load(Relaxed)).filter(|slots| *slots > 0)
    }

    pub(crate) fn boot(&self) -> Option<String> {
        let known = self.boot.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().map(|boot| String::from_utf8_lossy(boot.as_bytes()).into_owned())
    }

    /// Counts an answer, or with `None` the lack of one.
    pub(crate) fn answered(&self, status: Option<http::StatusCode>) {
        let class = status.map_or(6, |status| usize::from(status.as_u16() / 100)).clamp(1, 6);
        self.answers[class - 1].fetch_add(1, Relaxed);
        if class >= 5 {
            self.failures.fetch_add(1, Relaxed);
        }
    }
}

/// Upper ends of the latency buckets, in microseconds: 1-2-5 steps from a worker on the same instance to the
/// longest answer that is waited for.
pub(crate) const BUCKETS_MICROS: [u64; 17] = [
    100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000,
    5_000_000, 10_000_000, 30_000_000,
];

/// Weight of one answer in the mean: the last 16 make up two thirds of it.
const MEAN_OVER: u64 = 16;

/// Time to the first byte of good answers.
#[derive(Debug, Default)]
pub(crate) struct Latency {
    /// One more than the ends: what is above the last.
    pub(crate) buckets: [AtomicU64; BUCKETS_MICROS.len() + 1],
    pub(crate) sum_micros: AtomicU64,
    /// The moving mean times [`MEAN_OVER`], plus one; 0 before the first answer.
    mean: AtomicU64,
}

impl Latency {
    pub(crate) fn observe(&self, latency: Nanos) {
        let micros = latency.micros();
        self.buckets[BUCKETS_MICROS.partition_point(|end| *end < micros)].fetch_add(1, Relaxed);
        self.sum_micros.fetch_add(micros, Relaxed);
        // Two answers at the same instant may overwrite each other here: the mean is for people.
        let mean = match self.mean.load(Relaxed) {
            0 => micros * MEAN_OVER,
            old => (old - 1) - (old - 1) / MEAN_OVER + micros,
        };
        self.mean.store(mean + 1, Relaxed);
    }

    pub(crate) fn mean_micros(&self) -> Option<u64> {
        self.mean.load(Relaxed).checked_sub(1).map(|mean| mean / MEAN_OVER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member() -> Member {
        let wire = wire::Member { id: "i-1".into(), address: "10.0.0.1:80".into(), vcpus: Some(2) };
        Member::new(&wire, wire.address.parse().unwrap(), MemberKey(1), Arc::default())
    }

    #[test]
    fn one_event_is_one_loss() {
        let member = member();
        let losses = || member.record.losses.load(Relaxed);
        member.set_unhealthy("never was healthy");
        assert_eq!(losses(), 0);
        member.set_healthy();
        member.refused();
        assert_eq!((losses(), member.health()), (1, Health::Unhealthy));
        member.set_unhealthy("still");
        assert_eq!(losses(), 1);
        member.refused();
        assert_eq!(losses(), 2);
    }

    #[test]
    fn declared_slots_go_before_vcpus_and_the_last_boot_is_kept() {
        let member = member();
        assert_eq!(member.parallelism(), Some(Parallelism::Vcpus(2)));
        let mut headers = HeaderMap::new();
        headers.insert(SLOTS_HEADER, HeaderValue::from_static("8"));
        headers.insert(BOOT_HEADER, HeaderValue::from_static("b1"));
        member.record.learn(&headers);
        member.record.learn(&HeaderMap::new());
        let known = (member.parallelism(), member.record.boot());
        assert_eq!(known, (Some(Parallelism::Slots(8)), Some("b1".to_owned())));
    }

    #[test]
    fn the_mean_follows_the_last_answers() {
        let latency = Latency::default();
        assert_eq!(latency.mean_micros(), None);
        latency.observe(Nanos(1_000_000));
        assert_eq!(latency.mean_micros(), Some(1_000));
        (0..200).for_each(|_| latency.observe(Nanos(3_000_000)));
        assert!((2_990..=3_000).contains(&latency.mean_micros().unwrap()));
        assert_eq!(latency.buckets[3].load(Relaxed), 1);
        assert_eq!(latency.buckets[5].load(Relaxed), 200);
    }
}
