//! Runs with a corpus: fetched by the generator, checked, kept, and sent in an order that the seed of the round decides.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

#[path = "support/application.rs"]
mod application;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use application::{Application, contents, files};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use loadgen::{Files, Runs, RunsError, Settings};
use support::{closed_loop, report, settings, spec};
use wire::{Corpus, Report, RequestSpec, RunSpec, Slice, Stop, Target, sha256_hex};

const NAMES: [&str; 7] = ["a.png", "b.png", "c.png", "d.png", "e.png", "f.png", "g.png"];

fn archive(files: &[(String, String)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, content.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap()
}

/// A server of one archive.
async fn server(archive: Vec<u8>) -> Application {
    Application::start(move |request| match request.path.as_str() {
        "/corpus.tar" => archive.clone().into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    })
    .await
}

fn with_corpus(id: &str, application: &Application, corpus: Corpus) -> RunSpec {
    let target = |cluster: &str| Target {
        cluster: cluster.into(),
        url: application.url(&format!("/{cluster}")),
        ..Target::default()
    };
    let request = RequestSpec { method: "POST".into(), corpus: Some(corpus), ..RequestSpec::default() };
    RunSpec { id: id.into(), request, ..spec(vec![target("one"), target("two")], 3, vec![closed_loop(2, 20)]) }
}

fn runs(test: &str) -> (Runs, PathBuf) {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{}", std::process::id()));
    std::fs::remove_dir_all(&directory).ok();
    (Runs::open(&directory, settings()).unwrap().0, directory)
}

async fn finished(runs: &Runs, id: &str) -> Report {
    while runs.status(id).unwrap().report_sha256.is_none() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    serde_json::from_slice(&runs.report(id).unwrap()).unwrap()
}

/// What was sent by number of the request, of each round and path. Fails if a number sent two files.
fn sent(application: &Application) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut sent: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for upload in application.seen() {
        let before = sent.entry(upload.path.clone()).or_default().insert(upload.seed.clone(), upload.text());
        assert!(before.is_none_or(|before| before == upload.text()), "{upload:?}");
    }
    sent
}

#[tokio::test(flavor = "multi_thread")]
async fn every_cluster_of_a_round_is_sent_the_same_files_and_wrong_answers_are_in_the_report() {
    let application = Application::start(|upload| match (upload.path.as_str(), upload.text().as_str()) {
        ("/two", "c") => ([("x-request-id", "r-9")], "see").into_response(),
        (_, stem) => stem.to_owned().into_response(),
    })
    .await;
    let bytes = archive(&contents(&NAMES));
    let corpus =
        |server: &Application| Corpus { url: server.url("/corpus.tar"), sha256: sha256_hex(&bytes), field: None };
    let server = server(bytes.clone()).await;
    let (runs, directory) = runs("corpus-run");
    let run = with_corpus("first", &application, corpus(&server));
    assert!(runs.start(run.clone()).await.unwrap().1);
    let report = finished(&runs, "first").await;
    let sent = sent(&application);
    assert_eq!(sent["/one"], sent["/two"], "the same for each cluster");
    let mut orders = BTreeSet::new();
    for round in &report.rounds {
        let of_round: Vec<&str> =
            (0..20).map(|number| sent["/one"][&format!("{}-{number}", round.seed)].as_str()).collect();
        assert_eq!(of_round[..7].iter().collect::<BTreeSet<_>>().len(), 7, "each file once: {of_round:?}");
        assert_eq!(of_round[7..14], of_round[..7], "and again");
        orders.insert(of_round[..7].join(""));
        // 20 requests are two or three with `c`.
        let wrong = of_round.iter().filter(|stem| **stem == "c").count() as u64;
        for cluster in &round.clusters {
            let wrong = if cluster.cluster == "two" { wrong } else { 0 };
            assert_eq!((cluster.right, cluster.failures.wrong_answer), (Some(20 - wrong), wrong));
            assert_eq!(cluster.wrong.len() as u64, wrong);
        }
    }
    assert!(orders.len() > 1, "rounds have orders of their own: {orders:?}");
    let [one, two] = &report.clusters[..] else { panic!("two clusters") };
    assert_eq!((one.right, one.wrong.len()), (Some(60), 0));
    assert_eq!(two.right, Some(60 - two.failures.wrong_answer));
    assert_eq!(two.wrong.len() as u64, two.failures.wrong_answer);
    let first = &two.wrong[0];
    assert_eq!([&first.file, &first.expected, &first.got, &first.request_id], ["c", "c", "see", "r-9"]);
    // Kept between runs, also by the next process: nobody is asked for it again.
    let kept = directory.join("corpus").join(format!("{}.tar", sha256_hex(&bytes)));
    assert_eq!(std::fs::read(&kept).unwrap(), bytes);
    drop(runs);
    let (runs, _) = Runs::open(&directory, settings()).unwrap();
    runs.start(RunSpec { id: "second".into(), ..run }).await.unwrap();
    assert_eq!(finished(&runs, "second").await.clusters[0].right, Some(60));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_generators_send_the_file_of_the_number() {
    let application = Application::echo().await;
    let (directory, table) = files("slices", &NAMES);
    let corpus = Corpus { url: "http://h/".into(), sha256: "0".repeat(64), field: None };
    let mut settings: Settings = settings();
    settings.files = Some(Arc::new(Files::read(&directory, &table, None, None).unwrap()));
    let load = wire::ClosedLoop { concurrency: 2, stop: Stop::DurationSeconds(1) };
    let mut run = with_corpus("slices", &application, corpus);
    (run.rounds.count, run.drain_seconds, run.phases) = (1, Some(1), vec![wire::Phase::ClosedLoop(load)]);
    run.targets.truncate(1);
    // Time for the names to be looked up, for warm-up and calibration.
    run.start_at = Some(jiff::Timestamp::now() + Duration::from_secs(8));
    let slice = async |index| report(&RunSpec { slice: Slice { index, count: 2 }, ..run.clone() }, &settings).await;
    let (one, other) = tokio::join!(slice(0), slice(1));
    for report in [one, other] {
        assert!(report.clusters[0].right.is_some_and(|right| right > 0), "{:?}", report.reasons);
        assert_eq!(report.clusters[0].failures.wrong_answer, 0);
    }
    // Which file follows from a request's number, whoever sends it: the order of one generator is that of both.
    let sent = &sent(&application)["/one"];
    let by_number: BTreeMap<u64, &str> =
        sent.iter().map(|(seed, stem)| (seed.rsplit('-').next().unwrap().parse().unwrap(), stem.as_str())).collect();
    for (number, stem) in by_number.range(7..) {
        let before = by_number.get(&(number - 7));
        assert!(before.is_none_or(|before| before == stem), "{number}: {stem}, and {before:?}");
    }
    let first: BTreeSet<&&str> = by_number.range(..7).map(|(_, stem)| stem).collect();
    assert_eq!(first.len(), 7, "both together send each file: {by_number:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corpus_that_cannot_be_used_is_refused_in_words() {
    let application = Application::echo().await;
    let (runs, directory) = runs("corpus-refused");
    let start = async |bytes: Vec<u8>, path: &str, sha256: Option<&str>| {
        let sha256 = sha256.map_or_else(|| sha256_hex(&bytes), str::to_owned);
        let server = server(bytes).await;
        let corpus = Corpus { url: server.url(path), sha256, field: Some("f".into()) };
        runs.start(with_corpus("run", &application, corpus)).await.unwrap_err()
    };
    let without_row = [contents(&["a.png"]), vec![("b.png".to_owned(), "b".to_owned())]].concat();
    for (files, why) in [
        (without_row, "request.corpus: b.png has no row in the table"),
        (vec![("a.png".to_owned(), "a".to_owned())], "request.corpus: the archive: it holds no expected.csv"),
        (contents(&[]), "request.corpus: there is no file besides the table"),
        ([contents(&["a.png"]), contents(&["a.png"])].concat(), "request.corpus: there are two files with the name"),
    ] {
        let error = start(archive(&files), "/corpus.tar", None).await;
        assert!(matches!(error, RunsError::Invalid(_)) && error.to_string().starts_with(why), "{error}");
    }
    let good = archive(&contents(&["a.png"]));
    for (path, sha256, why) in [
        ("/corpus.tar", Some("0".repeat(64)), "it was not read"),
        ("/other.tar", None, "/other.tar cannot be fetched: curl: (22)"),
    ] {
        let error = start(good.clone(), path, sha256.as_deref()).await;
        assert!(matches!(error, RunsError::NoCorpus(_)) && error.to_string().contains(why), "{error}");
    }
    assert_eq!((runs.statuses().len(), application.seen().len()), (0, 0), "no run was begun");
    assert!(!directory.join("corpus").join(format!("{}.tar", "0".repeat(64))).exists());
}
