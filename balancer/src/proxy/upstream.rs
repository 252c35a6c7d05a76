//! Connections to members, and the reasons why an attempt to have a request answered there failed.

use std::io;
use std::time::Duration;

use agent::own_limit;
use http1::{ChunkError, ResponseError};
use rustix::io::Errno;
use tokio::net::TcpStream;
use tokio::time::timeout;
use wire::GeneratorLimit;

use crate::cluster::InFlight;

/// The reason why there is no response.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    #[error("it refused the connection")]
    Refused,
    #[error("no connection could be opened: {0}")]
    Connect(io::Error),
    #[error("this balancer can open no more connections: {0}: raise its limits (`ulimit -n`, ip_local_port_range)")]
    Local(io::Error),
    #[error("it did not accept a connection within {} ms", .0.as_millis())]
    ConnectTimeout(Duration),
    #[error("it closed a connection that was being reused")]
    Stale,
    #[error("it reset a connection that was being reused")]
    Reset,
    #[error("the connection broke before an answer: {0}")]
    Broken(io::Error),
    #[error("it closed the connection before an answer")]
    Closed,
    #[error("its answer is not HTTP/1.1: {0}")]
    Nonsense(#[from] ResponseError),
    #[error("it sent interim answers and no final one")]
    Interim,
    #[error("it did not answer within {} ms", .0.as_millis())]
    Silent(Duration),
    #[error("it switched protocols unasked, or not to the one that was offered")]
    Switched,
    #[error("the request's body is malformed: {0}")]
    Upload(#[from] ChunkError),
    #[error("nothing of the request's body came for {} ms", .0.as_millis())]
    UploadStalled(Duration),
}

impl Failed {
    /// It says something about the member, and not about the client or this process.
    pub(crate) fn is_evidence(&self) -> bool {
        !self.is_by_client() && !matches!(self, Self::Local(_))
    }

    /// Nothing of the request was sent.
    pub(crate) fn is_unsent(&self) -> bool {
        matches!(self, Self::Refused | Self::Connect(_) | Self::Local(_) | Self::ConnectTimeout(_))
    }

    /// The client's doing: no evidence about the member, and no reason to ask another one.
    pub(crate) fn is_by_client(&self) -> bool {
        matches!(self, Self::Upload(_) | Self::UploadStalled(_))
    }

    /// The member itself is fine as far as one can tell: only an old connection ended, as servers do to idle ones.
    pub(crate) fn is_harmless(&self) -> bool {
        matches!(self, Self::Stale)
    }

    /// A member that was in lost its port or its process.
    pub(crate) fn is_loss(&self) -> bool {
        matches!(self, Self::Reset | Self::Broken(_) | Self::Closed)
    }

    /// Status of the local reply when it was the last attempt.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::Silent(_) | Self::ConnectTimeout(_) => 504,
            Self::Local(_) => 503,
            Self::Upload(_) => 400,
            Self::UploadStalled(_) => 408,
            _ => 502,
        }
    }
}

/// A response ended in the middle. The client sees its connection end before the response does.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broke {
    #[error("the connection broke: {0}")]
    Off(io::Error),
    #[error("the connection ended early")]
    Early,
    #[error("the body is malformed: {0}")]
    Malformed(ChunkError),
    #[error("nothing moved for {} ms", .0.as_millis())]
    Stalled(Duration),
}

impl Broke {
    pub(crate) fn is_loss(&self) -> bool {
        matches!(self, Self::Off(_) | Self::Early)
    }
}

/// Opens a connection to the request's member.
///
/// # Errors
/// When it is refused, or not accepted within `limit`.
pub(crate) async fn connect(in_flight: &InFlight, limit: Duration) -> Result<TcpStream, Failed> {
    let begun = in_flight.now();
    let stream = match timeout(limit, TcpStream::connect(in_flight.member().address)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(unopened(error)),
        Err(_) => return Err(Failed::ConnectTimeout(limit)),
    };
    in_flight.member().connected(in_flight.now().since(begun));
    // Requests are written whole: waiting to fill a packet would only add delay.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

fn unopened(error: io::Error) -> Failed {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Failed::Refused,
        _ if is_local(&error) => Failed::Local(error),
        _ => Failed::Connect(error),
    }
}

/// True for a limit of this process or its system that fewer connections would not reach: files, ports, memory. Nothing
/// was sent, and nobody else is to blame.
pub(crate) fn is_local(error: &io::Error) -> bool {
    use GeneratorLimit::{FilesOfMachine, LocalPorts, OpenFiles, SocketMemory};
    let limit = Errno::from_io_error(error).and_then(own_limit);
    matches!(limit, Some(OpenFiles | FilesOfMachine | LocalPorts | SocketMemory))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_limits_are_no_evidence_about_a_member() {
        for (errno, is_evidence, status) in [
            (Errno::CONNREFUSED, true, 502),
            (Errno::HOSTUNREACH, true, 502),
            (Errno::NETUNREACH, true, 502),
            (Errno::MFILE, false, 503),
            (Errno::NFILE, false, 503),
            (Errno::ADDRNOTAVAIL, false, 503),
            (Errno::NOBUFS, false, 503),
            (Errno::NOMEM, false, 503),
        ] {
            let failed = unopened(errno.into());
            assert_eq!((failed.is_evidence(), failed.status()), (is_evidence, status), "{failed}");
            assert!(failed.is_unsent() && !failed.is_loss(), "{failed}");
        }
    }
}
