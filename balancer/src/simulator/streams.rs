//! Named streams of randomness: each kind of event draws from a stream of its own, so that a change of the policy
//! changes neither arrivals nor demands. That is what makes policies comparable on the same seed.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

/// The purpose of a stream.
#[derive(Clone, Copy, Debug)]
pub(super) enum Name {
    Arrivals,
    Demands,
    Policy,
    Faults,
    Probes,
    /// Drift of the station of this number.
    Drift(u64),
}

/// A reproducible stream.
pub(super) type Stream = Xoshiro256PlusPlus;

/// The stream of this name under this seed.
pub(super) fn stream(seed: u64, name: Name) -> Stream {
    let number = match name {
        Name::Arrivals => 1,
        Name::Demands => 2,
        Name::Policy => 3,
        Name::Faults => 4,
        Name::Probes => 5,
        Name::Drift(station) => 1_000 + station,
    };
    // `seed_from_u64` scrambles its argument, so neighbouring numbers give unrelated streams.
    Stream::seed_from_u64(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(number))
}

/// Uniform in (0, 1].
pub(super) fn unit(stream: &mut Stream) -> f64 {
    1.0 - stream.random::<f64>()
}

/// Exponential of mean 1.
pub(super) fn exponential(stream: &mut Stream) -> f64 {
    -unit(stream).ln()
}

/// Standard normal, by Box and Muller.
pub(super) fn normal(stream: &mut Stream) -> f64 {
    let radius = (-2.0 * unit(stream).ln()).sqrt();
    radius * (std::f64::consts::TAU * unit(stream)).cos()
}
