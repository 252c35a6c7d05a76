//! A connection to a member, and why an attempt to have a request answered there failed.

use std::io;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::cluster::InFlight;
use crate::http1::{Broken, Malformed};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    #[error("it refused the connection")]
    Refused,
    #[error("no connection could be opened: {0}")]
    Connect(io::Error),
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
    Nonsense(#[from] Broken),
    #[error("it sent interim answers and no final one")]
    Interim,
    #[error("it did not answer within {} ms", .0.as_millis())]
    Silent(Duration),
    #[error("it switched protocols without having been asked to")]
    Switched,
    #[error("the request's body is malformed: {0}")]
    Upload(#[from] Malformed),
    #[error("nothing of the request's body came for {} ms", .0.as_millis())]
    UploadStalled(Duration),
}

impl Failed {
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

    /// What a client is answered when it was the last attempt.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::Silent(_) | Self::ConnectTimeout(_) => 504,
            Self::Upload(_) => 400,
            Self::UploadStalled(_) => 408,
            _ => 502,
        }
    }
}

/// An answer ended in the middle. The client sees its connection end before the answer does.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broke {
    #[error("the connection broke: {0}")]
    Off(io::Error),
    #[error("the connection ended early")]
    Early,
    #[error("the body is malformed: {0}")]
    Malformed(Malformed),
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
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => return Err(Failed::Refused),
        Ok(Err(error)) => return Err(Failed::Connect(error)),
        Err(_) => return Err(Failed::ConnectTimeout(limit)),
    };
    in_flight.member().connected(in_flight.now().since(begun));
    // Requests are written whole: waiting to fill a packet would only add delay.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}
