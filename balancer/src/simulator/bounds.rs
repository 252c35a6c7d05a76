//! Closed forms of queueing theory: what no policy can beat, and what the simulator is checked against.
//! Times in units of one mean service time. Source: Kleinrock, Queueing Systems I (M/M/k, GI/M/1).

/// Mean and 99th percentile of the time in the system.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    pub mean: f64,
    pub p99: f64,
}

/// Probability that an arrival must wait in M/M/k with `load` erlangs (Erlang C).
pub fn wait_probability(servers: u32, load: f64) -> f64 {
    // By the recursion of Erlang B, which neither over- nor underflows.
    let blocked = (1..=servers).fold(1.0, |b, k| load * b / (f64::from(k) + load * b));
    let servers = f64::from(servers);
    servers * blocked / (servers - load * (1.0 - blocked))
}

/// One central queue in front of `servers` equal exponential servers: the bound for a pool of so many slots.
pub fn central_queue(servers: u32, utilisation: f64) -> Bound {
    let load = f64::from(servers) * utilisation;
    let waits = wait_probability(servers, load);
    let drain = f64::from(servers) - load;
    let tail = |t: f64| {
        // Waiting is exponential with rate `drain` for those who wait, and service comes on top.
        let waited = if (drain - 1.0).abs() < 1e-9 {
            (-t).exp() * (1.0 + t)
        } else {
            (drain * (-t).exp() - (-drain * t).exp()) / (drain - 1.0)
        };
        (1.0 - waits) * (-t).exp() + waits * waited
    };
    Bound { mean: 1.0 + waits / drain, p99: where_tail_is(tail, 0.01) }
}

/// Poisson arrivals dealt in turn to `servers` equal exponential servers: each is an E_k/M/1 queue.
pub fn round_robin(servers: u32, utilisation: f64) -> Bound {
    let phase = f64::from(servers) * utilisation;
    // The root of sigma = A*(1 - sigma) in (0, 1), A* the transform of Erlang-k gaps.
    let mut sigma: f64 = 0.5;
    for _ in 0..20_000 {
        sigma = (phase / (phase + 1.0 - sigma)).powf(f64::from(servers));
    }
    Bound { mean: 1.0 / (1.0 - sigma), p99: 100f64.ln() / (1.0 - sigma) }
}

/// Each arrival to one of the equal servers at random: each is an M/M/1 queue.
pub fn random(utilisation: f64) -> Bound {
    Bound { mean: 1.0 / (1.0 - utilisation), p99: 100f64.ln() / (1.0 - utilisation) }
}

/// Lower bound of the mean for single servers of unequal `rates`: the fastest are always busy, requests move to a
/// faster one the moment it falls idle.
pub fn fastest_first_mean(rates: &[f64], arrivals: f64) -> f64 {
    let mut rates = rates.to_vec();
    rates.sort_by(|a, b| b.total_cmp(a));
    let (mut probability, mut total, mut in_system, mut death) = (1.0, 1.0, 0.0, 0.0);
    for n in 1..100_000usize {
        death += rates.get(n - 1).copied().unwrap_or(0.0);
        probability *= arrivals / death;
        total += probability;
        in_system += n as f64 * probability;
        if n > rates.len() && probability < 1e-15 * total {
            break;
        }
    }
    in_system / total / arrivals
}

fn where_tail_is(tail: impl Fn(f64) -> f64, share: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1_000.0);
    for _ in 0..100 {
        let middle = (low + high) / 2.0;
        if tail(middle) > share { low = middle } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_are_those_of_the_literature() {
        // M/M/1 at 0.5; M/M/k by independent calculation (reference/bounds.py of the project's design).
        let close = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 1e-3, "{a} {b}");
        close(central_queue(1, 0.5).mean, 2.0);
        close(central_queue(1, 0.5).p99, 9.2103);
        close(random(0.5).p99, 9.2103);
        for (servers, utilisation, mean, p99) in
            [(4, 0.7, 1.357, 5.49), (4, 0.9, 2.969, 12.19), (8, 0.9, 1.877, 7.09), (12, 0.95, 2.348, 8.82)]
        {
            let bound = central_queue(servers, utilisation);
            close(bound.mean, mean);
            assert!((bound.p99 - p99).abs() < 0.006, "{bound:?}");
        }
        close(round_robin(8, 0.9).mean / central_queue(8, 0.9).mean, 3.08);
        close(round_robin(1, 0.9).mean, 10.0);
        close(fastest_first_mean(&[1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0], 10.8), 1.185);
        close(fastest_first_mean(&[1.0; 4], 3.6), central_queue(4, 0.9).mean);
    }
}
