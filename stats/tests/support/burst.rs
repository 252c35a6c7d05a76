//! A small model of a scaled cluster under a burst of requests: instances boot, work the queue off, and end when nothing waits and
//! their paid minute is over. What it costs varies by chance alone.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use wire::{ClusterReport, QueueCalls, QueueCost, RoundReport};

/// Requests of a burst.
const REQUESTS: u32 = 100;
/// Mean time of a request in seconds, lognormal with sigma 0.5.
const SERVICE: f64 = 2.0;
/// Seconds that every start costs at least.
const LEAST_PAID: f64 = 60.0;
/// An instance of 11,277 millionths of a US dollar an hour for a second, in billionths.
const NANOS_A_SECOND: f64 = 11_277.0 / 3.6;

/// How a cluster answers a burst.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Burst {
    name: &'static str,
    /// Instances that are started.
    starts: u32,
    /// How long a boot takes, in seconds.
    boot: [f64; 2],
}

impl Burst {
    /// What a rule starts for 100 requests: by a target of 60 s of latency, or one for five requests.
    pub(crate) const ALL: [Self; 2] = [
        Self { name: "13 launches of 30 to 60 s", starts: 13, boot: [30.0, 60.0] },
        Self { name: "20 starts of 10 to 20 s", starts: 20, boot: [10.0, 20.0] },
    ];

    pub(crate) fn name(self) -> &'static str {
        self.name
    }

    /// One round of one cluster.
    fn play(self, name: &str, random: &mut ChaCha8Rng) -> ClusterReport {
        let [least, most] = self.boot;
        let mut free: Vec<f64> = (0..self.starts).map(|_| least + random.random::<f64>() * (most - least)).collect();
        for _ in 0..REQUESTS {
            let next = free.iter_mut().min_by(|one, other| one.total_cmp(other));
            let work = SERVICE * (0.5 * normal(random) - 0.125).exp();
            next.into_iter().for_each(|next| *next += work);
        }
        // All are drained when the last answer is there.
        let end = free.iter().copied().fold(0.0, f64::max);
        let seconds = f64::from(self.starts) * end.max(LEAST_PAID);
        // Each takes with long polls of five seconds, and a request is sent, answered and deleted.
        let sqs = u64::from(REQUESTS) * 4 + (f64::from(self.starts) * end / 5.0) as u64;
        let calls = QueueCalls { sqs, s3_puts: u64::from(REQUESTS) * 2, s3_gets: u64::from(REQUESTS) };
        let calls_usd_nanos = calls.sqs * 400 + calls.s3_puts * 5_000 + calls.s3_gets * 400;
        let cost = QueueCost {
            millis: (end * 1_000.0) as u64,
            instance_millis: (seconds * 1_000.0) as u64,
            starts: u64::from(self.starts),
            calls,
            usd_nanos: Some((seconds * NANOS_A_SECOND) as u64 + calls_usd_nanos),
            calls_usd_nanos: Some(calls_usd_nanos),
            is_at_most: false,
        };
        ClusterReport {
            cluster: name.to_owned(),
            requests: u64::from(REQUESTS),
            queue_cost: Some(cost),
            ..ClusterReport::default()
        }
    }
}

fn normal(random: &mut ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (1.0 - random.random::<f64>(), random.random());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// So many rounds of two clusters that are the same.
pub(crate) fn benchmark(burst: Burst, rounds: u32, random: &mut ChaCha8Rng) -> Vec<RoundReport> {
    let round = |number| {
        let clusters = ["cluster1", "cluster2"].map(|name| burst.play(name, random));
        RoundReport::counted(number, u64::from(number), clusters.into())
    };
    (1..=rounds).map(round).collect()
}
