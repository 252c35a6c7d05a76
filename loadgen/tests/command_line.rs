//! `loadgen run`, through the real binary: what scripts and people get.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use std::process::Output;

use serde_json::Value;
use support::{Backend, FINE, Reply, is_measured};

async fn loadgen(arguments: &[&str]) -> Output {
    tokio::process::Command::new(env!("CARGO_BIN_EXE_loadgen"))
        .arg("run")
        .args(arguments)
        .env_remove("CONTROL_LISTEN")
        .output()
        .await
        .unwrap()
}

async fn json(arguments: &[&str]) -> (Value, Option<i32>) {
    let output = loadgen(&[arguments, &["--json"]].concat()).await;
    let value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (value, output.status.code())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_object_with_the_numbers_on_top() {
    let backend = Backend::start(|number, _| if number % 10 == 9 { Reply::Status(503) } else { FINE }).await;
    let (result, code) =
        json(&["--url", &backend.url("/cluster1"), "--closed-loop", "1", "--requests", "1000", "--warmup", "20"]).await;
    assert!(is_measured(code), "{}", result["reasons"]);
    assert_eq!((&result["requests"], &result["failed"]), (&1000.into(), &100.into()));
    assert_eq!(result["failures"]["serverError"], 100);
    assert_eq!(result["validity"], if code == Some(0) { "Valid" } else { "Invalid" });
    assert!(result["requestsPerSecond"].as_u64().unwrap() > 0);
    let (p50, p90) = (result["p50Micros"].as_u64().unwrap(), result["p90Micros"].as_u64().unwrap());
    assert!(0 < p50 && p50 <= p90);
    assert_eq!(result["p99Micros"], Value::Null, "one in ten failed: there is no p99");
    assert_eq!(result["p999Micros"], Value::Null);
    assert_eq!(result["clusters"][0]["cluster"], "cluster1");
    assert_eq!(result["members"][0]["id"], "");
    assert_eq!(result["members"][1]["id"], "i-1");
    assert_eq!(result["rounds"].as_array().unwrap().len(), 1);
    assert_eq!(result["schema"], wire::REPORT_SCHEMA);
    assert_eq!(backend.seen().len(), 1020);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_urls_are_compared() {
    let slow = std::time::Duration::from_millis(20);
    let backend = Backend::start(move |_, request| match request.path.as_str() {
        "/slow" => Reply::Fine { backend: "i-2", boot: "b", after: slow },
        _ => FINE,
    })
    .await;
    let (slow, fast) = (backend.url("/slow"), backend.url("/fast"));
    let arguments =
        ["--url", &slow, "--url", &format!("quick={fast}"), "--closed-loop", "2", "--requests", "10", "--seed", "5"];
    let (result, code) = json(&arguments).await;
    assert!(is_measured(code), "{}", result["reasons"]);
    assert_eq!(result["requests"], 2 * 10 * 10, "ten rounds, as two are compared");
    let comparison = &result["comparisons"][0];
    assert_eq!((&comparison["cluster"], &comparison["baseline"]), (&"quick".into(), &"slow".into()));
    assert_eq!(comparison["direction"], "Faster");
    assert!(comparison["intervalPercent"][0].as_f64().unwrap() > 0.0);
    assert_eq!(result["run"]["seed"], 5);
    let table = loadgen(&[&arguments[..], &["--rounds", "2"]].concat()).await;
    let text = String::from_utf8(table.stdout).unwrap();
    assert!(text.contains("\nCLUSTER  REQUESTS  FAILED  REQUESTS/S"), "{text}");
    assert!(text.contains("quick shares: i-1 100 %\n"), "{text}");
    assert!(text.contains("seed 5"), "{text}");
    assert!(table.status.code() != Some(0) || text.contains("no verdict"), "{text}");
}

/// One document, whatever it is printed as.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_was_kept_is_printed_as_text_and_as_csv() {
    let backend = Backend::fine().await;
    let url = backend.url("/a");
    let run = ["--url", &url, "--closed-loop", "2", "--requests", "20", "--rounds", "3", "--json"];
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("kept.json");
    std::fs::write(&file, loadgen(&run).await.stdout).unwrap();
    let print = async |more: &[&str]| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_loadgen"));
        let output = command.arg("report").arg(&file).args(more).output().await.unwrap();
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap(), output.status.code())
    };
    let (text, error, code) = print(&[]).await;
    assert!(is_measured(code), "{error}");
    assert!(text.contains("a, answered requests by response time:"), "{text}");
    let row = text.lines().find(|line| line.starts_with("a  ")).unwrap_or_default();
    assert_eq!(row.split_whitespace().take(3).collect::<Vec<_>>(), ["a", "60", "0"], "{text}");
    let (csv, _, _) = print(&["--csv"]).await;
    assert_eq!(csv.lines().count(), 1 + 3, "{csv}");
    std::fs::write(&file, "{\"schema\": 1}").unwrap();
    let (_, error, code) = print(&[]).await;
    assert!(code == Some(1) && error.contains("is not a report"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_was_kept_is_drawn() {
    let backend = Backend::fine().await;
    let url = backend.url("/a");
    let (report, _) = json(&["--url", &url, "--closed-loop", "2", "--requests", "20", "--rounds", "2"]).await;
    let place = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("pictures-{}", std::process::id()));
    std::fs::create_dir_all(&place).unwrap();
    let draw = async |document: &Value, directory: &str| {
        let file = place.join("kept.json");
        std::fs::write(&file, document.to_string()).unwrap();
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_loadgen"));
        let output = command.arg("report").arg(&file).arg("--svg").arg(place.join(directory)).output().await.unwrap();
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap(), output.status.code())
    };
    let (alone, error, code) = draw(&report, "alone").await;
    assert!(is_measured(code), "{error}");
    let paths: Vec<&std::path::Path> = alone.lines().map(std::path::Path::new).collect();
    assert_eq!(paths.len(), 3, "{alone}");
    for (path, name) in paths.iter().zip(["requests.svg", "per-target.svg", "response-time.svg"]) {
        assert_eq!(path.file_name().unwrap(), name);
        assert!(std::fs::read_to_string(path).unwrap().starts_with("<svg xmlns="), "{name}");
    }
    // As Kubernetes keeps it: the document as text, and what CloudWatch counted beside it.
    let minute = report["series"][0]["start"].clone();
    let points =
        serde_json::json!({"metric": "RequestCount", "statistic": "Sum", "unit": "Count", "at": [0], "values": [40]});
    let cluster = serde_json::json!({"cluster": "a", "metrics": [points]});
    let cloud_watch = serde_json::json!({"state": "Complete", "start": minute, "minutes": 1, "clusters": [cluster]});
    let spec = serde_json::json!({"report": report.to_string(), "cloudWatch": cloud_watch});
    let (_, error, code) = draw(&serde_json::json!({"kind": "BenchmarkReport", "spec": spec}), "object").await;
    assert!(is_measured(code), "{error}");
    assert!(std::fs::read_to_string(place.join("object/requests.svg")).unwrap().contains("a, CloudWatch RequestCount"));
    let mut old = report.clone();
    old.as_object_mut().unwrap().remove("series");
    let (_, error, code) = draw(&old, "old").await;
    assert!(code == Some(1) && error.contains("--svg: this report says nothing of the course of the run"), "{error}");
    let (_, error, code) = draw(&serde_json::json!({"kind": "BenchmarkReport", "spec": {}}), "empty").await;
    assert!(code == Some(1) && error.contains("the object holds no spec.report"), "{error}");
    let (_, error, code) = draw(&report, "kept.json").await;
    assert!(code == Some(1) && error.contains("--svg: the directory"), "{error}");
    std::fs::remove_dir_all(&place).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_is_left_as_a_page_that_a_stored_one_becomes_too() {
    let backend = Backend::fine().await;
    let url = backend.url("/a");
    let place = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("page-{}", std::process::id()));
    std::fs::create_dir_all(&place).unwrap();
    let (page, again, kept) = (place.join("run.html"), place.join("report.html"), place.join("kept.json"));
    let load = ["--closed-loop", "2", "--requests", "20", "--rounds", "2", "--html"];
    let (report, code) = json(&[&["--url", &url], &load[..], &[page.to_str().unwrap()]].concat()).await;
    assert!(is_measured(code), "{}", report["reasons"]);
    let printed = std::fs::read_to_string(&page).unwrap();
    assert!(printed.starts_with("<!DOCTYPE html>") && printed.contains("requests/s"), "{printed}");
    // What the command printed is the report with the totals of all URLs before it.
    std::fs::write(&kept, report.to_string()).unwrap();
    let render = async |to: &std::path::Path| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_loadgen"));
        let output = command.arg("report").arg(&kept).arg("--html").arg(to).output().await.unwrap();
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap(), output.status.code())
    };
    let (said, error, exit) = render(&again).await;
    assert_eq!((said.trim(), exit), (again.to_str().unwrap(), code), "the exit code of the run it is of: {error}");
    assert!(std::fs::read_to_string(&again).unwrap() == printed, "the same report is the same page");
    let (_, error, code) = render(&place.join("nowhere/page.html")).await;
    assert!(code == Some(1) && error.contains("--html: ") && error.contains("cannot be written"), "{error}");
    std::fs::remove_dir_all(&place).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_result_is_printed_and_has_its_own_exit_code() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (result, code) = json(&["--url", &format!("http://{unused}/"), "--closed-loop", "2", "--requests", "4"]).await;
    assert_eq!(code, Some(3));
    assert_eq!((&result["validity"], &result["failed"]), (&"Invalid".into(), &4.into()));
    assert_eq!(result["p50Micros"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_prints_what_there_is() {
    let backend = Backend::start(|number, _| if number < 15 { FINE } else { Reply::Silence }).await;
    let child = tokio::process::Command::new(env!("CARGO_BIN_EXE_loadgen"))
        .args(["run", "--url", &backend.url("/"), "--closed-loop", "1", "--requests", "10", "--rounds", "9", "--json"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    while backend.seen().len() < 16 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let pid = rustix::process::Pid::from_raw(child.id().unwrap() as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().await.unwrap();
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_eq!((&result["requests"], &result["reasons"][0]), (&10.into(), &"interrupted after 1 of 9 rounds".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_names_the_flag_and_the_way_out() {
    let url = "http://127.0.0.1:1/";
    let cases: [(&[&str], &str); 23] = [
        (&["--url", url, "--rate", "0", "--duration", "1s"], "--rate: is 0: it must be between 1 and 10000000"),
        (&["--url", url, "--rate", "1", "--duration", "0s"], "--duration: is 0: it must be between 1 and 86400"),
        (&["--url", "http:///path", "--rate", "1", "--duration", "1s"], "--url: \"http:///path\" is not a URL"),
        (&["--url", "", "--rate", "1", "--duration", "1s"], "--url: \"\" is not a URL"),
        (&["--url", url, "--rate", "1", "--closed-loop", "1", "--requests", "1"], "cannot be used with"),
        (&["--url", url, "--rate", "1", "--requests", "1", "--ramp-to", "5"], "--ramp-to: needs"),
        (&["--url", url, "--rate", "1", "--duration", "1 d"], "such as 30s, 5m or 1h"),
        (&["--url", url, "--rate", "1", "--duration", "1s", "--header", "x"], "--header: \"x\" is not NAME: VALUE"),
        (&["--url", url, "--rate", "1", "--duration", "1s", "--fail-if", "p99"], "MEASURE > VALUE"),
        (&["--url", url, "--rate", "1", "--duration", "1s", "--slice", "0/2"], "--start-at"),
        (
            &["--url", url, "--rate", "1", "--duration", "1s", "--histogram", "/dev/null/no"],
            "--histogram /dev/null/no cannot be written",
        ),
        (&["--closed-loop", "1", "--requests", "1"], "--url"),
        (&["--url", url, "--closed-loop", "1"], "--requests"),
        (&["--url", url, "--requests", "1"], "--closed-loop"),
        (&["--url", url, "--closed-loop", "0", "--requests", "1"], "--closed-loop: is 0: it must be between 1 and"),
        (&["--url", url, "--closed-loop", "1", "--requests", "0"], "--requests: is 0: send at least one"),
        (&["--url", url, "--closed-loop", "1", "--requests", "1", "--rounds", "0"], "--rounds: is 0"),
        (
            &["--url", "ftp://h/", "--closed-loop", "1", "--requests", "1"],
            "--url: \"ftp://h/\" does not start with http:// or https://",
        ),
        (&["--url", url, "--closed-loop", "1", "--requests", "1", "--ca", "/no/such"], "--ca /no/such cannot be read"),
        (&["--url", url, "--closed-loop", "1", "--requests", "1", "--ca", "/dev/null"], "--ca /dev/null holds no"),
        (&["--url", url, "--closed-loop", "1", "--requests", "1", "--ca", "x", "--insecure"], "cannot be used with"),
        (&["--url", url, "--closed-loop", "1", "--requests", "1", "--timeout", "0"], "such as 30 or 0.5"),
        (&["--url", url, "--closed-loop", "1", "--requests", "1", "--duration", "5"], "cannot be used with"),
    ];
    for (arguments, text) in cases {
        let output = loadgen(arguments).await;
        let error = String::from_utf8_lossy(&output.stderr);
        // A file that cannot be used is no wrong argument: it may be there the next time.
        let code = if text.starts_with("--histogram ") || text.starts_with("--ca ") { 1 } else { 2 };
        assert!(output.status.code() == Some(code) && output.stdout.is_empty(), "{arguments:?}: {:?}", output.status);
        assert!(error.contains(text), "{arguments:?} says {error:?}, not {text:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_loop_sends_its_plan_and_checks_answers() {
    let backend = Backend::fine().await;
    let url = backend.url("/a?b=c");
    let arguments = ["--url", &url, "--rate", "200", "--poisson", "--duration", "1s", "--work", "constant:77us"];
    let (result, code) = json(&[&arguments[..], &["--expect-body", "hello", "--seed", "3"]].concat()).await;
    assert!(is_measured(code), "{}", result["reasons"]);
    let cluster = &result["clusters"][0];
    let planned = cluster["planned"].as_u64().unwrap();
    assert!((150..250).contains(&planned), "{planned}");
    assert_eq!((&cluster["sent"], &cluster["requests"]), (&planned.into(), &planned.into()));
    let seen = backend.seen();
    assert_eq!(seen.len() as u64, planned);
    assert!(seen.iter().all(|request| request.path == "/a?b=c&work_micros=77"));
    let (wrong, _) = json(&[&arguments[..], &["--expect-body", "hell"]].concat()).await;
    assert_eq!(wrong["failures"]["wrongAnswer"], wrong["requests"]);
}

/// For this long a run is made again whose machine was too busy.
const UNTIL_VALID: std::time::Duration = std::time::Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread")]
async fn scripts_are_told_by_the_exit_code() {
    let backend = Backend::fine().await;
    let url = backend.url("/");
    let run = ["--url", &url, "--closed-loop", "2", "--requests", "50"];
    // A run that is not valid decides no condition: this machine is shared, and it is measured until nobody took too much of it.
    let code = async |conditions: &[&str]| {
        let started = std::time::Instant::now();
        while started.elapsed() < UNTIL_VALID {
            let output = loadgen(&[&run[..], conditions].concat()).await;
            if output.status.code() != Some(3) {
                return (output.status.code(), String::from_utf8(output.stderr).unwrap());
            }
        }
        panic!("no run was valid");
    };
    assert_eq!(code(&["--fail-if", "p99 > 10s", "--fail-if", "failed > 0"]).await.0, Some(0));
    let (held, error) = code(&["--fail-if", "p99 > 10s", "--fail-if", "rate > 1"]).await;
    assert_eq!(held, Some(4));
    assert!(error.starts_with("loadgen: rate > 1: of url1 it is "), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_see_how_times_are_spread_and_how_the_plan_was_kept() {
    let backend = Backend::fine().await;
    let output = loadgen(&["--url", &backend.url("/c1"), "--rate", "100", "--requests", "20"]).await;
    assert!(is_measured(output.status.code()), "{}", String::from_utf8_lossy(&output.stderr));
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("c1, answered requests by response time:") && table.contains('█'), "{table}");
    assert!(table.contains("c1: 20 of 20 planned requests sent"), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_histogram_file_holds_every_request() {
    let backend = Backend::fine().await;
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("seconds.hlog");
    let file = path.to_str().unwrap();
    let load = ["--url", &backend.url("/c1"), "--rate", "100", "--requests", "200", "--histogram", file];
    let (result, code) = json(&load).await;
    assert!(is_measured(code), "{}", result["reasons"]);
    let log = std::fs::read_to_string(&path).unwrap();
    for kind in ["response", "service", "sendLag"] {
        let tag = format!("Tag=c1.{kind},");
        let lines: Vec<&str> = log.lines().filter(|line| line.starts_with(&tag)).collect();
        let number = |line: &&str, column: usize| line.split(',').nth(column).unwrap().parse::<f64>().unwrap();
        let starts: Vec<f64> = lines.iter().map(|line| number(line, 1)).collect();
        assert!(starts.windows(2).all(|two| two[1] > two[0]), "one line for each second, of all threads: {starts:?}");
        let lengths: Vec<f64> = lines.iter().map(|line| number(line, 2)).collect();
        assert!(lengths[..lengths.len() - 1].iter().all(|length| *length == 1.0), "{lengths:?}");
        let seconds = result["clusters"][0]["loadMicros"].as_f64().unwrap() / 1e6;
        assert!((lengths.iter().sum::<f64>() - seconds).abs() <= 0.001, "{lengths:?} is not {seconds}");
        let mut all = stats::Latencies::new();
        lines.iter().for_each(|line| all.merge(&stats::Latencies::decode(line.rsplit(',').next().unwrap()).unwrap()));
        assert_eq!(all.count(), 200, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_urls_are_compared_without_any_more_words() {
    let backend = Backend::fine().await;
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_loadgen"))
        .args(["compare", &format!("A={}", backend.url("/x")), &format!("B={}", backend.url("/y")), "--rounds", "6"])
        .args(["--requests", "20", "--warmup", "5", "--json"])
        .output()
        .await
        .unwrap();
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(is_measured(output.status.code()), "{}", String::from_utf8_lossy(&output.stderr));
    let comparison = &result["comparisons"][0];
    assert_eq!((&comparison["cluster"], &comparison["baseline"]), (&"B".into(), &"A".into()));
    assert!(comparison["intervalPercent"].is_array(), "{comparison}");
    assert_eq!(result["requests"], 2 * 6 * 20);
    assert_eq!(backend.seen().len(), 2 * (5 + 6 * 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_that_compare_cannot_measure_is_not_blamed_on_a_flag_of_run() {
    for (url, text) in [
        ("ftp://x", "loadgen: URL: \"ftp://x\" does not start with http"),
        ("http://a b/", "loadgen: URL: \"http://a b/\" holds ' ' in its host"),
    ] {
        let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_loadgen"))
            .args(["compare", "http://127.0.0.1:1/", url])
            .output()
            .await
            .unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && error.starts_with(text), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_cannot_be_made_is_refused_with_the_flag_and_the_way_out() {
    let of = |more: &[&'static str]| [&["search", "--url", "http://127.0.0.1:1/"], more].concat();
    for (arguments, text) in [
        (of(&["--objective", "p99 < 50ms"]), "is no objective: write QUANTILE <= TIME, such as 'p99 <= 50ms'"),
        (of(&["--objective", "p95 <= 50ms"]), "\"p95\" is no quantile: give p50, p90, p99 or p99.9"),
        (of(&["--objective", "p99 <= 50"]), "\"50\" is no time above 0 with a unit"),
        (
            of(&["--objective", "p99 <= 31s"]),
            "--objective: an answer may take 30 s (--timeout), and the objective is longer",
        ),
        (of(&["--objective", "p99 <= 1s", "--most", "0"]), "--most: is 0: it must be between 1 and 10000000"),
        (of(&["--objective", "p99 <= 1s", "--max-failed", "1000"]), "--max-failed: is 1000: it must be below 1000"),
        (of(&["--objective", "p99 <= 1s", "--rounds", "0"]), "--rounds: is 0: it must be between 1 and 1000"),
        (of(&["--objective", "p99 <= 1s", "--price", "b=1"]), "--price: no URL is called \"b\""),
        (of(&["--objective", "p99 <= 1s", "--rate", "5"]), "unexpected argument '--rate'"),
        (of(&[]), "--objective"),
    ] {
        let output =
            tokio::process::Command::new(env!("CARGO_BIN_EXE_loadgen")).args(&arguments).output().await.unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && output.stdout.is_empty(), "{arguments:?}: {:?}", output.status);
        assert!(error.contains(text), "{arguments:?} says {error:?}, not {text:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_is_sent_as_a_browser_sends_it() {
    let backend = Backend::fine().await;
    let url = backend.url("/m\u{fc}nchen a?q={\"a\":1}#top");
    let (result, code) = json(&["--url", &url, "--closed-loop", "1", "--requests", "1"]).await;
    assert!(is_measured(code), "{}", result["reasons"]);
    assert_eq!(result["failed"], 0);
    assert_eq!(backend.seen()[0].path, "/m%C3%BCnchen%20a?q=%7B%22a%22:1%7D");
}

/// Nothing that is asked for is taken for nothing that was said.
#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_warms_up_unless_it_is_told_not_to() {
    let requests = async |warm_up: &[&str]| {
        let backend = Backend::fine().await;
        let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_loadgen"))
            .args(["compare", &format!("A={}", backend.url("/x")), &format!("B={}", backend.url("/y"))])
            .args(["--rounds", "1", "--requests", "10"])
            .args(warm_up)
            .output()
            .await
            .unwrap();
        assert!(is_measured(output.status.code()), "{}", String::from_utf8_lossy(&output.stderr));
        backend.seen().len()
    };
    assert_eq!(requests(&["--warmup", "0"]).await, 2 * 10);
    assert_eq!(requests(&["--warmup", "0s"]).await, 2 * 10);
    assert_eq!(requests(&[]).await, 2 * (200 + 10));
    assert_eq!(requests(&["--warmup", "5"]).await, 2 * (5 + 10));
}
