//! Requests a second through the front on queues in memory, and what a held request costs.
//!
//! Rates are requests for each second of processor time, which a busy machine changes little; all of them are spent by front,
//! puller and queues together.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::Request;
use queue::front::{Front, MOST_HELD, Settings};
use queue::memory::Memory;
use queue::puller::{self, ORDER, Puller};
use queue::{Answer, Call, Outcome, Program, Sick};
use tokio::task::JoinSet;
use wire::{Cluster, Membership, Policy};

const REQUESTS: u32 = 10_000;
const AT_ONCE: u32 = 100;
/// Requests that front, puller and queues together are to do in a second of one processor, at least.
const LEAST: f64 = 1_000.0;

struct Echo;

impl Program for Echo {
    async fn run(&self, call: Call) -> Outcome {
        Outcome::Answer(Answer { status: 200, content_type: None, body: call.body, boot: None })
    }

    async fn health(&self) -> Result<Option<String>, Sick> {
        Ok(None)
    }
}

fn front(memory: &Arc<Memory>) -> Result<Arc<Front<Memory>>, Box<dyn std::error::Error>> {
    let settings = Settings {
        instance_id: "i-front".into(),
        queue_stem: "s-".into(),
        timeout: Duration::from_secs(600),
        most_held: MOST_HELD + 1_000,
    };
    let front = Front::new(Arc::clone(memory), settings);
    let cluster = |name: &str| Cluster {
        name: name.to_owned(),
        path: format!("/{name}"),
        policy: Policy::default(),
        health: None,
        members: Vec::new(),
        scaling: None,
    };
    front.apply(Membership { clusters: ["fast", "held"].map(cluster).into(), ..Membership::default() }, None)?;
    let own = Arc::clone(&front);
    tokio::spawn(async move { own.run().await });
    Ok(front)
}

fn pull(memory: &Arc<Memory>) -> Result<(), Box<dyn std::error::Error>> {
    let settings = puller::Settings {
        instance_id: "i-1".into(),
        cluster: "fast".into(),
        paths: "/fast".parse()?,
        slots: AT_ONCE,
        request_queue: "s-fast-in".into(),
        answer_queue: "s-fast-out".into(),
        visibility: Duration::from_secs(600),
        attempts: 3,
        timeout: Duration::from_secs(600),
        order: ORDER,
    };
    let puller = Puller::new(Arc::clone(memory), Echo, settings);
    tokio::spawn(async move { puller.run().await });
    Ok(())
}

/// Requests for each second of processor time.
async fn rate(front: &Arc<Front<Memory>>) -> Result<f64, Box<dyn std::error::Error>> {
    let begun = processor_seconds();
    let mut clients = JoinSet::new();
    for _ in 0..AT_ONCE {
        let front = Arc::clone(front);
        clients.spawn(async move {
            let mut bad = 0;
            for _ in 0..REQUESTS / AT_ONCE {
                let request = Request::post("/fast").body(Body::from(vec![7; 16 * 1024])).unwrap_or_default();
                bad += u32::from(front.answer(request).await.status() != 200);
            }
            bad
        });
    }
    let bad: u32 = clients.join_all().await.iter().sum();
    if bad > 0 {
        return Err(format!("{bad} requests were not answered with 200").into());
    }
    Ok(f64::from(REQUESTS) / (processor_seconds() - begun).max(0.01))
}

/// Time that this process has had on processors: fields 14 and 15 of proc_pid_stat(5), in hundredths of a second.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    fields.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // As a front on the smallest instance has it.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let memory = Arc::new(Memory::new());
        let front = front(&memory)?;
        pull(&memory)?;
        rate(&front).await?;
        let alone = rate(&front).await?;
        let before = resident_kib();
        for _ in 0..MOST_HELD {
            let front = Arc::clone(&front);
            tokio::spawn(
                async move { front.answer(Request::post("/held").body(Body::empty()).unwrap_or_default()).await },
            );
        }
        while front.status().queues[1].accepted < MOST_HELD as u64 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let held = (resident_kib() - before) as f64 / MOST_HELD as f64;
        let beside = rate(&front).await?;
        println!(
            "- {alone:.0} requests for a second of one processor ({:.1} times the least of {LEAST:.0})",
            alone / LEAST
        );
        println!("- {beside:.0} beside {MOST_HELD} held ones: ratio {:.2}", beside / alone);
        println!("- {held:.1} KiB for each held request, its message and object in memory included");
        if alone < LEAST {
            return Err(format!("{alone:.0} requests for a second of one processor are fewer than {LEAST:.0}").into());
        }
        Ok(())
    })
}
