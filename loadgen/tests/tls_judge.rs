//! https to a server that we did not write: Python's `ssl`, which is OpenSSL. It counts handshakes as well.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;
#[path = "support/tls.rs"]
mod tls;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use loadgen::Trust;
use serde_json::Value;
use support::{closed_loop, report, settings, spec};
use tls::Authority;
use wire::{Connections, Target};

const SERVER: &str = r#"
import http.server, json, ssl, sys, threading

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        body = b"hello" * int(self.path[1:] or 1)
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_POST = do_GET
    def log_message(self, *_):
        pass

class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 64
    def handle_error(self, *_):
        pass

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1])
context.set_alpn_protocols(["http/1.1"])
context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, sys.argv[2])
server = Server(("127.0.0.1", 0), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
print(json.dumps(context.session_stats()), flush=True)
"#;

/// `None`: there is no python3 with ssl here.
struct Python {
    process: Child,
    output: BufReader<std::process::ChildStdout>,
    port: u16,
}

impl Drop for Python {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}

impl Python {
    fn start(identity: &Path, version: &str) -> Option<Self> {
        let has_ssl = Command::new("python3").args(["-c", "import ssl"]).stderr(Stdio::null()).status();
        if !has_ssl.is_ok_and(|status| status.success()) {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "python3 with ssl is missing: install it");
            let _ =
                writeln!(std::io::stderr(), "SKIPPED https to OpenSSL: there is no python3 with ssl (Debian: python3)");
            return None;
        }
        let mut process = Command::new("python3")
            .args(["-c", SERVER, identity.to_str().unwrap(), version])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut port = String::new();
        output.read_line(&mut port).unwrap();
        Some(Self { process, output, port: port.trim().parse().unwrap() })
    }

    /// What OpenSSL counted.
    fn counted(mut self) -> Value {
        drop(self.process.stdin.take());
        let mut text = String::new();
        self.output.read_to_string(&mut text).unwrap();
        serde_json::from_str(&text).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_serves_us_and_counts_the_same_handshakes() {
    let authority = Authority::new();
    let identity = authority.sign(&["localhost"]).file_with_key("python.pem");
    let mut settings = settings();
    settings.trust = Trust::new(Some(&authority.file("python-ca.pem")), false).unwrap();
    for version in ["TLSv1_3", "TLSv1_2"] {
        for connections in [Connections::Kept, Connections::PerRequest] {
            let Some(server) = Python::start(&identity, version) else { return };
            // Ten bytes, and several records.
            for times in [2, 20_000] {
                let url = format!("https://localhost:{}/{times}", server.port);
                let mut spec =
                    spec(vec![Target { cluster: "a".into(), url, ..Target::default() }], 1, vec![closed_loop(2, 40)]);
                spec.request.connections = connections;
                (spec.request.method, spec.request.body) = ("POST".into(), "x".repeat(times));
                spec.request.expect.body = Some("hello".repeat(times));
                let report = report(&spec, &settings).await;
                let cluster = &report.clusters[0];
                assert_eq!(cluster.failures.total(), 0, "{version} {connections:?}: {:?}", cluster.failures);
                let handshakes = cluster.handshakes.clone().unwrap();
                let expected = if connections == Connections::Kept { 2 } else { 40 };
                assert_eq!((handshakes.count, cluster.connections), (expected, expected), "{version}");
                assert!(handshakes.protocols[0].starts_with(&version.replace('_', ".")), "{handshakes:?}");
                // Two users begin without a session; every other connection finds one.
                let resumed = expected - 2;
                assert!(handshakes.resumed >= resumed, "{version} {connections:?}: {handshakes:?}");
            }
            let counted = server.counted();
            let expected = if connections == Connections::Kept { 4 } else { 80 };
            assert_eq!(counted["accept_good"], expected, "{counted}");
        }
    }
}
