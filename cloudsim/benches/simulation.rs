//! The cost of one pass's reads in the simulation, which the campaign plays millions of times.
//!
//! `cargo xtask bench simulation`

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cloudsim::ec2::{LocationType, RunInstances};
use cloudsim::{Filter, Lag, Query, Settings, Sim, Span};
use jiff::Timestamp;

/// A benchmark of the campaign.
const OURS: u32 = 10;
/// Things of others around it.
const OTHERS: usize = 30;
/// Long enough that a millisecond's disturbance is a thousandth.
const ROUND: Duration = Duration::from_millis(500);
const ROUNDS: usize = 7;
/// Passes of a seed of the campaign, about.
const PASSES: f64 = 700.0;

fn at(second: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(1_800_000_000 + second)
}

fn world() -> Option<(Sim, Vec<String>)> {
    let lag = Lag::up_to(Span::seconds(0, 30));
    let mut sim = Sim::new(7, Settings { lag, page_size: 5, ..Settings::default() }).ok()?;
    let proof = |owner: &str| {
        let keys = ["managed-by", "installation", "kubernetes-cluster", "benchmark-uid"];
        keys.map(|key| (format!("clusterbench.dev/{key}"), owner.to_owned())).into()
    };
    for other in 0..OTHERS {
        sim.ec2(at(0)).plant_instance(proof(&format!("other-{other}")));
        sim.ec2(at(0)).plant_group(&format!("other-{other}"), proof(&format!("other-{other}")));
    }
    let request = RunInstances {
        image_id: "ami-0a120230000000861".into(),
        instance_type: "t3.micro".into(),
        min_count: OURS,
        max_count: OURS,
        client_token: Some("token".into()),
        tags: vec![("instance".into(), proof("ours"))],
        ..RunInstances::default()
    };
    let made = sim.ec2(at(0)).run_instances(&request).ok()?;
    let ids = made.iter().map(|instance| instance.id.clone()).collect();
    Some((sim, ids))
}

/// What an operator reads in a pass.
fn reads(sim: &mut Sim, ids: &[String], now: Timestamp) -> usize {
    let keys = ["managed-by", "installation", "kubernetes-cluster", "benchmark-uid"];
    let ours = Query::filtered(keys.map(|key| Filter::tag(&format!("clusterbench.dev/{key}"), "ours")));
    let types = Query::filtered([Filter::new("instance-type", ["t3.micro", "t2.large", "c5.large"])]);
    let mut seen = 0;
    let mut query = Arc::new(ours.clone());
    // By tag, page by page.
    while let Ok(page) = sim.ec2(now).describe_instances(&query) {
        seen += page.items.len();
        let Some(token) = page.next_token else { break };
        Arc::make_mut(&mut query).page.next_token = Some(token);
    }
    let count = |items: Option<usize>| items.unwrap_or(0);
    let by_id = Query::filtered([Filter::new("instance-id", ids)]);
    let by_token = Query::filtered([Filter::new("client-token", ["token"])]);
    for query in [by_id, by_token] {
        seen += count(sim.ec2(now).describe_instances(&query).ok().map(|page| page.items.len()));
    }
    seen += count(sim.ec2(now).describe_security_groups(&ours).ok().map(|page| page.items.len()));
    let in_group = Query::filtered([Filter::new("group-id", ["sg-0"])]);
    seen += count(sim.ec2(now).describe_network_interfaces(&in_group).ok().map(|page| page.items.len()));
    seen += count(sim.ec2(now).describe_instance_types(&types).ok().map(|page| page.items.len()));
    let offered = sim.ec2(now).describe_instance_type_offerings(&types, LocationType::Zone);
    seen + count(offered.ok().map(|page| page.items.len()))
}

fn main() {
    let Some((mut sim, ids)) = world() else {
        eprintln!("the world of this benchmark cannot be made");
        std::process::exit(1);
    };
    let mut micros = Vec::new();
    let mut second = 100;
    for round in 0..ROUNDS {
        let begun = Instant::now();
        let mut passes = 0u32;
        while begun.elapsed() < ROUND {
            second += 1;
            black_box(reads(&mut sim, &ids, at(second)));
            passes += 1;
        }
        micros.push(begun.elapsed().as_secs_f64() * 1e6 / f64::from(passes));
        eprintln!("round {}/{ROUNDS}: {:.1} us a pass", round + 1, micros[round]);
    }
    // The quickest round is the least disturbed one.
    let best = micros.iter().copied().fold(f64::INFINITY, f64::min);
    println!(
        "The reads of one pass (by tag in pages of 5, by id, by token, groups, interfaces, types, offerings) among"
    );
    println!(
        "{OURS} instances of ours and {OTHERS} of others, on one core; the quickest of {ROUNDS} rounds of 0.5 s.\n"
    );
    println!("| one pass's reads | passes/s | a seed of {PASSES:.0} passes |\n|---|---|---|");
    println!("| {best:.1} us | {:.0} | {:.1} ms |", 1e6 / best, best * PASSES / 1e3);
}
