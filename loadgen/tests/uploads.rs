//! `loadgen run --files`, through the real binary: files that are sent in turn, and answers that are right or wrong.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

#[path = "support/application.rs"]
mod application;
#[path = "../../cloud/tests/contract/kept.rs"]
mod kept;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use application::{Application, files};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::Value;

async fn loadgen(arguments: &[&str]) -> Output {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_loadgen"));
    command.arg("run").args(arguments).env_remove("CONTROL_LISTEN").output().await.unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Arguments of a run with files.
fn with<'a>(url: &'a str, directory: &'a Path, table: &'a Path, requests: &'a str) -> Vec<&'a str> {
    let (directory, table) = (directory.to_str().unwrap(), table.to_str().unwrap());
    vec!["--url", url, "--closed-loop", "1", "--requests", requests, "--files", directory, "--expect-csv", table]
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_sent_by_name_over_and_over_and_the_figures_come_last() {
    let application = Application::echo().await;
    let (directory, table) = files("by-name", &["b.png", "a.jpg", "c"]);
    std::fs::create_dir(directory.join("below")).unwrap();
    std::fs::write(directory.join(".hidden"), "x").unwrap();
    let url = application.url("/");
    let output = loadgen(&with(&url, &directory, &table, "7")).await;
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", text(&output.stderr));
    let sent: Vec<(String, String)> =
        application.seen().iter().map(|upload| (upload.text(), upload.media_type.clone())).collect();
    let [a, b, c] = [("a", "image/jpeg"), ("b", "image/png"), ("c", "application/octet-stream")]
        .map(|(stem, media_type)| (stem.to_owned(), media_type.to_owned()));
    assert_eq!(sent, [&a, &b, &c, &a, &b, &c, &a].map(Clone::clone));
    let said = text(&output.stdout);
    assert!(said.contains("\nurl1: 7 of 7 answers right, 0 wrong\n"), "{said}");
    let last = said.lines().last().unwrap();
    assert!(last.starts_with("total 7, completed 7, failed 0, right 7, wrong 0, seconds "), "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_answers_are_counted_and_listed() {
    let application = Application::start(|upload| match upload.text().as_str() {
        "b" => ([("x-backend", "i-7"), ("x-request-id", "r-1")], "b:\"no\", never\n").into_response(),
        "c" => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        "d" => axum::Json("d").into_response(),
        stem => format!("{stem}:{stem}").into_response(),
    })
    .await;
    let (directory, table) = files("wrong", &["a.x", "b.x", "c.x", "d.x"]);
    let (url, log) = (application.url("/"), directory.with_file_name("wrong.csv"));
    let arguments = [with(&url, &directory, &table, "8"), vec!["--wrong", log.to_str().unwrap()]].concat();
    let output = loadgen(&[&arguments[..], &["--fail-if", "wrong > 1"]].concat()).await;
    // Of a run that a busy machine made invalid no condition is judged.
    match output.status.code() {
        Some(3) => {}
        code => {
            assert_eq!(code, Some(4), "{}", text(&output.stderr));
            assert!(text(&output.stderr).contains("wrong > 1: of url1 it is 2"), "{}", text(&output.stderr));
        }
    }
    let last = text(&output.stdout).lines().last().unwrap().to_owned();
    assert!(last.starts_with("total 8, completed 6, failed 2, right 4, wrong 2, seconds "), "{last}");
    let line = "b,b,\"b:\"\"no\"\", never\",r-1,i-7,url1\r\n";
    let listed = std::fs::read_to_string(&log).unwrap();
    assert_eq!(listed, format!("stem,expected,got,request_id,instance,cluster\r\n{line}{line}"));
    let output = loadgen(&[&arguments[..], &["--json"]].concat()).await;
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&result["right"], &result["failures"]["wrongAnswer"]), (&4.into(), &2.into()));
    let wrong = &result["clusters"][0]["wrong"];
    let first = serde_json::json!({
        "file": "b", "expected": "b", "got": "b:\"no\", never", "requestId": "r-1", "instance": "i-7"
    });
    assert_eq!(*wrong, Value::Array(vec![first.clone(), first]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_may_be_uploaded_in_a_form_and_its_type_be_said() {
    let application =
        Application::start(|upload| upload.text().split("\r\n").nth(4).unwrap_or_default().to_owned().into_response())
            .await;
    let (directory, table) = files("form", &["a.png"]);
    let url = application.url("/");
    let output =
        loadgen(&[with(&url, &directory, &table, "2"), vec!["--field", "inputFile", "--method", "PUT"]].concat()).await;
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", text(&output.stderr));
    let seen = application.seen();
    let boundary = seen[0].media_type.strip_prefix("multipart/form-data; boundary=").unwrap();
    let disposition = "Content-Disposition: form-data; name=\"inputFile\"; filename=\"a.png\"";
    let form = format!("--{boundary}\r\n{disposition}\r\nContent-Type: image/png\r\n\r\na\r\n--{boundary}--\r\n");
    assert_eq!((seen[0].text(), seen[1].text()), (form.clone(), form));
    let typed = [with(&url, &directory, &table, "1"), vec!["--header", "Content-Type: text/x"]].concat();
    loadgen(&typed).await;
    assert_eq!(application.seen()[2].media_type, "text/x");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_sent_or_checked_ends_with_2_before_anything_is_sent() {
    let application = Application::echo().await;
    let (directory, table) = files("refused", &["a.png"]);
    let url = application.url("/");
    let place = directory.parent().unwrap();
    let other = |name: &str, content: &str| {
        let path = place.join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let empty = place.join("empty");
    std::fs::create_dir(&empty).unwrap();
    let missing = place.join("missing");
    let cases: [(&Path, PathBuf, &[&str], &str); 9] = [
        (&empty, table.clone(), &[], "empty: there is no file besides the table"),
        (&missing, table.clone(), &[], "cannot be read: No such file"),
        (&directory, missing.clone(), &[], "missing cannot be read: No such file"),
        (
            &directory,
            other("b.csv", "f,r\nb,b\n"),
            &[],
            "a.png has no row in the table: add one that begins with \"a\"",
        ),
        (&directory, other("c.csv", "f,r\na\n"), &[], "the table: line 2 has no result"),
        (&directory, other("d.csv", ""), &[], "the table: it is empty"),
        (
            &directory,
            table.clone(),
            &["--expect-columns", "file,name"],
            "it has no column \"name\": its head is file,result",
        ),
        (&directory, table.clone(), &["--expect-columns", "file"], "give the names of two columns"),
        (&directory, table.clone(), &["--body", "x"], "cannot be used with"),
    ];
    for (directory, table, more, why) in cases {
        let output = loadgen(&[with(&url, directory, &table, "1"), more.to_vec()].concat()).await;
        assert_eq!(output.status.code(), Some(2), "{why}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(why) && output.stdout.is_empty(), "{why}: {}", text(&output.stderr));
    }
    for (arguments, why) in [
        (&["--files", "x"][..], "--expect-csv <FILE>"),
        (&["--expect-csv", "x"], "--files <DIR>"),
        (&["--wrong", "x"], "--files <DIR>"),
        (&["--field", "x"], "--files <DIR>"),
    ] {
        let output = loadgen(&[&["--url", &url, "--closed-loop", "1", "--requests", "1"], arguments].concat()).await;
        assert!(output.status.code() == Some(2) && text(&output.stderr).contains(why), "{}", text(&output.stderr));
    }
    let get = loadgen(&[with(&url, &directory, &table, "1"), vec!["--method", "GET"]].concat()).await;
    assert!(text(&get.stderr).contains("--method: files are sent with POST or PUT"), "{}", text(&get.stderr));
    assert_eq!(application.seen().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_may_take_as_long_as_is_said_and_no_longer() {
    let application = Application::echo().await;
    // Nobody accepts: the connection is there, and no answer ever comes.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let (directory, table) = files("timeout", &["a"]);
    let urls = [format!("slow=http://{}/", silent.local_addr().unwrap()), format!("fast={}", application.url("/"))];
    let began = Instant::now();
    let arguments =
        [with(&urls[0], &directory, &table, "1"), vec!["--url", &urls[1], "--rounds", "1", "--timeout", "1", "--json"]];
    let output = loadgen(&arguments.concat()).await;
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    let [slow, fast] = [0, 1].map(|number| &result["clusters"][number]);
    assert_eq!((&slow["failures"]["timeout"], &slow["right"], &fast["right"]), (&1.into(), &0.into(), &1.into()));
    assert_eq!(result["run"]["timeoutSeconds"], 1);
    assert!(began.elapsed() >= Duration::from_secs(1));
}

/// The application in examples/, served by the Python that is here, and FastAPI, which is installed for it once.
#[tokio::test(flavor = "multi_thread")]
async fn a_fast_api_application_answers_a_hundred_files_rightly() {
    let examples = std::path::absolute("../examples").unwrap();
    let python = match python(&examples.join("fastapi/requirements.txt")).await {
        Ok(python) => python,
        Err(why) => {
            return kept::skipped(&format!(
                "examples/fastapi: {why}\n  NOTHING was checked with it; it needs python3 with venv (Debian: apt-get install \
                 python3-venv) and, once, PyPI"
            ));
        }
    };
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut server = tokio::process::Command::new(examples.join("fastapi/start.sh"))
        .env("LISTEN", address.to_string())
        .env("PYTHON", python)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while std::net::TcpStream::connect(address).is_err() {
        assert!(server.try_wait().unwrap().is_none() && Instant::now() < deadline, "the application does not start");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("patterns-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    tar::Archive::new(std::fs::File::open(examples.join("corpus.tar")).unwrap()).unpack(&directory).unwrap();
    let (url, table) = (format!("http://{address}/any/path"), directory.join("expected.csv"));
    let load = |requests| [with(&url, &directory, &table, requests), vec!["--field", "inputFile"]].concat();
    let output = loadgen(&load("100")).await;
    let last = text(&output.stdout).lines().last().unwrap_or_default().to_owned();
    assert!(
        last.starts_with("total 100, completed 100, failed 0, right 100, wrong 0, "),
        "{last}: {}",
        text(&output.stderr)
    );
    // A table that says something else is noticed, so the answers were looked at.
    let rows = std::fs::read_to_string(&table).unwrap().replace("pattern-001,", "pattern-001,no ");
    std::fs::write(&table, rows).unwrap();
    let said = text(&loadgen(&load("3")).await.stdout);
    assert!(said.contains("path wrong: pattern-001 is \"no "), "{said}");
    std::fs::remove_dir_all(&directory).unwrap();
}

/// A Python that has what the application needs.
async fn python(requirements: &Path) -> Result<PathBuf, String> {
    let wanted = std::fs::read(requirements).map_err(|error| error.to_string())?;
    let name = format!("fastapi-{}", &wire::sha256_hex(&wanted)[..12]);
    let home = kept::install(&name, async |home| {
        kept::run(Path::new("python3"), &["-m", "venv", "--clear", &home.to_string_lossy()]).await?;
        let requirements = requirements.to_string_lossy();
        let arguments = ["-q", "--disable-pip-version-check", "install", "-r", &requirements];
        kept::run(&home.join("bin/pip"), &arguments).await.map(drop)
    });
    Ok(home.await?.join("bin/python"))
}
