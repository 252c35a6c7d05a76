//! The contract that the planner relies on, whoever implements its cloud ports.
//!
//! One suite, run against the simulation in process, against the lab's AWS endpoint through the real SDK, and against
//! servers of others, which are installed for it: moto, and for queues ElasticMQ, for buckets versitygw. A row that a target is
//! known not to keep is listed with the reason. The adapters of the tier behind queues (crate `queue`) are run against the
//! servers as well: they need somebody who speaks HTTP.

// Every function here is part of a test.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod balancer_rows;
mod elasticmq;
mod evaluator;
mod faults;
mod group_rows;
mod kept;
mod landscapes;
mod message_rows;
mod metrics;
mod moto;
mod object_rows;
mod offer_rows;
mod permissions;
mod power_rows;
mod prices;
mod queue_permissions;
mod queue_rows;
mod rows;
mod server;
mod store;
mod stored_rows;
mod target;
mod tier;
mod versitygw;
mod volumes;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloudsim::{CapacityPool, Lag, LoadBalancing, Queues, Settings, SharedSim, Sim, Span};
use jiff::{SignedDuration, Timestamp};
use lab::aws::{ACCESS_KEY, SECRET_KEY};

use planner::ports::Regions;
use rows::{Row, ZONE_LETTER_WITHOUT_CAPACITY};
use target::{Target, check};

/// Seeds of the simulations, whose only source of chance they are. Printed with every failure.
const SEEDS: std::ops::Range<u64> = 1..21;

/// A region in which everything takes a moment, with small pages and one pool that is too small. The moments are short
/// because the endpoint lives in real time.
fn settings() -> Settings {
    let region = Settings::default().region;
    Settings {
        boot: Span { least_millis: 20, most_millis: 80 },
        stop: Span { least_millis: 20, most_millis: 80 },
        lag: Lag::up_to(Span { least_millis: 0, most_millis: 50 }),
        interface_linger: Span { least_millis: 20, most_millis: 80 },
        load_balancing: LoadBalancing {
            provisioning: Span { least_millis: 20, most_millis: 80 },
            interface_linger: Span { least_millis: 20, most_millis: 80 },
            program_start: Span { least_millis: 20, most_millis: 80 },
            ..LoadBalancing::default()
        },
        queues: Queues {
            creation: Span { least_millis: 20, most_millis: 80 },
            deletion: Span { least_millis: 20, most_millis: 80 },
            ..Queues::default()
        },
        page_size: 5,
        capacity: vec![CapacityPool {
            instance_type: rows::TYPE_WITHOUT_CAPACITY.into(),
            zone: format!("{region}{ZONE_LETTER_WITHOUT_CAPACITY}"),
            count: 1,
        }],
        ..Settings::default()
    }
}

fn every_row<R: Regions>() -> Vec<Row<R>> {
    rows::all().into_iter().chain(queue_rows::all()).chain(object_rows::all()).collect()
}

fn every_row_of_a_server<R: Regions>() -> Vec<Row<R>> {
    every_row().into_iter().chain(message_rows::all()).chain(stored_rows::all()).collect()
}

#[tokio::test]
async fn the_simulation_keeps_the_contract() {
    for seed in SEEDS {
        let start: Timestamp = "2026-11-23T00:00:00Z".parse().unwrap();
        let now = Arc::new(Mutex::new(start));
        let clock = now.clone();
        let sim = Sim::new(seed, settings()).unwrap();
        let regions = SharedSim::new(sim, Arc::new(move || *clock.lock().unwrap()));
        let pass = move || {
            *now.lock().unwrap() += SignedDuration::from_millis(20);
            Duration::ZERO
        };
        let target = Target::new(&regions, &settings().region, pass).with_objects(store::put_into(&regions));
        check(&format!("cloudsim, seed {seed}"), target, every_row(), &[]).await;
    }
}

#[tokio::test]
async fn the_labs_endpoint_keeps_the_contract() {
    let region = lab::region::Region::start_for_tests(settings()).await;
    let url = format!("http://{}", region.endpoint());
    let regions = cloud::Aws::at(&url, ACCESS_KEY, SECRET_KEY);
    let pass = || Duration::from_millis(20);
    let name = format!("lab, seed {}", region.seed());
    let put = store::put_at(&url, &settings().region, ACCESS_KEY, SECRET_KEY);
    let tier = tier::at(&url, &settings().region, ACCESS_KEY, SECRET_KEY);
    let target = Target::new(&regions, &settings().region, pass).with_objects(put).with_tier(tier);
    check(&name, target, every_row_of_a_server(), &[]).await;
}

#[tokio::test]
async fn moto_keeps_the_contract_where_it_can() {
    let server = match moto::start().await {
        Ok(server) => server,
        Err(why) => return moto::skipped(&why),
    };
    let regions = cloud::Aws::at(&server.url, "key", "secret");
    let pass = || Duration::from_millis(20);
    let put = store::put_at(&server.url, "eu-west-1", "key", "secret");
    let tier = tier::at(&server.url, "eu-west-1", "key", "secret");
    let target = Target::new(&regions, "eu-west-1", pass).with_objects(put).with_tier(tier);
    check("moto", target, every_row_of_a_server(), moto::KNOWN_TO_DIFFER).await;
}

#[tokio::test]
async fn elasticmq_keeps_the_contract_about_queues_where_it_can() {
    let server = match elasticmq::start().await {
        Ok(server) => server,
        Err(why) => return elasticmq::skipped(&why),
    };
    let regions = cloud::Aws::at(&server.url, "key", "secret");
    let tier = tier::at(&server.url, "eu-west-1", "key", "secret");
    let target = Target::new(&regions, "eu-west-1", || Duration::from_millis(20)).with_tier(tier);
    let rows = queue_rows::all().into_iter().chain(message_rows::all()).collect();
    check("ElasticMQ", target, rows, elasticmq::KNOWN_TO_DIFFER).await;
}

#[tokio::test]
async fn versitygw_keeps_the_contract_about_buckets_where_it_can() {
    let server = match versitygw::start().await {
        Ok(server) => server,
        Err(why) => return versitygw::skipped(&why),
    };
    let (key, secret) = (versitygw::ACCOUNT, versitygw::SECRET_KEY);
    let regions = cloud::Aws::at(&server.url, key, secret);
    let put = store::put_at(&server.url, versitygw::REGION, key, secret);
    let target = Target::new(&regions, versitygw::REGION, || Duration::from_millis(20));
    let tier = tier::at(&server.url, versitygw::REGION, key, secret);
    let target = target.of_account(versitygw::ACCOUNT).with_objects(put).with_tier(tier);
    let rows = object_rows::all().into_iter().chain(stored_rows::all()).collect();
    check("versitygw", target, rows, versitygw::KNOWN_TO_DIFFER).await;
}
