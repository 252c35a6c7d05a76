//! Cost as status says it, and what a budget ends, by the lab's own clock and count.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::bench::{Bench, INSTANCES, condition, spec};
use crate::lab::{Lab, is_possible, send, shared};

/// Deaths of the operator in a benchmark's life.
const DEATHS: usize = 6;
/// A public IPv4 address, and 8 GiB of gp3, for an hour (AWS's list prices: 0.005 USD, 0.08 USD a GB-month of 730 h).
const ADDRESS: u64 = 5_000;
const VOLUME: u64 = 877;
/// How late an end may be seen: the operator was dead, or looked in between.
const LATE: u64 = 60;

fn time(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

/// Millionths of a dollar by the lab's own count of seconds: at least, and at most if each end is seen late.
fn counted(bench: &Bench, object: &Value) -> (u64, u64) {
    let placement = &object["status"]["placement"];
    assert_eq!(placement["images"][0]["rootGib"], json!(8));
    let extras = VOLUME + if placement["addressing"] == "Public" { ADDRESS } else { 0 };
    let prices = placement["prices"].as_array().unwrap().iter();
    let prices: BTreeMap<&str, u64> = prices
        .map(|price| (price["instanceType"].as_str().unwrap(), price["hourlyUsdMicros"].as_u64().unwrap()))
        .collect();
    let ledger = bench.lab.ledger();
    let made = ledger["benchmarks"][format!("{0}/{0}", bench.name)]["instances"].as_array().unwrap().clone();
    assert!(!made.is_empty());
    let cost = |late: u64| {
        let of_one = |one: &Value| {
            let lived = time(&one["endedAt"]).duration_since(time(&one["launchedAt"])).as_secs();
            let seconds = u64::try_from(lived).unwrap().max(60) + late;
            (prices[one["instanceType"].as_str().unwrap()] + extras) * seconds
        };
        made.iter().map(of_one).sum::<u64>() / 3_600
    };
    (cost(0), cost(LATE))
}

/// The same by the lines of status.
fn said(object: &Value) -> u64 {
    let placement = &object["status"]["placement"];
    let extras = VOLUME + if placement["addressing"] == "Public" { ADDRESS } else { 0 };
    let of_line = |line: &Value| {
        if line["launchedAt"].is_null() {
            return 0;
        }
        let lived = time(&line["endedAt"]).duration_since(time(&line["launchedAt"])).as_secs().max(60);
        let hourly = line["hourlyUsdMicros"].as_u64().unwrap() + extras;
        line["count"].as_u64().unwrap() * hourly * u64::try_from(lived).unwrap() / 3_600
    };
    let lines = object["status"]["launches"].as_array().unwrap().iter().map(of_line).sum::<u64>();
    lines + placement["spentUsdMicros"].as_u64().unwrap_or(0)
}

#[test]
fn the_cost_in_status_is_what_the_lab_counted_however_often_the_operator_died() {
    let Some(lab) = shared("cost") else { return };
    let mut asked = spec(6, 5_000);
    asked["lifecycle"] = json!({ "afterRun": "Terminate" });
    let bench = Bench::apply(lab, "cost", asked);
    for _ in 0..DEATHS {
        lab.kill("operator");
        std::thread::sleep(Duration::from_secs(2));
    }
    let object = bench.wait_until("everything has ended", |object| object["status"]["phase"] == "Finished");
    let (least, most) = counted(&bench, &object);
    let said = said(&object);
    // Each line is rounded up, so a few millionths more are right.
    assert!((least..=most + 100).contains(&(said + 10)), "{said} is not in {least}..={most}: {}", bench.story(&object));
    let cents = said.div_ceil(10_000);
    let cost = &object["status"]["cost"];
    assert_eq!(cost["soFarUsd"], json!(format!("{}.{:02}", cents / 100, cents % 100)));
    assert_eq!(cost["hourlyUsd"], json!("0.00"));
    assert_eq!(cost["atMostUsd"], cost["soFarUsd"]);
    assert!(lab.kubectl("get clusterbenchmarks --all-namespaces").contains(" USD"), "the column Cost");
    bench.delete();
}

/// Processes of the operator of a lab.
fn operators(lab: &Lab) -> Vec<i32> {
    let mark = lab.directory().to_str().unwrap().as_bytes().to_vec();
    let is_of_lab = |pid: &i32| {
        let of = |file: &str| fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
        let knows = |bytes: Vec<u8>| bytes.windows(mark.len()).any(|window| window == mark);
        let program = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
        program.file_name().is_some_and(|name| name == "operator") && (knows(of("environ")) || knows(of("cmdline")))
    };
    let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(is_of_lab).collect()
}

/// Prices of the types of the budget's test, high enough that a budget of cents pays for seconds: 10 USD an hour each.
const PRICES: &str = "region,type,usdPerHour\neu-west-1,t2.micro,10\neu-west-1,t2.large,10\neu-west-1,c6i.large,10\n";
/// A minute of four of them with what comes with each is 66.8 cents: half a minute, and as much for the teardown.
const MAX_USD: &str = "0.70";
/// The longest that an instance may take from its timer to its end, here, where others run beside.
const SHUTDOWN: Duration = Duration::from_secs(60);

/// Deadlines of the budget's lab: the least run is a third of the boot and the last call, 25 s.
const DEADLINES: [&str; 5] = [
    "--boot-deadline-seconds=60",
    "--last-call-seconds=5",
    "--settle-seconds=30",
    "--launch-window-seconds=5",
    "--proof-gap-seconds=1",
];

/// A lab of its own: the operator stands still in it from when all instances are made.
#[test]
fn a_budget_is_kept_while_the_operator_stands_still() {
    if !is_possible("budget") {
        return;
    }
    let lab = Lab::new("budget");
    let prices = lab.directory().join("prices.csv");
    fs::write(&prices, PRICES).unwrap();
    let prices = format!("--operator-arg=--prices={}", prices.display());
    let deadlines = DEADLINES.map(|deadline| format!("--operator-arg={deadline}"));
    let up: Vec<&str> = ["up", &prices].into_iter().chain(deadlines.iter().map(String::as_str)).collect();
    lab.while_up(&up, |lab| {
        let mut asked = spec(1, 1_000);
        asked["budget"] = json!({ "maxUsd": MAX_USD });
        let bench = Bench::apply(lab, "budget", asked);
        bench.wait_until("all instances are made", |_| bench.made().0.len() == INSTANCES);
        let object = bench.get().unwrap();
        let stopped = operators(lab);
        assert!(!stopped.is_empty());
        stopped.iter().for_each(|pid| send(*pid, Signal::STOP));
        let placement = object["status"]["placement"].clone();
        assert_eq!(placement["maxUsd"], json!(MAX_USD));
        let expires_at = time(&placement["expiresAt"]);
        let deadline = Instant::now() + Duration::from_secs(40) + SHUTDOWN;
        while bench.made().0.iter().any(|one| one.state != "terminated") {
            assert!(Instant::now() < deadline, "instances outlive their budget: {}", bench.story(&object));
            std::thread::sleep(Duration::from_millis(300));
        }
        let (least, _) = counted(&bench, &object);
        assert!(least <= 700_000, "{least} millionths of a dollar: {}", bench.story(&object));
        // A minute is paid in any case. That timers ended them shows in when they ended.
        let made = lab.ledger()["benchmarks"]["budget/budget"]["instances"].clone();
        for one in made.as_array().unwrap() {
            let late = time(&one["endedAt"]).duration_since(expires_at);
            let is_in_time = late.as_secs() >= 0 && late.unsigned_abs() < SHUTDOWN;
            assert!(is_in_time, "{late:#} after the timers: {}", bench.story(&object));
        }
        stopped.iter().for_each(|pid| send(*pid, Signal::CONT));
        let object = bench.wait_until("it is expired", |object| object["status"]["phase"] == "Expired");
        let (_, _, message) = condition(&object, "Accepted");
        assert!(message.contains("budget.maxUsd"), "{message}");
        bench.delete();
    });
}
