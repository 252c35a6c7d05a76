//! A scenario: members, arrivals, demands, and the faults with their moments.

use super::streams::{Stream, exponential, normal, unit};
use crate::policy::{Nanos, Parallelism};

/// The way in which a member serves what it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discipline {
    /// So many at a time, the others wait in order.
    Fifo,
    /// All at a time, sharing that many cores equally.
    Sharing,
}

/// One member.
#[derive(Clone, Debug)]
pub struct Station {
    pub discipline: Discipline,
    /// Slots, or cores.
    pub slots: u32,
    /// Parallelism that the policy is told.
    pub hint: Option<Parallelism>,
    /// Work done per unit of time and slot; 1 is nominal.
    pub speed: f64,
    /// Correlated changes of its own speed from request to request.
    pub drift: Option<Drift>,
    /// Is a member from the start; otherwise a [`Change::Joins`] makes it one.
    pub is_member: bool,
}

/// Demands at a station are multiplied by exp(x - sigma^2/2), where x is a first-order autoregression over the requests
/// it starts: correlation `phi` from one to the next, standard deviation `sigma`.
#[derive(Clone, Copy, Debug)]
pub struct Drift {
    pub phi: f64,
    pub sigma: f64,
}

/// Something that happens to a station.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    Speed(f64),
    Slots(u32),
    /// This share of its requests fails from now on, after this long, without being served.
    Fails {
        share: f64,
        after: Nanos,
    },
    Joins,
    Leaves,
}

/// The moments at which clients send.
#[derive(Clone, Debug)]
pub enum Arrivals {
    /// Open loop, exponential gaps.
    Poisson { per_second: f64 },
    /// Open loop, exponential gaps between bursts of this many.
    Bursts { per_second: f64, size: u32 },
    /// Open loop; the rate alternates between two values, each for an exponential time of this mean.
    OnOff { high_per_second: f64, low_per_second: f64, mean: Nanos },
    /// So many users, each with one request at a time and an exponential pause of this mean.
    Closed { users: u32, think: Nanos },
}

/// The work that one request is: a distribution of mean 1.
#[derive(Clone, Copy, Debug)]
pub enum Demand {
    Deterministic,
    Exponential,
    /// Lognormal with this standard deviation of the logarithm.
    Lognormal(f64),
    /// One in a hundred is this many times the others.
    Bimodal(f64),
}

impl Demand {
    pub(super) fn draw(self, stream: &mut Stream) -> f64 {
        match self {
            Self::Deterministic => 1.0,
            Self::Exponential => exponential(stream),
            Self::Lognormal(sigma) => (sigma * normal(stream) - sigma * sigma / 2.0).exp(),
            Self::Bimodal(times) => {
                let small = 1.0 / (0.99 + 0.01 * times);
                if unit(stream) <= 0.01 { small * times } else { small }
            }
        }
    }
}

/// One experiment.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub stations: Vec<Station>,
    pub arrivals: Arrivals,
    pub demand: Demand,
    /// Mean time to serve one request at speed 1.
    pub service: Nanos,
    /// Network time from balancer to member and back.
    pub round_trip: Nanos,
    /// Requests of clients in all.
    pub requests: u64,
    /// Requests at the beginning that are not measured.
    pub warmup: u64,
    /// One retry on another member after a failure, inside the budget of the data path.
    pub retries: bool,
    /// Changes of stations, in order of time.
    pub changes: Vec<(Nanos, usize, Change)>,
    /// Remember each attempt (time, station, success), for scenarios about faults.
    pub keeps_attempts: bool,
}

/// Mean service time of all scenarios: 10 ms, so that 800 requests per second fill 8 members of one slot.
pub const SERVICE: Nanos = Nanos(10_000_000);

impl Station {
    /// FIFO with so many slots, which it declares.
    pub fn slots(slots: u32) -> Self {
        Self {
            discipline: Discipline::Fifo,
            slots,
            hint: Some(Parallelism::Slots(slots)),
            speed: 1.0,
            drift: None,
            is_member: true,
        }
    }

    /// Time-sliced on so many cores, which are known from its instance type.
    pub fn cores(cores: u32) -> Self {
        Self { discipline: Discipline::Sharing, hint: Some(Parallelism::Vcpus(cores)), ..Self::slots(cores) }
    }
}

impl Scenario {
    /// Poisson arrivals of exponential demands that use this share of the stations' capacity.
    pub fn poisson(stations: Vec<Station>, utilisation: f64) -> Self {
        let mut scenario = Self {
            stations,
            arrivals: Arrivals::Poisson { per_second: 1.0 },
            demand: Demand::Exponential,
            service: SERVICE,
            round_trip: Nanos(0),
            requests: 200_000,
            warmup: 10_000,
            retries: false,
            changes: Vec::new(),
            keeps_attempts: false,
        };
        scenario.arrivals = Arrivals::Poisson { per_second: utilisation * scenario.capacity_per_second() };
        scenario
    }

    /// Requests per second that keep every station busy all the time.
    pub fn capacity_per_second(&self) -> f64 {
        let slots: f64 = self.stations.iter().map(|station| f64::from(station.slots) * station.speed).sum();
        slots * 1e9 / self.service.0 as f64
    }
}
