//! Connections that the other side ends: with a word, which is its way to work, and without, which is nobody's.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use support::{Backend, Reply, closed_loop, reasons, report, settings, spec};
use wire::{Failures, GateKind, GateOutcome, Target, Validity};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_announces_the_end_of_connections_is_measured_as_it_is() {
    let backend = Backend::start(|_, _| Reply::LastAnswer).await;
    let report = report(&spec(vec![backend.target("c")], 2, vec![closed_loop(4, 100)]), &settings()).await;
    let cluster = &report.clusters[0];
    assert_eq!((reasons(&report), cluster.failures), (Vec::new(), Failures::default()));
    assert_eq!((cluster.requests, cluster.announced_ends, cluster.connections), (200, 200, 200));
    let said = "\nc: 200 answers announced the end of their connection; opening 200 of them is part of its times\n";
    assert!(report::text(&report).contains(said), "{}", report::text(&report));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_connections_without_a_word_is_not_valid_and_the_way_out_is_named() {
    let backend = Backend::start(|_, _| Reply::SilentEnd).await;
    let report = report(&spec(vec![backend.target("c")], 1, vec![closed_loop(4, 100)]), &settings()).await;
    assert_eq!((report.validity, report.clusters[0].announced_ends), (Validity::Invalid, 0));
    let churn = report.gates.iter().find(|gate| gate.kind == GateKind::ConnectionChurn).unwrap();
    assert_eq!(churn.outcome, GateOutcome::Failed);
    assert!(churn.reason.contains("--new-connections"), "{}", churn.reason);
}

/// A request that took too long takes its connection along: it is the generator that closes it.
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_the_generator_gives_up_are_not_blamed_on_anybody() {
    let backend = Backend::start(|number, _| if number % 10 == 9 { Reply::Silence } else { support::FINE }).await;
    let mut settings = settings();
    settings.request_limit = std::time::Duration::from_millis(100);
    let report = report(&spec(vec![backend.target("c")], 1, vec![closed_loop(1, 50)]), &settings).await;
    assert_eq!(report.clusters[0].failures, Failures { timeout: 5, ..Failures::default() });
    let churn = report.gates.iter().find(|gate| gate.kind == GateKind::ConnectionChurn).unwrap();
    assert_eq!(churn.outcome, GateOutcome::Passed, "{}", churn.reason);
}

/// One of Python's own servers, which ends when the value is dropped.
struct Python(Child, SocketAddr);

impl Drop for Python {
    fn drop(&mut self) {
        // Gone already: a test has failed and says so.
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

/// Both answer with HTTP/1.0 and close. The port is bound by the server, which prints it.
const HTTP_SERVER: &str = "
import http.server, os
os.chdir(os.environ['DIRECTORY'])
class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *a): pass
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Quiet)
print(server.server_port, flush=True)
server.serve_forever()
";
const WSGIREF: &str = "
import wsgiref.simple_server as simple
class Quiet(simple.WSGIRequestHandler):
    def log_message(self, *a): pass
def app(environ, start):
    start('200 OK', [('content-type', 'text/plain')])
    return [b'hello']
server = simple.make_server('127.0.0.1', 0, app, handler_class=Quiet)
print(server.server_port, flush=True)
server.serve_forever()
";

impl Python {
    /// `None` without Python: nothing was checked, which is said past the test runner; where `CI` is `true` it is a
    /// failure.
    fn start(program: &str) -> Option<Self> {
        let directory: PathBuf = env!("CARGO_TARGET_TMPDIR").into();
        let child = Command::new("python3")
            .args(["-c", program])
            .env("DIRECTORY", &directory)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut child) = child else {
            let line = "SKIPPED Python's servers: there is no python3 (Debian: apt-get install python3)";
            let must_not = std::env::var("CI").is_ok_and(|ci| ci == "true");
            assert!(!must_not, "{line}");
            let _ = writeln!(std::io::stderr(), "{line}");
            return None;
        };
        let mut line = String::new();
        let mut said = std::io::BufReader::new(child.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut said, &mut line).unwrap();
        let port: u16 = line.trim().parse().unwrap();
        Some(Self(child, SocketAddr::from(([127, 0, 0, 1], port))))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pythons_own_servers_are_measured_as_they_are() {
    for program in [HTTP_SERVER, WSGIREF] {
        let Some(server) = Python::start(program) else { return };
        let target = Target { cluster: "python".into(), url: format!("http://{}/", server.1), ..Target::default() };
        let report = report(&spec(vec![target], 1, vec![closed_loop(2, 60)]), &settings()).await;
        let cluster = &report.clusters[0];
        assert_eq!((cluster.requests, cluster.failures), (60, Failures::default()));
        assert_eq!(cluster.announced_ends, 60);
        assert_eq!(reasons(&report), [] as [&str; 0]);
    }
}
