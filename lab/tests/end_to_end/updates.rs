//! Workers that are updated in place while somebody sends them requests.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::bench::{Bench, holds, runs, spec};
use crate::lab::{shared, until};

const WORKERS: usize = 4;
/// Between two requests of the loop.
const PAUSE: Duration = Duration::from_millis(20);

/// Body of a good answer, or all that came instead.
pub(crate) fn get(address: &str, path: &str) -> Result<String, String> {
    let exchange = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect((address, 8080))?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: balancer.test\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = exchange().map_err(|error| error.to_string())?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 200 ") => Ok(body.to_owned()),
        _ => Err(answer),
    }
}

/// Requests to these paths, one after the other, until `is_over`; how many there were, and those that failed.
pub(crate) fn requests(address: &str, paths: &[&str], is_over: &AtomicBool) -> (usize, Vec<String>) {
    let (mut count, mut failed) = (0, Vec::new());
    while !is_over.load(Ordering::Relaxed) {
        for path in paths {
            count += 1;
            failed.extend(get(address, path).err());
        }
        std::thread::sleep(PAUSE);
    }
    (count, failed)
}

/// Whether the next answers of both clusters, more than they have members, all come from workers that wait so long.
fn all_wait(address: &str, micros: u32) -> bool {
    let word = format!("\"workMicros\":{micros}");
    let answers = (0..3 * WORKERS).flat_map(|_| ["/one", "/two"]).map(|path| get(address, path).unwrap());
    answers.collect::<Vec<_>>().iter().all(|body| body.contains(&word))
}

fn workers(bench: &Bench) -> Vec<String> {
    let pools = bench.only_running();
    ["one", "two"].iter().flat_map(|pool| pools[*pool].clone()).collect()
}

#[test]
fn other_work_and_back_reaches_the_same_workers_and_no_request_fails() {
    let Some(lab) = shared("updates in place") else { return };
    let mut wanted = spec(6, 1000);
    wanted["clusters"][0]["count"] = json!(2);
    wanted["clusters"][1]["count"] = json!(2);
    wanted["worker"]["update"] = json!("InPlace");
    let bench = Bench::apply(lab, "in-place", wanted);
    let seen = bench.ready();
    let before = workers(&bench);
    assert_eq!(before.len(), WORKERS);
    let endpoint = seen["status"]["balancer"]["endpoint"].as_str().unwrap();
    let address = endpoint.trim_start_matches("http://").trim_end_matches(":8080");
    until("all answer", || all_wait(address, 1000));

    let is_over = AtomicBool::new(false);
    let (count, failed) = std::thread::scope(|scope| {
        let requests = scope.spawn(|| requests(address, &["/one", "/two"], &is_over));
        // The loop ends with whatever goes wrong here, so that the test does.
        let course = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for (micros, run_id) in [(3000, "other"), (1000, "back")] {
                bench.patch(json!({ "runId": run_id, "worker": { "work": { "meanMicros": micros } } }));
                let seen = bench.ready();
                assert!(holds(&seen, "Deployed"), "{}", bench.story(&seen));
                assert!(all_wait(address, micros), "after {run_id} some worker runs something else");
                assert_eq!(runs(&seen).last().unwrap()["id"], run_id);
            }
        }));
        is_over.store(true, Ordering::Relaxed);
        let requests = requests.join().unwrap();
        course.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        requests
    });
    assert_eq!(failed, Vec::<String>::new(), "of {count} requests");
    assert!(count > 100, "{count}");
    assert_eq!(workers(&bench), before, "nothing was launched");

    let seen = bench.get().unwrap();
    assert_eq!(bench.outcomes(&seen), ["Valid", "Valid", "Valid"]);
    let settings: Vec<bool> = bench
        .reports()
        .iter()
        .map(|(_, report)| report.run.facts.settings.iter().any(|line| line.contains("3000us")))
        .collect();
    assert_eq!(settings.iter().filter(|is_other| **is_other).count(), 1, "one run is of the other work");
    let versions = |report: &wire::Report| report.run.serving.values().copied().collect::<Vec<_>>();
    let mut served: Vec<Vec<u64>> = bench.reports().iter().map(|(_, report)| versions(report)).collect();
    served.sort();
    assert_eq!(served, [vec![1; WORKERS], vec![2; WORKERS], vec![3; WORKERS]]);
    bench.delete();
}
