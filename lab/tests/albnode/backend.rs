//! A target that does as it is told.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) line: String,
    /// Names in lower case.
    pub(super) fields: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) from: SocketAddr,
}

impl Received {
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Whether the connection goes on.
pub(super) type Next = bool;

type Behaviour = dyn Fn(&Received, &mut TcpStream) -> Next + Send + Sync;

/// A status that means: close the connection instead of answering.
pub(super) const CLOSE: u16 = 0;
/// A status that means: do not answer, ever.
pub(super) const HANG: u16 = 1;

pub(super) struct Backend {
    pub(super) name: String,
    pub(super) address: SocketAddr,
    /// The status that it answers health checks with.
    pub(super) health: Arc<AtomicU16>,
    pub(super) checks: Arc<AtomicUsize>,
    /// Requests that were no health checks, in order.
    pub(super) received: Arc<Mutex<Vec<Received>>>,
    /// Connections that carried such a request.
    pub(super) connections: Arc<AtomicUsize>,
}

impl Backend {
    /// Answers with its name.
    pub(super) fn new(name: &str) -> Self {
        let body = name.to_owned();
        Self::behaving(name, move |_, stream| reply(stream, 200, &body))
    }

    pub(super) fn behaving(
        name: &str,
        behaviour: impl Fn(&Received, &mut TcpStream) -> Next + Send + Sync + 'static,
    ) -> Self {
        Self::listening(TcpListener::bind("127.0.0.1:0").expect("a port"), name, behaviour)
    }

    pub(super) fn listening(
        listener: TcpListener,
        name: &str,
        behaviour: impl Fn(&Received, &mut TcpStream) -> Next + Send + Sync + 'static,
    ) -> Self {
        let backend = Self {
            name: name.to_owned(),
            address: listener.local_addr().expect("bound"),
            health: Arc::new(AtomicU16::new(200)),
            checks: Arc::default(),
            received: Arc::default(),
            connections: Arc::default(),
        };
        let behaviour: Arc<Behaviour> = Arc::new(behaviour);
        let (health, checks) = (backend.health.clone(), backend.checks.clone());
        let (received, connections) = (backend.received.clone(), backend.connections.clone());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (behaviour, health, checks) = (behaviour.clone(), health.clone(), checks.clone());
                let (received, connections) = (received.clone(), connections.clone());
                thread::spawn(move || {
                    let mut is_first = true;
                    converse(stream, &mut |request, stream| {
                        if request.line.contains(" /health ") {
                            checks.fetch_add(1, Ordering::SeqCst);
                            return check(health.load(Ordering::SeqCst), stream);
                        }
                        connections.fetch_add(usize::from(std::mem::take(&mut is_first)), Ordering::SeqCst);
                        received.lock().expect("lock").push(request.clone());
                        behaviour(request, stream)
                    });
                });
            }
        });
        backend
    }

    /// The number of requests that were no health checks.
    pub(super) fn count(&self) -> usize {
        self.received.lock().expect("lock").len()
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(super) fn is_checked_with(&self, status: u16) {
        self.health.store(status, Ordering::SeqCst);
    }
}

fn check(status: u16, stream: &mut TcpStream) -> Next {
    match status {
        CLOSE => false,
        HANG => {
            // Until the node gives up.
            let _ = stream.read(&mut [0]);
            false
        }
        status => reply(stream, status, "checked"),
    }
}

fn converse(stream: TcpStream, answer: &mut dyn FnMut(&Received, &mut TcpStream) -> Next) {
    let from = stream.peer_addr().expect("connected");
    // Nothing is read ahead, so that whoever answers can read a body from the connection.
    let mut reader = BufReader::with_capacity(1, stream.try_clone().expect("a handle"));
    let mut stream = stream;
    while let Some(request) = receive(&mut reader, from) {
        if !answer(&request, &mut stream) {
            return;
        }
    }
}

/// The next request; a body that has no length is left to whoever answers.
fn receive(reader: &mut BufReader<TcpStream>, from: SocketAddr) -> Option<Received> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            text => lines.push(text.to_owned()),
        }
    }
    let fields: Vec<_> = lines
        .iter()
        .skip(1)
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let mut request = Received { line: lines.first()?.clone(), fields, body: Vec::new(), from };
    // Streamed on purpose: whoever answers reads it.
    if request.field("x-streamed").is_none() {
        let length = request.field("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        request.body = vec![0; length];
        reader.read_exact(&mut request.body).ok()?;
    }
    Some(request)
}

/// Answers, and the connection goes on.
pub(super) fn reply(stream: &mut TcpStream, status: u16, body: &str) -> Next {
    let length = body.len();
    let answer = format!("HTTP/1.1 {status} Said\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(answer.as_bytes()).is_ok()
}
