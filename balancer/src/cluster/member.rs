//! A member: address, health and counts of one worker. All of it is atomic: the data path takes no lock to read it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use wire::Health;

use super::pool::Pool;
use crate::policy::{Candidate, MemberKey, Nanos, Parallelism};

/// A member at one address. A new address is a new member with the same [`Record`].
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) id: String,
    /// The id can be the value of `x-backend`, for a worker that does not name itself.
    pub(crate) is_id_printable: bool,
    pub(crate) key: MemberKey,
    pub(crate) address: SocketAddr,
    pub(crate) record: Arc<Record>,
    pub(crate) pool: Pool,
    health: AtomicU8,
    /// Hint of the membership; 0 is none.
    vcpus: AtomicU32,
    /// Shortest time that opening a connection took, in nanoseconds: one round trip. 0 before the first.
    round_trip: AtomicU64,
    /// Its health is being checked already.
    is_checked: AtomicBool,
    left: watch::Sender<bool>,
}

/// The record of a member: follows its id, whatever its address is.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) in_flight: AtomicU64,
    pub(crate) requests: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) losses: AtomicU64,
    /// Responses by class: 1xx to 5xx, then requests without one.
    pub(crate) answers: [AtomicU64; 6],
    pub(crate) latency: Latency,
    /// Number of times that the policy took it out.
    pub(crate) ejections: AtomicU64,
    is_ejected: AtomicBool,
    /// Declared by the worker; 0 is unknown.
    slots: AtomicU32,
    boot: Mutex<Option<Vec<u8>>>,
    /// Hash of `boot`, so that the lock is taken only when it changed; 0 is none.
    boot_hash: AtomicU64,
}

impl Member {
    /// A member with a pool for each of so many shards.
    pub(crate) fn new(
        wire: &wire::Member,
        address: SocketAddr,
        key: MemberKey,
        record: Arc<Record>,
        shards: usize,
    ) -> Self {
        Self {
            id: wire.id.clone(),
            is_id_printable: wire.id.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
            key,
            address,
            record,
            pool: Pool::new(shards),
            health: AtomicU8::new(Health::Unknown as u8),
            vcpus: AtomicU32::new(wire.vcpus.unwrap_or(0)),
            round_trip: AtomicU64::new(0),
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

    /// Number of requests that it declares to serve at the same time, else its vCPUs.
    pub(crate) fn parallelism(&self) -> Option<Parallelism> {
        let vcpus = || Some(self.vcpus.load(Relaxed)).filter(|vcpus| *vcpus > 0);
        self.record.slots().map(Parallelism::Slots).or_else(|| vcpus().map(Parallelism::Vcpus))
    }

    /// The member as a policy is told about it.
    pub(crate) fn candidate(&self) -> Candidate {
        Candidate {
            key: self.key,
            in_flight: self.record.in_flight.load(Relaxed),
            parallelism: self.parallelism(),
            round_trip: Nanos(self.round_trip.load(Relaxed)),
        }
    }

    /// Opening a connection took so long.
    pub(crate) fn connected(&self, took: Nanos) {
        let known = self.round_trip.load(Relaxed);
        if known == 0 || took.0 < known {
            self.round_trip.store(took.0.max(1), Relaxed);
        }
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
    /// Keeps which process of the worker answered.
    pub(crate) fn learn_boot(&self, boot: &[u8]) {
        let hash = hash(boot);
        if self.boot_hash.swap(hash, Relaxed) != hash {
            *self.boot.lock().unwrap_or_else(PoisonError::into_inner) = Some(boot.to_vec());
        }
    }

    /// Keeps how many requests the worker says that it serves at the same time.
    pub(crate) fn learn_slots(&self, slots: &[u8]) {
        let slots = std::str::from_utf8(slots).ok().and_then(|slots| slots.parse().ok());
        if let Some(slots) = slots.filter(|slots| *slots != self.slots.load(Relaxed)) {
            self.slots.store(slots, Relaxed);
        }
    }

    /// An attempt found its process, or the way to it, gone; or did not.
    pub(crate) fn lost(&self, is_loss: bool) {
        self.losses.fetch_add(u64::from(is_loss), Relaxed);
    }

    /// The policy took it out, or did not.
    pub(crate) fn ejected(&self, is_ejected: bool) {
        if self.is_ejected.load(Relaxed) != is_ejected && self.is_ejected.swap(is_ejected, Relaxed) != is_ejected {
            self.ejections.fetch_add(u64::from(is_ejected), Relaxed);
        }
    }

    pub(crate) fn slots(&self) -> Option<u32> {
        Some(self.slots.load(Relaxed)).filter(|slots| *slots > 0)
    }

    pub(crate) fn boot(&self) -> Option<String> {
        let known = self.boot.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().map(|boot| String::from_utf8_lossy(boot).into_owned())
    }

    /// Counts a response, or with `None` the lack of one.
    pub(crate) fn answered(&self, status: Option<u16>) {
        let class = status.map_or(6, |status| usize::from(status / 100)).clamp(1, 6);
        self.answers[class - 1].fetch_add(1, Relaxed);
        if class >= 5 {
            self.failures.fetch_add(1, Relaxed);
        }
    }
}

/// FNV-1a, 64 bits, never 0.
fn hash(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step).max(1)
}

/// Upper ends of the latency buckets, in microseconds: 1-2-5 steps from a worker on the same instance to the
/// longest response that is waited for.
pub(crate) const BUCKETS_MICROS: [u64; 17] = [
    100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000,
    5_000_000, 10_000_000, 30_000_000,
];

/// Weight of one response in the mean: the last 16 make up two thirds of it.
const MEAN_OVER: u64 = 16;

/// Time to the first byte of good responses.
#[derive(Debug, Default)]
pub(crate) struct Latency {
    /// One more than the ends: what is above the last.
    pub(crate) buckets: [AtomicU64; BUCKETS_MICROS.len() + 1],
    pub(crate) sum_micros: AtomicU64,
    /// The moving mean times [`MEAN_OVER`], plus one; 0 before the first response.
    mean: AtomicU64,
}

impl Latency {
    pub(crate) fn observe(&self, latency: Nanos) {
        let micros = latency.micros();
        self.buckets[BUCKETS_MICROS.partition_point(|end| *end < micros)].fetch_add(1, Relaxed);
        self.sum_micros.fetch_add(micros, Relaxed);
        // Two responses at the same instant may overwrite each other here: the mean is for people.
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
        Member::new(&wire, wire.address.parse().unwrap(), MemberKey(1), Arc::default(), 1)
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
        member.record.learn_slots(b"8");
        member.record.learn_slots(b"many");
        member.record.learn_boot(b"b1");
        assert_eq!((member.parallelism(), member.record.boot()), (Some(Parallelism::Slots(8)), Some("b1".into())));
        member.record.learn_boot(b"b2");
        member.record.learn_boot(b"b2");
        assert_eq!(member.record.boot().as_deref(), Some("b2"));
    }

    #[test]
    fn an_ejection_is_counted_once() {
        let record = Record::default();
        [false, true, true, false, true].iter().for_each(|is_ejected| record.ejected(*is_ejected));
        assert_eq!(record.ejections.load(Relaxed), 2);
    }

    #[test]
    fn the_shortest_connect_is_the_round_trip() {
        let member = member();
        [5, 3, 9].iter().for_each(|took| member.connected(Nanos(*took)));
        assert_eq!(member.candidate().round_trip, Nanos(3));
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
