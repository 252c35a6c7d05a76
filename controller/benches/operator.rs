//! The cost of an operator: AWS calls, passes, CPU time and memory, for 1 to 1,000 benchmarks, against the simulated EC2
//! with its published throttling, under virtual time.
//!
//! Each size is a process of its own, so that its memory is its own; that includes the simulated EC2 and API server,
//! so what the operator itself holds is less. Virtual minutes are the operator's; CPU time is real.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

#[path = "operator/stage.rs"]
// Tests use more of it.
#[allow(dead_code)]
mod stage;

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use cloudsim::{Settings, Span, Throttling};

use crate::stage::Stage;

const SIZES: [usize; 4] = [1, 10, 100, 1_000];
/// Virtual time that is looked at when all is idle, after it has come to rest for as long.
const IDLE: Duration = Duration::from_secs(20 * 60);
/// Virtual time after which a size counts as not converging.
const HOPELESS: Duration = Duration::from_secs(8 * 3600);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [flag, size] = arguments.as_slice()
        && flag == "--one"
    {
        return one(size.parse().expect("--one SIZE"));
    }
    let sizes = match arguments.as_slice() {
        [] => SIZES.to_vec(),
        sizes => sizes.iter().map(|size| size.parse().expect("a number of benchmarks")).collect(),
    };
    let own = std::env::current_exe().unwrap();
    let (mut rows, mut calls) = (String::new(), String::new());
    for size in sizes {
        eprintln!("operator: {size} benchmarks");
        let output = Command::new(&own).args(["--one", &size.to_string()]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let (row, of_actions) = text.split_once('\n').unwrap();
        rows += &format!("{row}\n");
        calls += of_actions;
    }
    println!(
        "Benchmarks of 4 instances each (two clusters, balancer, generator), all created at once; then {} virtual minutes in
which nothing is asked for. The simulated EC2 throttles as EC2 does (account and region: RunInstances 2/s after 5, Describe
20/s after 100, changes 5/s after 50). Memory is of a process that holds the simulated EC2 and API server too.

| benchmarks | converged in (virtual) | RunInstances calls / launches made / ledger lines | passes while converging | throttled calls | CPU time to converge | idle: passes/min | idle: AWS calls/min | idle: CPU ms per pass | RSS idle (peak), MiB |
|---|---|---|---|---|---|---|---|---|---|
{rows}
AWS calls by action: while converging in all, and when idle by the minute.

| benchmarks | action | converging | idle/min |
|---|---|---|---|
{calls}",
        IDLE.as_secs() / 60
    );
}

fn one(size: usize) {
    let knobs = Settings {
        throttling: Throttling::Published,
        boot: Span::seconds(15, 45),
        stop: Span::seconds(20, 60),
        ..Settings::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut stage = Stage::new(42, knobs, size);
        let cpu = cpu_seconds();
        let converged = stage.play(HOPELESS, Stage::all_ready).await;
        let to_converge = cpu_seconds() - cpu;
        let converging = stage.calls();
        let (lines, throttled, passes) = (stage.lines(), stage.throttled(), stage.passes);
        // Each launch of this benchmark is of one instance.
        let launches = stage.sim.lock().audit().launched;
        assert!(converged.is_some(), "{size} do not converge: {}", stage.worst());
        // To rest: reports are forgotten, lists grow old.
        stage.play(IDLE, |_| false).await;
        let (calls_before, passes_before, cpu) = (stage.calls(), stage.passes, cpu_seconds());
        stage.play(IDLE, |_| false).await;
        let idle = less(&stage.calls(), &calls_before);
        let idle_passes = stage.passes - passes_before;
        let cpu_per_pass = (cpu_seconds() - cpu) * 1000.0 / idle_passes.max(1) as f64;
        let minutes = IDLE.as_secs_f64() / 60.0;
        let (rss, peak) = memory_mib();
        let idle_calls: u64 = idle.values().sum();
        println!(
            "| {size} | {:.0} s | {} / {launches} / {lines} | {passes} | {throttled} | {to_converge:.2} s | {:.0} | {:.2} | {cpu_per_pass:.2} | {rss} ({peak}) |",
            converged.unwrap_or_default().as_secs_f64(),
            converging.get("RunInstances").copied().unwrap_or(0),
            idle_passes as f64 / minutes,
            idle_calls as f64 / minutes,
        );
        for (action, count) in &converging {
            let per_minute = idle.get(action).copied().unwrap_or(0) as f64 / minutes;
            println!("| {size} | {action} | {count} | {per_minute:.2} |");
        }
    });
}

fn less(now: &BTreeMap<&'static str, u64>, before: &BTreeMap<&'static str, u64>) -> BTreeMap<&'static str, u64> {
    now.iter().map(|(action, count)| (*action, count - before.get(action).copied().unwrap_or(0))).collect()
}

/// User and system time of this process.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    let fields: Vec<f64> = after_name.split_whitespace().filter_map(|field| field.parse().ok()).collect();
    // Fields 14 and 15 of proc(5); the state letter between name and numbers is not a number. 100 ticks a second.
    (fields[10] + fields[11]) / 100.0
}

/// Resident memory now and at its peak.
fn memory_mib() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let kib = |key: &str| {
        let line = status.lines().find(|line| line.starts_with(key)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    (kib("VmRSS:") / 1024, kib("VmHWM:") / 1024)
}
