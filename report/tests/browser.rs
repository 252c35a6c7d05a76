//! Pages in a real Chromium, and judged by an HTML validator and by axe: npm packages in a directory of their own that is made once
//! and kept. One of them ships a Chromium, for machines that have none.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

#[path = "support/cloudwatch.rs"]
mod cloudwatch;
#[allow(dead_code, reason = "a part is used")]
#[path = "../../stats/tests/support/noise.rs"]
mod noise;
#[allow(dead_code, reason = "a part is used")]
#[path = "../../stats/tests/support/sample.rs"]
mod sample;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cloudwatch::account;
use report::{LiveCluster, LivePage, html, live_page};
use sample::material;
use serde_json::Value;
use wire::{LiveCapacity, QueueColumns, Report};

/// Pinned together: what they say decides whether the test passes.
const PACKAGES: [&str; 4] =
    ["playwright-core@1.65.1", "axe-core@4.14.1", "html-validate@10.17.0", "@sparticuz/chromium@147.0.0"];
const NAME: &str = "page-judges-1";
const SCRIPT: &str = "tests/browser.mjs";

/// Runs a program; what it said when it did not end well.
fn run(program: &str, arguments: &[&str]) -> Result<Output, String> {
    let output = Command::new(program).args(arguments).output().map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(output);
    }
    Err(format!("{program}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim()))
}

/// The directory that holds the judges.
fn installed() -> Result<PathBuf, String> {
    run("node", &["--version"])?;
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let cache = cache.ok_or("there is neither XDG_CACHE_HOME nor HOME to keep it in")?.join("clusterbenchmark");
    let home = cache.join(NAME);
    // Written last: an installation that was interrupted is made again.
    let complete = home.join("complete");
    std::fs::create_dir_all(&home).map_err(|error| error.to_string())?;
    let lock = std::fs::File::create(cache.join(format!("{NAME}.lock"))).map_err(|error| error.to_string())?;
    // Another clone may be at it.
    lock.lock().map_err(|error| error.to_string())?;
    if !complete.exists() {
        let prefix = format!("--prefix={}", home.display());
        let mut arguments = vec!["install", &prefix, "--no-audit", "--no-fund", "--no-save", "--ignore-scripts"];
        arguments.extend(PACKAGES);
        run("npm", &arguments)?;
        std::fs::write(&complete, "").map_err(|error| error.to_string())?;
    }
    Ok(home)
}

/// Nothing was checked. Said past the test runner, which would swallow it; where `CI` is `true` it is a failure.
fn skipped(why: &str) {
    let line = format!(
        "SKIPPED the page in a browser: {why}\n  it needs node and npm (Debian: apt-get install nodejs npm) and, once, the npm registry"
    );
    assert!(!std::env::var("CI").is_ok_and(|ci| ci == "true"), "{line}");
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn golden(name: &str) -> Report {
    let path = Path::new("tests/golden").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A directory with pages of real runs, which are judged as well (`cargo xtask tour --all`).
const MORE: &str = "CLUSTERBENCHMARK_PAGES";

/// Those pages, by name.
fn more_pages() -> Vec<(String, String)> {
    let Some(directory) = std::env::var_os(MORE) else { return Vec::new() };
    let files = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path());
    let pages = files.filter(|path| path.extension().is_some_and(|one| one == "html"));
    pages
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(path).unwrap()))
        .collect()
}

/// Pages by name: of today, the same with CloudWatch's dots, an old one, one that is not valid, one with names that want to be
/// more, one of many clusters, one behind queues, one without a difference, one of a search, and two of runs that are on, which
/// hold no report.
fn pages() -> Vec<(&'static str, String)> {
    let page = |report: &Report| html(report, None).unwrap();
    let today = golden("today.json");
    let mut invalid = material(2, 7, 200);
    invalid.planned_rounds = 70;
    let mut hostile = today.clone();
    let name = "</script><img src=x onerror=alert(1)>\"\u{202e}";
    hostile.clusters[0].cluster = name.into();
    hostile.summary = name.into();
    hostile.environment.notes.push(format!("<script>alert(1)</script>{name}"));
    let mut queue = today.clone();
    for series in &mut queue.series {
        let at_millis: Vec<u64> = (0..30).map(|second| second * 1000).collect();
        let values = |factor: u64| (0..30).map(|second| second * factor % 17).collect::<Vec<u64>>();
        series.queue = Some(QueueColumns {
            waiting: values(5),
            taken: values(3),
            running: values(1),
            starting: values(2),
            at_millis,
        });
    }
    let spoiled =
        page(&today).replace("</main>", "<img src=\"http://192.0.2.1/x.png\"><p><font color=\"#999\">x</p></main>");
    vec![
        ("today", page(&today)),
        ("cloudwatch", html(&today, Some(&account(&today))).unwrap()),
        ("before", page(&golden("before.json"))),
        ("invalid", page(&stats::report(invalid).unwrap())),
        ("hostile", page(&hostile)),
        ("many", page(&stats::report(material(16, 12, 300)).unwrap())),
        ("queue", page(&queue)),
        ("search", page(&golden("search.json"))),
        ("close", page(&stats::report(material(2, 10, 300)).unwrap())),
        ("live", live_page(&live())),
        ("live-search", live_page(&live_search())),
        ("spoiled", spoiled),
    ]
}

/// A run that is on, and the names that want to be more.
fn live() -> LivePage {
    let cluster = |name: &str, factor: u64| LiveCluster {
        name: name.into(),
        round: 12,
        requests_per_second: 982 * factor,
        p50_micros: Some(99_400 / factor),
        p99_micros: None,
        medians: (1..=12).map(|round| (round, (90_000 + round * 7_919 % 13_000) / factor)).collect(),
        ..LiveCluster::default()
    };
    let condition = |words: [&str; 4]| words.map(str::to_owned);
    LivePage {
        subject: "team/micro-vs-large \u{b7} run 1 \u{b7} eu-west-1a".into(),
        headline: "Measuring: 12 rounds are measured, the next look is after 20".into(),
        facts: vec!["instances 10/10 \u{b7} 0.02 USD so far".into(), "Running: <b>12</b> rounds".into()],
        clusters: vec![cluster("cluster1", 1), cluster("</script><b>", 2)],
        conditions: vec![
            condition(["Accepted", "True", "Placed", "in eu-west-1a"]),
            condition(["Measured", "False", "Running", "12 rounds are measured, the next look is after 20"]),
        ],
        footer: "As the operator said it at 2026-11-29 10:12:10 UTC.".into(),
        ..LivePage::default()
    }
}

/// The same of a search, one of whose clusters was not measured yet.
fn live_search() -> LivePage {
    let mut page = live();
    for (cluster, milli_rps) in page.clusters.iter_mut().zip([741_300, 1_482_000]) {
        cluster.capacity = Some(LiveCapacity { milli_rps: Some(milli_rps), rounds: 11, ..LiveCapacity::default() });
    }
    page.clusters[1].step_requests_per_second = Some(1_512);
    page.clusters.push(LiveCluster {
        name: "unmeasured".into(),
        capacity: Some(LiveCapacity::default()),
        ..LiveCluster::default()
    });
    page
}

#[test]
fn a_browser_has_nothing_to_complain_about() {
    let home = match installed() {
        Ok(home) => home,
        Err(why) => return skipped(&why),
    };
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    std::fs::create_dir_all(&out).unwrap();
    let mut arguments = vec![SCRIPT.to_owned(), home.display().to_string(), out.display().to_string()];
    let (own, more) = (pages(), more_pages());
    let visited = (12 + more.len()) * 4;
    let own = own.into_iter().map(|(name, page)| (name.to_owned(), page));
    let pages: Vec<(String, String)> =
        own.chain(more.into_iter().map(|(name, page)| (format!("run-{name}"), page))).collect();
    for (name, page) in &pages {
        let path = out.join(format!("{name}.html"));
        std::fs::write(&path, page).unwrap();
        arguments.push(path.display().to_string());
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let said = run("node", &arguments).unwrap();
    let said: Value = serde_json::from_slice(&said.stdout).unwrap();
    let visits = said["seen"].as_array().unwrap();
    assert_eq!(visits.len(), visited, "light and dark, wide and narrow");
    println!("Chromium {}; pictures in {}", said["browser"], out.display());
    let none = Value::Array(Vec::new());
    let (spoiled, ours): (Vec<&Value>, Vec<&Value>) = visits.iter().partition(|one| one["page"] == "spoiled");
    for one in ours {
        let what = format!("{} {} {}", one["page"], one["colorScheme"], one["width"]);
        for (field, fine) in
            [("messages", &none), ("requests", &none), ("violations", &none), ("wider", &Value::from(0))]
        {
            assert_eq!(&one[field], fine, "{what}: {field}");
        }
        assert_eq!(one["styled"], true, "{what}");
        if one["page"].as_str().unwrap().starts_with("live") {
            assert_eq!((&one["scripts"], &one["report"]), (&none, &Value::Null), "{what}");
            continue;
        }
        assert_eq!(one["scripts"], serde_json::json!(["application/json"]), "{what}");
        assert_eq!(one["report"], "clusterbench.dev/report/v1", "{what}");
        if one["width"] == 1280 && one["colorScheme"] == "light" {
            assert!(
                one["pdf"].as_u64().unwrap() > 10_000 && one["folded"] == 0,
                "{what}: everything is printed: {one}"
            );
        }
    }
    // Who finds nothing in this one finds nothing anywhere.
    for one in spoiled {
        assert!(one["messages"] != none && one["violations"] != none, "{one}");
    }
    for judged in said["validity"].as_array().unwrap() {
        assert_eq!(judged["said"] == none, judged["page"] != "spoiled", "{judged}");
    }
}
