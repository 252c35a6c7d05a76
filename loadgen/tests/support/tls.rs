//! An authority, and a server that shows what it signed and does what a test tells it, on a loopback port.
#![allow(dead_code, reason = "each test file uses a part")]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, Stream};

/// Signs certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key.
pub(crate) struct Identity {
    certificate: CertificateDer<'static>,
    key: KeyPair,
    pem: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let name = format!("authority {}", NUMBER.fetch_add(1, Ordering::SeqCst));
        params.distinguished_name.push(DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Its certificate as a file for `--ca`.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        file(name, &self.0.pem())
    }

    pub(crate) fn sign(&self, names: &[&str]) -> Identity {
        self.sign_with(names, |_| ())
    }

    pub(crate) fn sign_with(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let mut params = params(names);
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Identity { certificate: certificate.der().clone(), pem: certificate.pem(), key }
    }
}

fn params(names: &[&str]) -> CertificateParams {
    CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap()
}

fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path
}

impl Identity {
    /// A certificate like that of `openssl req -x509`: it has signed itself, and says that it is an authority.
    pub(crate) fn signed_by_itself(names: &[&str]) -> Self {
        Self::signed_by_itself_with(names, |_| ())
    }

    pub(crate) fn signed_by_itself_with(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = params(names);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate: certificate.der().clone(), pem: certificate.pem(), key }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        file(name, &self.pem)
    }

    /// Certificate and key in one file.
    pub(crate) fn file_with_key(&self, name: &str) -> PathBuf {
        file(name, &(self.pem.clone() + &self.key.serialize_pem()))
    }

    pub(crate) fn server(&self) -> Arc<ServerConfig> {
        self.server_with(&[&rustls::version::TLS13, &rustls::version::TLS12], None)
    }

    pub(crate) fn server_with(
        &self,
        versions: &[&'static rustls::SupportedProtocolVersion],
        clients_from: Option<&Authority>,
    ) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(versions).unwrap();
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).unwrap();
        let builder = match clients_from {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.0.der().clone()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder.with_single_cert(vec![self.certificate.clone()], key).unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }
}

/// What is done with a new connection.
pub(crate) enum Greeting {
    With(Arc<ServerConfig>),
    Late(Arc<ServerConfig>, Duration),
    Close,
}

/// What is done with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Answer,
    /// A body of a megabyte.
    Large,
    /// The bytes of TLS arrive one by one.
    InDrops,
    /// A new key after the answer, while nobody asks for anything.
    NewKey,
    /// A whole answer and close_notify; the connection of TCP stays.
    Goodbye,
    /// A whole answer, and the connection of TCP ends without a word.
    Cut,
    /// An answer that ends with the connection.
    UntilGoodbye,
    /// The same, cut: nobody knows whether it is whole.
    UntilCut,
    /// Something that is no TLS.
    Garbage,
}

/// What the server saw.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) connections: AtomicUsize,
    pub(crate) requests: AtomicUsize,
    pub(crate) body_bytes: AtomicUsize,
    /// Names that clients asked for, and the protocol that was agreed on.
    pub(crate) asked_for: Mutex<Vec<(String, String)>>,
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Seen>,
}

impl Server {
    /// `greet` is asked for every connection and `act` for every request, each with its number from 0.
    pub(crate) fn start(
        greet: impl Fn(usize) -> Greeting + Send + 'static,
        act: impl Fn(usize) -> Act + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Arc<Seen> = Arc::default();
        let (noted, act) = (seen.clone(), Arc::new(act));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let greeting = greet(noted.connections.fetch_add(1, Ordering::SeqCst));
                let (noted, act) = (noted.clone(), act.clone());
                std::thread::spawn(move || converse(stream, greeting, &noted, &*act));
            }
        });
        Self { address, seen }
    }

    /// Answers, with certificates of `identity`.
    pub(crate) fn fine(identity: &Identity) -> Self {
        Self::acting(identity, |_| Act::Answer)
    }

    pub(crate) fn acting(identity: &Identity, act: impl Fn(usize) -> Act + Send + Sync + 'static) -> Self {
        let config = identity.server();
        Self::start(move |_| Greeting::With(config.clone()), act)
    }

    pub(crate) fn url(&self, host: &str) -> String {
        format!("https://{host}:{}/", self.address.port())
    }

    pub(crate) fn requests(&self) -> usize {
        self.seen.requests.load(Ordering::SeqCst)
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }
}

fn converse(mut stream: TcpStream, greeting: Greeting, seen: &Seen, act: &dyn Fn(usize) -> Act) -> Option<()> {
    let config = match greeting {
        Greeting::Close => return None,
        Greeting::With(config) => config,
        Greeting::Late(config, by) => {
            std::thread::sleep(by);
            config
        }
    };
    stream.set_nodelay(true).ok()?;
    let mut session = ServerConnection::new(config).ok()?;
    while session.is_handshaking() {
        session.complete_io(&mut stream).ok()?;
    }
    let protocol = String::from_utf8_lossy(session.alpn_protocol().unwrap_or_default()).into_owned();
    seen.asked_for.lock().unwrap().push((session.server_name().unwrap_or_default().to_owned(), protocol));
    let mut received = Vec::new();
    loop {
        let length = read_request(&mut session, &mut stream, &mut received)?;
        seen.body_bytes.fetch_add(length, Ordering::SeqCst);
        let act = act(seen.requests.fetch_add(1, Ordering::SeqCst));
        answer(act, &mut session, &mut stream)?;
        match act {
            Act::Cut | Act::UntilCut | Act::Garbage => return None,
            Act::UntilGoodbye => {
                session.send_close_notify();
                session.complete_io(&mut stream).ok()?;
                return None;
            }
            _ => {}
        }
    }
}

/// Takes a request off the front of what was received; the length of its body.
fn read_request(session: &mut ServerConnection, stream: &mut TcpStream, received: &mut Vec<u8>) -> Option<usize> {
    loop {
        if let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&received[..end]).into_owned();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse().unwrap());
            if received.len() >= end + 4 + length {
                received.drain(..end + 4 + length);
                return Some(length);
            }
        }
        let mut part = [0; 16 * 1024];
        let read = Stream::new(session, stream).read(&mut part).ok().filter(|read| *read > 0)?;
        received.extend_from_slice(&part[..read]);
    }
}

fn answer(act: Act, session: &mut ServerConnection, stream: &mut TcpStream) -> Option<()> {
    let fine = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
    match act {
        Act::Answer | Act::Cut => Stream::new(session, stream).write_all(fine.as_bytes()).ok()?,
        Act::Large => {
            let body = vec![b'x'; 1 << 20];
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            Stream::new(session, stream).write_all(&[head.as_bytes(), &body].concat()).ok()?;
        }
        Act::InDrops => {
            session.writer().write_all(fine.as_bytes()).ok()?;
            let mut bytes = Vec::new();
            while session.wants_write() {
                session.write_tls(&mut bytes).ok()?;
            }
            for byte in bytes {
                stream.write_all(&[byte]).ok()?;
            }
        }
        Act::NewKey => {
            Stream::new(session, stream).write_all(fine.as_bytes()).ok()?;
            session.refresh_traffic_keys().ok()?;
            while session.wants_write() {
                session.write_tls(stream).ok()?;
            }
        }
        Act::Goodbye => {
            session.writer().write_all(fine.as_bytes()).ok()?;
            session.send_close_notify();
            while session.wants_write() {
                session.write_tls(stream).ok()?;
            }
        }
        Act::UntilGoodbye | Act::UntilCut => {
            Stream::new(session, stream).write_all(b"HTTP/1.1 200 OK\r\n\r\nhello").ok()?;
        }
        Act::Garbage => stream.write_all(b"no TLS at all").ok()?,
    }
    if act == Act::Cut || act == Act::UntilCut {
        stream.shutdown(Shutdown::Write).ok()?;
    }
    Some(())
}
