//! Programs that are brought: the real user data opens the real loader, and takes nothing else than what it waits for.

use std::io::ErrorKind;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::process::{Child, Stdio};

use planner::desired::user_data::{Companion, Control};
use rustix::net;
use wire::{
    Application, BROUGHT, DELIVERIES_PATH, Deliveries, Loaders, Loading, NOT_AFTER_HEADER, PROGRAM_LIMIT_BYTES,
    PROGRAMS_PATH, Receiver, Request, SIGNATURE_HEADER, Signer, sha256_hex,
};

use super::*;

/// Where a loader listens, and what it brought later.
pub(crate) const CONTROL_PORT: u16 = 8081;
/// What a member takes, in the figures of many.
const PROGRAM_BYTES: usize = 3_000_000;

/// A request that may be cut or wrong in every way.
fn say(to: impl Into<SocketAddr>, head: &str, body: &[u8]) -> Option<(String, String)> {
    say_on(TcpStream::connect(to.into()).ok()?, head, body)
}

fn say_on(mut stream: TcpStream, head: &str, body: &[u8]) -> Option<(String, String)> {
    stream.write_all(head.as_bytes()).ok()?;
    // Who refuses does not read it all.
    let _ = stream.write_all(body);
    answer_on(stream)
}

/// Status and body of the answer.
fn answer_on(mut stream: TcpStream) -> Option<(String, String)> {
    stream.set_read_timeout(Some(PATIENCE)).expect("timeout");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.lines().next()?.split(' ').nth(1)?.to_owned(), body.to_owned()))
}

/// A connection from another address of this machine.
fn connect_from(source: Ipv4Addr, to: SocketAddr) -> TcpStream {
    let socket = net::socket(net::AddressFamily::INET, net::SocketType::STREAM, None).expect("socket");
    net::bind(&socket, &SocketAddr::from((source, 0))).expect("the source");
    net::connect(&socket, &to).expect("connects");
    TcpStream::from(socket)
}

fn put(to: impl Into<SocketAddr>, sha256: &str, length: &str, body: &[u8]) -> Option<String> {
    let head = format!(
        "PUT {PROGRAMS_PATH}/{sha256} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{length}\r\n",
        length = { if length.is_empty() { String::new() } else { format!("Content-Length: {length}\r\n") } }
    );
    say(to, &head, body).map(|(status, _)| status)
}

pub(crate) fn bring(to: impl Into<SocketAddr>, sha256: &str, program: &[u8]) -> Option<String> {
    put(to, sha256, &program.len().to_string(), program)
}

fn missing(at: impl Into<SocketAddr>) -> Option<Vec<String>> {
    let (status, body) = say(at, "GET /status HTTP/1.1\r\nHost: x\r\n\r\n", b"")?;
    (status == "503").then(|| serde_json::from_str::<Loading>(&body).expect("what is missing").missing)
}

impl Lab {
    fn brought(&self) -> UserData<'_> {
        UserData { payload: Payload::Brought { sha256: &self.artifact.sha256 }, ..self.user_data() }
    }

    /// Names of the files that the loader has.
    fn received(&self) -> Vec<String> {
        let files = fs::read_dir(self.directory().join("root/var/lib/clusterbench-loader")).into_iter().flatten();
        files.map(|file| file.expect("file").file_name().into_string().expect("text")).collect()
    }
}

#[test]
fn a_loader_takes_the_program_by_its_hash_and_refuses_everything_else() {
    let (mut lab, at) = (Lab::new("loader"), address(25));
    let (program, sha256) = (program("worker"), lab.artifact.sha256.clone());
    lab.start(spec(at, lab.brought().script().expect("script")));
    assert_eq!(lab.event(), started());
    let to = (at, CONTROL_PORT);
    assert_eq!(until("the loader", || missing(to)), std::slice::from_ref(&sha256));
    assert_eq!(lab.last_word(), format!("clusterbench: step 3/6 await worker at {at}:{CONTROL_PORT}"));

    let mut wrong = program.to_vec();
    *wrong.last_mut().expect("bytes") ^= 1;
    let refused = |got: Option<String>, status: &str| assert_eq!(got.as_deref(), Some(status));
    refused(bring(to, &sha256, &wrong), "422");
    refused(bring(to, &"0".repeat(64), program), "404");
    refused(put(to, &sha256, "", b""), "411");
    refused(put(to, &sha256, "many", b""), "400");
    refused(put(to, &sha256, &(PROGRAM_LIMIT_BYTES + 1).to_string(), &vec![0; 1 << 20]), "413");
    refused(put(to, &sha256, "9999999999999999999999", b""), "413");
    refused(say(to, "DELETE /v1/programs HTTP/1.1\r\n\r\n", b"").map(|answer| answer.0), "405");
    refused(say(to, "no request\r\n\r\n", b"").map(|answer| answer.0), "400");

    // Half of it, and then nothing more: there is no file, while it comes and afterwards.
    let mut cut = TcpStream::connect(to).expect("connects");
    write!(cut, "PUT {PROGRAMS_PATH}/{sha256} HTTP/1.1\r\nContent-Length: {}\r\n\r\n", program.len()).expect("head");
    cut.write_all(&program[..program.len() / 2]).expect("half");
    until("a part", || (!lab.received().is_empty()).then_some(()));
    assert_eq!(missing(to).expect("it waits on"), std::slice::from_ref(&sha256));
    drop(cut);
    until("nothing", || lab.received().is_empty().then_some(()));
    assert_eq!(get(at, "/health"), None);

    assert_eq!(bring(to, &sha256, program).as_deref(), Some("201"));
    until("the last boot step", || lab.last_word().starts_with(console::READY).then_some(()));
    assert!(get(at, "/health").is_some_and(|(head, _)| head.contains(" 200 ")));
    // Nobody listens any more, and nothing lies around.
    assert!(TcpStream::connect(to).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused));
    assert!(lab.received().is_empty());
}

#[test]
fn four_connections_that_are_held_open_only_delay_the_program() {
    let (mut lab, at) = (Lab::new("held"), address(24));
    lab.start(spec(at, lab.brought().script().expect("script")));
    assert_eq!(lab.event(), started());
    let to = (at, CONTROL_PORT);
    until("the loader", || missing(to));
    // Who was just answered may still count.
    let held: Vec<TcpStream> = until("four places", || {
        let held: Vec<TcpStream> = (0..4).map(|_| TcpStream::connect(to).expect("connects")).collect();
        let is_open = |mut stream: &TcpStream| {
            stream.set_read_timeout(Some(Duration::from_millis(300))).expect("timeout");
            stream.read(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
        };
        held.iter().all(is_open).then_some(held)
    });
    // The next one from there is closed without a word, until the time for a head is over. From elsewhere it is not.
    assert_eq!(missing(to), None);
    let elsewhere = connect_from(address(32), to.into());
    assert_eq!(say_on(elsewhere, "GET /status HTTP/1.1\r\n\r\n", b"").expect("an answer").0, "503");
    let begun = Instant::now();
    until("a place", || bring(to, &lab.artifact.sha256, program("worker")).filter(|status| status == "201"));
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    until("the last boot step", || lab.last_word().starts_with(console::READY).then_some(()));
    drop(held);
}

/// Two seconds of silence in place of the time that a real loader has.
#[test]
fn a_sender_may_be_slow_and_not_silent() {
    let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(40_000).collect();
    let sha256 = sha256_hex(&bytes);
    let members = Loaded::new(200..201, &sha256, "2");
    let to: SocketAddr = members.receivers[0].address.parse().expect("address");
    let begin = || {
        let mut stream = TcpStream::connect(to).expect("connects");
        let length = bytes.len();
        write!(stream, "PUT {PROGRAMS_PATH}/{sha256} HTTP/1.1\r\nContent-Length: {length}\r\n\r\n").expect("head");
        stream
    };
    let mut silent = begin();
    silent.write_all(&bytes[..30_000]).expect("the most of it");
    let begun = Instant::now();
    assert_eq!(answer_on(silent).expect("an answer").0, "408");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let mut slow = begin();
    for piece in bytes.chunks(1_700) {
        slow.write_all(piece).expect("a piece");
        thread::sleep(Duration::from_millis(250));
    }
    assert_eq!(answer_on(slow).expect("an answer").0, "201");
}

#[test]
fn a_starter_and_the_worker_that_it_is_to_run_are_brought_together() {
    let (mut lab, at) = (Lab::new("stock"), address(26));
    let (signer, starter) = (Signer::new([9; 32]), program("starter"));
    let application = Application {
        url: BROUGHT.to_owned(),
        sha256: lab.artifact.sha256.clone(),
        environment: [("CLUSTER".to_owned(), "blue".to_owned())].into(),
        archive: None,
    };
    let (key, hash) = (signer.public_key(), sha256_hex(starter));
    let environment = [("APPLICATION", serde_json::to_string(&application).expect("JSON"))];
    let script = UserData {
        payload: Payload::Brought { sha256: &hash },
        control: Some(Control { port: CONTROL_PORT, public_key: &key }),
        environment: &environment,
        stock: Some(("worker", &lab.artifact.sha256)),
        ..lab.user_data()
    };
    lab.start(spec(at, script.script().expect("script")));
    assert_eq!(lab.event(), started());
    let to = (at, CONTROL_PORT);
    until("the loader", || missing(to));
    // In any order, and each as often as somebody likes.
    for (sha256, bytes) in [(&lab.artifact.sha256, program("worker")), (&lab.artifact.sha256, program("worker"))] {
        assert_eq!(bring(to, sha256, bytes).as_deref(), Some("201"));
    }
    assert_eq!(missing(to).expect("it waits on"), std::slice::from_ref(&hash));
    assert_eq!(bring(to, &hash, starter).as_deref(), Some("201"));
    until("the last boot step", || lab.last_word().starts_with(console::READY).then_some(()));
    let body = until("an answer", || get(at, "/blue").map(|(_, body)| body));
    assert!(body.contains("\"cluster\":\"blue\""), "{body}");
}

/// A hundred loaders, each a socket whose every connection starts the script.
struct Loaded {
    root: PathBuf,
    receivers: Vec<Receiver>,
}

impl Loaded {
    /// At the addresses of these numbers; `silence` is in seconds.
    fn new(numbers: Range<u8>, sha256: &str, silence: &str) -> Self {
        let root = std::env::temp_dir().join(format!("loaders-{}-{}", std::process::id(), numbers.start));
        let companion =
            Companion { name: "puller", artifact_url: None, artifact_sha256: sha256, port: PORT, environment: &[] };
        let data = UserData {
            role: Role::Worker,
            expires_at: Timestamp::now() + SignedDuration::from_hours(1),
            payload: Payload::Preinstalled { unit: "x.service" },
            port: Some(PORT),
            control: None,
            environment: &[],
            companion: Some(companion),
            stock: None,
            handed: None,
        };
        let text = data.script().expect("script");
        let (_, rest) = text.split_once("<<'LOADER'\n").expect("the loader's begin");
        let (script, _) = rest.split_once("\nLOADER\n").expect("its end");
        fs::create_dir_all(&root).expect("directory");
        let path = root.join("loader");
        let quicker = script.replace("sleep 30 ", &format!("sleep {silence} "));
        assert!(quicker != script || silence == "30", "{script}");
        fs::write(&path, quicker).expect("script");
        let receiver = |number: u8| {
            let state = root.join(number.to_string());
            fs::create_dir_all(&state).expect("directory");
            let listener = TcpListener::bind((address(number), CONTROL_PORT)).expect("port");
            let address = listener.local_addr().expect("address").to_string();
            let path = path.clone();
            thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let streams =
                        [stream.try_clone().expect("stream"), stream].map(|one| Stdio::from(OwnedFd::from(one)));
                    let [input, output] = streams;
                    let mut command = Command::new("bash");
                    command.arg(&path).env("STATE_DIRECTORY", &state).stdin(input).stdout(output);
                    let mut child: Child = command.spawn().expect("bash");
                    thread::spawn(move || child.wait());
                }
            });
            Receiver { id: format!("i-{number}"), address }
        };
        let receivers = numbers.map(receiver).collect();
        Self { root, receivers }
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// The operator's side of a relay.
struct Relay {
    signer: Signer,
    process: Child,
    control: SocketAddr,
}

impl Relay {
    fn start(at: Ipv4Addr) -> Self {
        let signer = Signer::new([7; 32]);
        let control = SocketAddr::from((at, CONTROL_PORT));
        let process = Command::new(binary("balancer"))
            .env("LISTEN", format!("{at}:{PORT}"))
            .env("CONTROL_LISTEN", control.to_string())
            .env("INSTANCE_ID", ID)
            .env("CONTROL_PUBLIC_KEY", signer.public_key())
            .stderr(Stdio::null())
            .spawn()
            .expect("the balancer");
        until("the balancer", || TcpStream::connect(control).ok());
        Self { signer, process, control }
    }

    fn put(&self, path: &str, signed: &[u8], body: &[u8]) -> (String, String) {
        let request = Request { method: "PUT", path, instance_id: ID, if_match: "", body: signed };
        let (signature, not_after) = self.signer.sign(&request, Timestamp::now() + SignedDuration::from_secs(60));
        let head = format!(
            "PUT {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{SIGNATURE_HEADER}: {signature}\r\n\
             {NOT_AFTER_HEADER}: {not_after}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        say(self.control, &head, body).expect("an answer")
    }

    fn deliver(&self, program: Option<&str>, members: &[Receiver]) -> (String, Loaders) {
        let order = Deliveries { program: program.map(str::to_owned), members: members.to_vec() };
        let body = serde_json::to_vec(&order).expect("JSON");
        let (status, answer) = self.put(DELIVERIES_PATH, &body, &body);
        (status, serde_json::from_str(&answer).unwrap_or_default())
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_balancer_hands_one_program_to_a_hundred_members() {
    let bytes: Vec<u8> = (0..PROGRAM_BYTES).map(|at| ((at * at) >> 7) as u8).collect();
    let sha256 = sha256_hex(&bytes);
    let (members, relay) = (Loaded::new(100..200, &sha256, "30"), Relay::start(address(27)));
    assert_eq!(relay.deliver(Some(&sha256), &members.receivers).0, "404", "it is not there yet");
    let path = format!("{PROGRAMS_PATH}/{sha256}");
    assert_eq!(relay.put(&path, b"", &bytes[1..]).0, "422");
    assert_eq!(relay.put(&path, b"x", &bytes).0, "401");
    let begun = Instant::now();
    assert_eq!(relay.put(&path, b"", &bytes).0, "201");
    let put = begun.elapsed();
    assert_eq!(relay.deliver(Some(&sha256), &members.receivers).0, "200");
    // Told again, it hands nothing over twice.
    assert_eq!(relay.deliver(Some(&sha256), &members.receivers).0, "200");
    // Each look asks those that have not said it yet: a hundred processes at once are too many for a busy machine to hear within
    // one look.
    let mut waiting = members.receivers.clone();
    until("all hundred", || {
        let (_, said) = relay.deliver(None, &waiting);
        let has = |one: &Receiver| said.get(&one.id).is_some_and(|it| it.missing.is_empty() && it.failure.is_none());
        waiting.retain(|one| !has(one));
        // As an operator does: what is under way is not begun again, what failed is.
        relay.deliver(Some(&sha256), &waiting);
        waiting.is_empty().then_some(())
    });
    eprintln!("3 MB: {put:.1?} to the relay, {:.1?} to a hundred members", begun.elapsed() - put);
    for receiver in &members.receivers {
        let file = members.root.join(receiver.id.trim_start_matches("i-")).join(&sha256);
        assert_eq!(fs::metadata(file).expect("the program").len(), PROGRAM_BYTES as u64);
    }
}
