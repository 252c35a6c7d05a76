//! What the planner may rely on, whoever implements its cloud ports.
//!
//! One suite, run against the simulation in process, against the lab's AWS endpoint through the real SDK, and against
//! moto where it is installed. A row that a target is known not to keep is listed with the reason.

// Every function here is part of a test.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod moto;
mod rows;
mod target;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloudsim::{CapacityPool, Settings, SharedSim, Sim, Throttling};
use jiff::{SignedDuration, Timestamp};

use rows::ZONE_LETTER_WITHOUT_CAPACITY;
use target::{Target, check};

/// Printed with every failure: the simulation's only source of chance.
const SEED: u64 = 20_261_123;

/// A calm region with small pages, a little lag, and one pool that is too small.
fn settings() -> Settings {
    let region = Settings::default().region;
    Settings {
        page_size: 5,
        capacity: vec![CapacityPool {
            instance_type: rows::TYPE_WITHOUT_CAPACITY.into(),
            zone: format!("{region}{ZONE_LETTER_WITHOUT_CAPACITY}"),
            count: 1,
        }],
        // The rows ask as fast as they can; throttling has its own tests.
        throttling: Throttling::Off,
        ..Settings::lab()
    }
}

#[tokio::test]
async fn the_simulation_keeps_the_contract() {
    let start: Timestamp = "2026-11-23T00:00:00Z".parse().unwrap();
    let now = Arc::new(Mutex::new(start));
    let sim = Sim::new(SEED, settings()).unwrap();
    let clock = now.clone();
    let regions = SharedSim::new(sim, Arc::new(move || *clock.lock().unwrap()));
    let pass = move || {
        *now.lock().unwrap() += SignedDuration::from_millis(500);
        Duration::ZERO
    };
    check(&format!("cloudsim, seed {SEED}"), Target::new(&regions, &settings().region, pass), &[]).await;
}

#[tokio::test]
async fn moto_keeps_the_contract_where_it_can() {
    let Some(server) = moto::start().await else {
        eprintln!(
            "SKIPPED: there is no moto_server on PATH (pip install 'moto[server]'); nothing was checked against it"
        );
        return;
    };
    let regions = cloud::Aws::at(&server.url, "key", "secret");
    let pass = || Duration::from_millis(100);
    check("moto", Target::new(&regions, "eu-west-1", pass), moto::KNOWN_TO_DIFFER).await;
}
