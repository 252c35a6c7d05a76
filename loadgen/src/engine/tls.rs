//! TLS on a socket that does not block: bytes in and out of rustls, and what the kernel and it have to say as one error.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::os::fd::OwnedFd;

use rustix::io::{Errno, Result, writev};
use rustix::net::{RecvFlags, recv};
use rustls::{ClientConnection, Error, HandshakeKind};

use super::socket::Received;
use crate::engine::recording::Handshake;
use crate::target::trust::Tls;

/// The other side broke the protocol or ended without saying so: what the kernel's own TLS calls it
/// (Documentation/networking/tls.rst).
pub(super) const BROKEN: Errno = Errno::BADMSG;

/// One side of an encrypted connection, from its first byte on.
#[derive(Debug)]
pub(super) struct Session {
    tls: ClientConnection,
    begun_nanos: u64,
    /// Why nothing will come any more: told once what came before was taken.
    lost: Option<Errno>,
    /// Fault that rustls found.
    error: Option<Error>,
}

impl Session {
    pub(super) fn begin(tls: &Tls, now: u64) -> std::result::Result<Self, Error> {
        Ok(Self { tls: tls.begin()?, begun_nanos: now, lost: None, error: None })
    }

    /// Shakes hands as far as it goes without waiting; `true`: requests may be sent.
    pub(super) fn shake_hands(&mut self, socket: &OwnedFd) -> Result<bool> {
        loop {
            match self.flush(socket) {
                Ok(()) | Err(Errno::AGAIN) => {}
                Err(errno) => return Err(errno),
            }
            if !self.tls.is_handshaking() {
                return Ok(true);
            }
            match self.fill(socket) {
                Ok(true) => {}
                Ok(false) => return Err(BROKEN),
                Err(Errno::AGAIN) => return Ok(false),
                Err(errno) => return Err(errno),
            }
        }
    }

    /// The handshake, once it is done.
    pub(super) fn handshake(&self, now: u64) -> Handshake {
        let suite = self.tls.negotiated_cipher_suite().map(|suite| suite.suite());
        let version = self.tls.protocol_version();
        let name = version.as_ref().and_then(|version| version.as_str()).unwrap_or_default().replace('_', ".");
        Handshake {
            nanos: now.saturating_sub(self.begun_nanos),
            is_resumed: self.tls.handshake_kind() == Some(HandshakeKind::Resumed),
            protocol: format!("{name} {}", suite.as_ref().and_then(|suite| suite.as_str()).unwrap_or_default()),
        }
    }

    /// Fault that rustls found, if that was what ended the connection.
    pub(super) fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    /// Takes some of `bytes`. What does not fit into the socket stays here until it is flushed.
    pub(super) fn send(&mut self, socket: &OwnedFd, bytes: &[u8]) -> Result<usize> {
        self.flush(socket)?;
        let taken = self.tls.writer().write(bytes).map_err(|error| errno(&error))?;
        match self.flush(socket) {
            Ok(()) | Err(Errno::AGAIN) => Ok(taken),
            Err(errno) => Err(errno),
        }
    }

    pub(super) fn flush(&mut self, socket: &OwnedFd) -> Result<()> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut Wire(socket)) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(errno(&error)),
            }
        }
        Ok(())
    }

    /// Fills `buffer` until it is full, or nothing more is there.
    pub(super) fn receive(&mut self, socket: &OwnedFd, buffer: &mut [u8]) -> Result<Received> {
        let mut length = 0;
        loop {
            let read = self.tls.reader().read(buffer.get_mut(length..).unwrap_or_default());
            let ended = match read {
                Ok(0) if length == buffer.len() => return Ok(Received { length, is_all: false, is_last: false }),
                // It said that it ends (close_notify; RFC 8446, 6.1).
                Ok(0) => None,
                Ok(read) => {
                    length += read;
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => match self
                    .lost
                    .map_or_else(|| self.fill(socket), Err)
                {
                    Ok(_) => continue,
                    Err(Errno::AGAIN) if length > 0 => return Ok(Received { length, is_all: true, is_last: false }),
                    Err(Errno::AGAIN) => return Err(Errno::AGAIN),
                    Err(errno) => Some(errno),
                },
                // It ended without saying so: what came may be a part only (RFC 9112, 9.8).
                Err(_) => Some(BROKEN),
            };
            return match ended {
                Some(errno) if length == 0 => Err(errno),
                ended => {
                    self.lost = ended;
                    Ok(Received { length, is_all: false, is_last: true })
                }
            };
        }
    }

    /// Says that nothing more will be sent, if the socket takes it.
    pub(super) fn say_goodbye(&mut self, socket: &OwnedFd) {
        if !self.tls.is_handshaking() && self.error.is_none() {
            self.tls.send_close_notify();
            // Whoever closes does not wait.
            let _too_late = self.flush(socket);
        }
    }

    /// Reads some of what has arrived; `false`: the other side ended.
    fn fill(&mut self, socket: &OwnedFd) -> Result<bool> {
        let read = loop {
            match self.tls.read_tls(&mut Wire(socket)) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read.map_err(|error| errno(&error))?,
            }
        };
        let processed = self.tls.process_new_packets();
        // Answers of TLS itself, such as to a new key, or the reason why it ends. If there is no room, they go with the
        // next request.
        let _later = self.flush(socket);
        match processed {
            Ok(_) => Ok(read > 0),
            Err(error) => {
                let is_said = matches!(error, Error::AlertReceived(_));
                self.error = Some(error);
                Err(if is_said { Errno::CONNRESET } else { BROKEN })
            }
        }
    }
}

/// A socket as rustls wants it.
struct Wire<'a>(&'a OwnedFd);

impl Read for Wire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (_, length) = recv(self.0, buffer, RecvFlags::empty())?;
        Ok(length)
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(writev(self.0, parts)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn errno(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(BROKEN)
}
