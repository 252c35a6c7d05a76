//! The binary as an instance runs it: environment in, HTTP, SIGTERM.

#![allow(clippy::expect_used)] // the exemption for tests does not reach their fixtures

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running worker, killed when the test ends however it ends.
struct Running {
    child: Child,
    address: String,
}

impl Running {
    fn start(environment: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_worker"))
            .env_clear()
            .env("LISTEN", "127.0.0.1:0")
            .envs(environment.iter().copied())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the worker starts");
        // It logs the address that it serves at; nothing else says which port the kernel gave it.
        let mut line = String::new();
        BufReader::new(child.stderr.take().expect("stderr")).read_line(&mut line).expect("a log line");
        let address = line.split("address=").nth(1).unwrap_or_else(|| panic!("an address in {line:?}"));
        let address = address.split_whitespace().next().expect("address").to_owned();
        Self { child, address }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).expect("connects");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("timeout");
        stream
    }

    fn terminate(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("signal");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn send(stream: &mut TcpStream, path: &str) {
    write!(stream, "GET {path} HTTP/1.1\r\nhost: worker\r\n\r\n").expect("sends");
}

/// Head and body of one answer with a content-length.
fn receive(stream: &mut BufReader<TcpStream>) -> (String, String) {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(stream.read_line(&mut head).expect("head"), 0, "the answer ends in its head: {head:?}");
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("content-length");
    let mut body = vec![0; length.parse().expect("number")];
    stream.read_exact(&mut body).expect("body");
    (head, String::from_utf8(body).expect("text"))
}

#[test]
fn the_environment_is_the_configuration_and_connections_are_kept() {
    let environment =
        [("INSTANCE_ID", "i-0a"), ("CLUSTER", "blue"), ("CLUSTER_PATH", "/b"), ("WORK", "sleep:1ms"), ("SLOTS", "2")];
    let worker = Running::start(&environment);
    let mut reader = BufReader::new(worker.connect());
    for (path, status) in [("/b", "200"), ("/b/x", "200"), ("/blue", "404"), ("/health", "200"), ("/metrics", "200")] {
        send(reader.get_mut(), path);
        let (head, body) = receive(&mut reader);
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {head}");
        assert!(head.contains("x-backend: i-0a\r\n") && head.contains("x-slots: 2\r\n"), "{path}: {head}");
        if path == "/b" {
            assert!(body.contains("\"instanceId\":\"i-0a\",\"cluster\":\"blue\",\"workMicros\":1000"), "{body}");
        }
    }
}

#[test]
fn uploads_are_named_as_a_body_or_as_the_file_of_a_form() {
    let worker = Running::start(&[("WORK", "sleep:1ms")]);
    let mut reader = BufReader::new(worker.connect());
    let upload = |reader: &mut BufReader<TcpStream>, method: &str, media_type: &str, body: &[u8]| {
        let length = body.len();
        let head = format!(
            "{method} / HTTP/1.1\r\nhost: worker\r\nx-request-id: r-{length}\r\ncontent-type: {media_type}\r\n"
        );
        write!(reader.get_mut(), "{head}content-length: {length}\r\n\r\n").expect("sends");
        reader.get_mut().write_all(body).expect("sends");
        let (head, body) = receive(reader);
        assert!(head.contains(&format!("x-request-id: r-{length}\r\n")), "{head}");
        (head, body)
    };
    for content in [&b""[..], b"\xff\xfe\0picture", &[7; 1 << 20]] {
        let (head, body) = upload(&mut reader, "POST", "image/png", content);
        assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("content-type: text/plain"), "{head}");
        assert_eq!(body, worker::name_of(content));
        let part = "--b\r\ncontent-disposition: form-data; name=\"inputFile\"; filename=\"a.png\"\r\n\r\n";
        let form = [part.as_bytes(), content, b"\r\n--b--\r\n"].concat();
        assert_eq!(upload(&mut reader, "PUT", "multipart/form-data; boundary=b", &form).1, body, "the same as a form");
    }
    // Refused by its length, before any of it is sent.
    let length = worker::UPLOAD_LIMIT_BYTES + 1;
    write!(reader.get_mut(), "POST / HTTP/1.1\r\nhost: worker\r\ncontent-length: {length}\r\n\r\n").expect("sends");
    let (head, body) = receive(&mut reader);
    assert!(head.starts_with("HTTP/1.1 413 ") && body.contains("longer than 5242880 bytes"), "{head}{body}");
}

#[test]
fn sigterm_answers_what_was_received_and_exits_zero() {
    let mut worker = Running::start(&[("WORK", "sleep:300ms")]);
    let mut idle = BufReader::new(worker.connect());
    send(idle.get_mut(), "/health");
    let idle_boot = receive(&mut idle).0;
    let mut busy = BufReader::new(worker.connect());
    send(busy.get_mut(), "/");
    // The request has arrived once it is counted as in flight.
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        send(idle.get_mut(), "/metrics");
        if receive(&mut idle).1.contains("worker_requests_in_flight 1\n") {
            break;
        }
        assert!(Instant::now() < deadline, "the request never arrived");
    }
    worker.terminate();
    let (head, _) = receive(&mut busy);
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let boot = |head: &str| head.lines().find(|line| line.starts_with("x-boot: ")).map(str::to_owned).expect("x-boot");
    assert_eq!(boot(&head), boot(&idle_boot));
    assert_eq!(worker.child.wait().expect("exit").code(), Some(0));
    // Another process, another boot.
    let again = Running::start(&[]);
    let mut reader = BufReader::new(again.connect());
    send(reader.get_mut(), "/");
    assert_ne!(boot(&receive(&mut reader).0), boot(&idle_boot));
}

#[test]
fn bad_flags_name_the_flag_and_the_forms() {
    let output = Command::new(env!("CARGO_BIN_EXE_worker")).args(["--work", "nap"]).output().expect("runs");
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("--work") && text.contains("spin:lognormal(1.5):2ms"), "{text}");
}
