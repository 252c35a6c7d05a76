//! The rules that probe, live and simulated: the same requests go to the same members.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use balancer::policy::{self, Nanos};
use balancer::simulator::{Arrivals, Change, Demand, Scenario, Station, simulate};
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep};
use wire::Policy;

use crate::backend;
use crate::running::{Running, cluster};

/// Milliseconds of work that each member takes, and what the second one takes later. They lie 70 ms and more apart: a
/// machine that is taken away from the test for some 10 ms in one probe must not change who is the fastest.
const WORK: [u64; 3] = [80, 10, 240];
const SLOW: u64 = 240;

/// A member that takes so many milliseconds for each request.
async fn working(id: &str, millis: Arc<AtomicU64>) -> wire::Member {
    backend::raw(id, move |mut stream, _| {
        let millis = Arc::clone(&millis);
        async move {
            sleep(Duration::from_millis(millis.load(Relaxed))).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").await;
        }
    })
    .await
}

/// One client, one request after the other for `lasts`, by a real balancer; the second member gets slow at `slower`.
/// Members that were asked, and when.
async fn live(kind: Policy, slower: Duration, lasts: Duration) -> Vec<(Duration, usize)> {
    let works: Vec<_> = WORK.iter().map(|millis| Arc::new(AtomicU64::new(*millis))).collect();
    let mut members = Vec::new();
    for (number, work) in works.iter().enumerate() {
        members.push(working(&number.to_string(), Arc::clone(work)).await);
    }
    let running = Running::start(vec![wire::Cluster { policy: kind, ..cluster("c", members) }]).await;
    let (begun, mut client, mut asked) = (Instant::now(), running.client(), Vec::new());
    while begun.elapsed() < lasts {
        if begun.elapsed() >= slower {
            works[1].store(SLOW, Relaxed);
        }
        let sent = begun.elapsed();
        asked.push((sent, client.get("/c").await.backend().parse().unwrap()));
    }
    asked
}

/// The same in the simulator.
fn simulated(kind: Policy, slower: Duration, lasts: Duration) -> Vec<(Duration, usize)> {
    let nanos = |duration: Duration| Nanos(duration.as_nanos() as u64);
    let scenario = Scenario {
        stations: WORK.iter().map(|millis| Station { speed: 10.0 / *millis as f64, ..Station::slots(1) }).collect(),
        arrivals: Arrivals::Closed { users: 1, think: Nanos(0) },
        demand: Demand::Deterministic,
        service: Nanos(10_000_000),
        round_trip: Nanos(0),
        requests: 1_000,
        warmup: 0,
        retries: true,
        changes: vec![(nanos(slower), 1, Change::Speed(10.0 / SLOW as f64))],
        keeps_attempts: true,
    };
    let measured = simulate(&scenario, policy::build(kind).as_mut(), 1);
    let all = measured.attempts.iter().map(|attempt| (Duration::from_nanos(attempt.sent.0), attempt.station));
    all.take_while(|(sent, _)| *sent < lasts).collect()
}

/// Members that were asked in turn, each named once until it is another one's turn; the first half second is left out,
/// before every member was probed.
fn turns(asked: &[(Duration, usize)]) -> Vec<usize> {
    let measured = asked.iter().filter(|(sent, _)| *sent > Duration::from_millis(500));
    let mut turns: Vec<usize> = measured.map(|(_, member)| *member).collect();
    turns.dedup();
    turns
}

#[tokio::test]
async fn fastest_of_ten_measures_and_moves_alike() {
    let (slower, lasts) = (Duration::from_millis(800), Duration::from_millis(4_000));
    let simulated = turns(&simulated(Policy::FastestOfTen, slower, lasts));
    let asked = live(Policy::FastestOfTen, slower, lasts).await;
    assert_eq!((simulated, turns(&asked)), (vec![1, 0], vec![1, 0]), "{asked:?}");
    // It moves at a measurement: at every tenth request.
    let moved = asked.windows(2).position(|pair| pair[0].1 == 1 && pair[1].1 == 0).unwrap();
    assert_eq!((moved + 1) % 10, 0, "{asked:?}");
}

#[tokio::test]
async fn probe_ewma_moves_alike_and_only_with_a_probe() {
    let (slower, lasts) = (Duration::from_millis(800), Duration::from_millis(3_500));
    let moved = |asked: &[(Duration, usize)]| {
        asked.iter().find(|(sent, member)| *sent > Duration::from_millis(500) && *member == 0).map(|(sent, _)| *sent)
    };
    let simulated = simulated(Policy::ProbeEwma, slower, lasts);
    let asked = live(Policy::ProbeEwma, slower, lasts).await;
    assert_eq!((turns(&simulated), turns(&asked)), (vec![1, 0], vec![1, 0]), "{asked:?}");
    let (simulated, live) = (moved(&simulated).unwrap(), moved(&asked).unwrap());
    // The second probe is due 2.5 s after the first, which began with the membership.
    assert!(
        simulated >= Duration::from_millis(2_500) && live >= Duration::from_millis(2_000),
        "{simulated:?} {live:?}"
    );
}
