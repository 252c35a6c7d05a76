//! Streams of randomness: arrivals, work and boots draw from their own, so that a rule changes none of them.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

pub(super) type Stream = Xoshiro256PlusPlus;

/// The stream of this number under this seed.
pub(super) fn stream(seed: u64, number: u64) -> Stream {
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

/// Lognormal of this mean.
pub(super) fn lognormal(stream: &mut Stream, mean: f64, sigma: f64) -> f64 {
    let radius = (-2.0 * unit(stream).ln()).sqrt();
    let normal = radius * (std::f64::consts::TAU * unit(stream)).cos();
    mean * (sigma * normal - sigma * sigma / 2.0).exp()
}
