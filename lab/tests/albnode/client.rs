//! A client that keeps one connection.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use super::PATIENCE;

pub(super) struct Client(pub(super) BufReader<TcpStream>);

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    /// Names in lower case.
    pub(super) fields: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Reply {
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }
}

impl Client {
    pub(super) fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("a node that listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Self(BufReader::new(stream))
    }

    pub(super) fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).expect("a connection");
    }

    /// Sends a GET.
    pub(super) fn ask(&mut self, path: &str) {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: shop.example\r\n\r\n"));
    }

    pub(super) fn get(&mut self, path: &str) -> Reply {
        self.ask(path);
        self.reply()
    }

    pub(super) fn reply(&mut self) -> Reply {
        let mut reply = self.head();
        match reply.field("content-length").map(|length| length.parse().expect("a number")) {
            Some(length) => {
                reply.body = vec![0; length];
                self.0.read_exact(&mut reply.body).expect("a whole body");
            }
            None => while self.chunk(&mut reply.body) {},
        }
        reply
    }

    /// The head; the body is still to come.
    pub(super) fn head(&mut self) -> Reply {
        let first = self.line();
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
        let mut reply = Reply { status: status.unwrap_or_else(|| panic!("{first:?}")), fields: vec![], body: vec![] };
        loop {
            let line = self.line();
            let Some((name, value)) = line.split_once(": ") else { return reply };
            reply.fields.push((name.to_ascii_lowercase(), value.to_owned()));
        }
    }

    /// Adds the next chunk. False: it was the last one.
    pub(super) fn chunk(&mut self, to: &mut Vec<u8>) -> bool {
        let line = self.line();
        let length = usize::from_str_radix(&line, 16).unwrap_or_else(|_| panic!("{line:?} is no length of a chunk"));
        let mut chunk = vec![0; length];
        self.0.read_exact(&mut chunk).expect("a whole chunk");
        self.line();
        to.extend(chunk);
        length > 0
    }

    /// Whether the node closes the connection, and says nothing before.
    pub(super) fn is_closed(&mut self) -> bool {
        matches!(self.0.read(&mut [0]), Ok(0) | Err(_))
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }
}

/// One request on a connection of its own.
pub(super) fn get(address: SocketAddr, path: &str) -> Reply {
    Client::new(address).get(path)
}
