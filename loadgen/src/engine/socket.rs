//! Socket, plain or with TLS: the same verbs for both.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::{Errno, Result};
use rustix::net::{RecvFlags, SendFlags, recv, send};
use rustls::Error;

use super::tls::Session;
use crate::engine::recording::Handshake;
use crate::target::trust::Tls;

#[derive(Debug)]
pub(crate) struct Socket {
    descriptor: OwnedFd,
    session: Option<Box<Session>>,
}

/// Result of receiving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    /// 0: the other side has ended.
    pub(crate) length: usize,
    /// Nothing more is there for now.
    pub(crate) is_all: bool,
    /// Nothing more will come.
    pub(crate) is_last: bool,
}

impl Socket {
    pub(crate) fn new(descriptor: OwnedFd) -> Self {
        Self { descriptor, session: None }
    }

    /// Begins TLS, once the socket is connected.
    pub(crate) fn secure(&mut self, tls: &Tls, now: u64) -> std::result::Result<(), Error> {
        self.session = Some(Box::new(Session::begin(tls, now)?));
        Ok(())
    }

    /// Goes on with the handshake; `true`: requests may be sent.
    pub(crate) fn shake_hands(&mut self) -> Result<bool> {
        self.session.as_mut().map_or(Ok(true), |session| session.shake_hands(&self.descriptor))
    }

    pub(crate) fn handshake(&self, now: u64) -> Option<Handshake> {
        self.session.as_ref().map(|session| session.handshake(now))
    }

    /// Fault of the other side's TLS.
    pub(crate) fn error(&self) -> Option<&Error> {
        self.session.as_ref()?.error()
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<usize> {
        match &mut self.session {
            None => send(&self.descriptor, bytes, SendFlags::NOSIGNAL),
            Some(session) => session.send(&self.descriptor, bytes),
        }
    }

    /// Sends what was taken and not sent.
    pub(crate) fn flush(&mut self) -> Result<()> {
        match &mut self.session {
            None => Ok(()),
            Some(session) => session.flush(&self.descriptor),
        }
    }

    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> Result<Received> {
        match &mut self.session {
            None => {
                let room = buffer.len();
                let (_, length) = recv(&self.descriptor, buffer, RecvFlags::empty())?;
                Ok(Received { length, is_all: length < room, is_last: false })
            }
            Some(session) => session.receive(&self.descriptor, buffer),
        }
    }

    /// Whether what arrived while nobody had asked was TLS's own business only, such as a ticket for the next connection.
    pub(crate) fn is_quiet(&mut self) -> bool {
        match &mut self.session {
            None => false,
            Some(session) => session.receive(&self.descriptor, &mut [0]) == Err(Errno::AGAIN),
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Some(session) = &mut self.session {
            session.say_goodbye(&self.descriptor);
        }
    }
}
