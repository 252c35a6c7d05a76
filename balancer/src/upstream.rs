//! One attempt to have a request answered by one member.

use std::io;
use std::pin::pin;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::cluster::InFlight;
use crate::member::Member;
use crate::upload::{Progress, Upload};

/// How long the parts of an attempt may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// To open a connection. Members are in the same zone, where it takes a millisecond. A lost SYN is repeated after a
    /// second only, so it is a failed attempt: for that there is the retry.
    pub connect: Duration,
    /// From the end of the request to the head of its answer, and from one piece of a body to the next.
    pub response: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(1), response: Duration::from_secs(30) }
    }
}

/// An answer whose body is still to come, and the connection it comes on.
pub(crate) struct Answered {
    pub(crate) response: Response<Incoming>,
    pub(crate) connection: SendRequest<Upload>,
    pub(crate) upload: Progress,
}

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
    Broken(hyper::Error),
    #[error("its answer is not HTTP/1.1: {0}")]
    Nonsense(hyper::Error),
    #[error("it did not answer within {} ms", .0.as_millis())]
    Silent(Duration),
    #[error("it switched protocols without having been asked to")]
    Switched,
    #[error("the request's body ended early or was malformed")]
    Upload,
    #[error("nothing of the request's body came for {} ms", .0.as_millis())]
    UploadStalled(Duration),
}

impl Failed {
    /// Nothing was sent, or so little that the member cannot have answered it: another one may be asked.
    pub(crate) fn is_unsent(&self) -> bool {
        matches!(self, Self::Refused | Self::Connect(_) | Self::ConnectTimeout(_) | Self::Stale | Self::Reset)
    }

    /// The member itself is fine as far as one can tell: only an old connection ended, as servers do to idle ones.
    pub(crate) fn is_harmless(&self) -> bool {
        matches!(self, Self::Stale)
    }
}

/// A failed attempt; with the request, when nothing of it was used up.
pub(crate) struct Attempt {
    pub(crate) failed: Failed,
    pub(crate) request: Option<Request<Upload>>,
}

/// Sends `request` on an idle connection, or a new one, and waits for the head of the answer.
///
/// # Cancellation
/// Dropping the future closes the connection it used.
pub(crate) async fn send(
    in_flight: &InFlight,
    mut request: Request<Upload>,
    timeouts: &Timeouts,
) -> Result<Answered, Attempt> {
    let member = in_flight.member();
    let upload = request.body().progress();
    loop {
        let idle = member.pool.take(in_flight.now());
        let is_reused = idle.is_some();
        let mut connection = match idle {
            Some(connection) => connection,
            None => match connect(member, timeouts.connect).await {
                Ok(connection) => connection,
                Err(failed) => return Err(Attempt { failed, request: Some(request) }),
            },
        };
        let sent = async {
            connection.ready().await.ok();
            connection.try_send_request(request).await
        };
        let mut error = match patiently(sent, &upload, timeouts.response).await {
            Ok(Ok(response)) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                return Err(Attempt { failed: Failed::Switched, request: None });
            }
            Ok(Ok(response)) => return Ok(Answered { response, connection, upload }),
            Ok(Err(error)) => error,
            Err(failed) => return Err(Attempt { failed, request: None }),
        };
        match error.take_message() {
            // Not a byte of it was written: the connection had been closed while idle. Take the next one.
            Some(unsent) if is_reused => request = unsent,
            unsent => {
                let failed = explain(error.into_error(), is_reused, &upload);
                return Err(Attempt { failed, request: unsent });
            }
        }
    }
}

/// Waits for `answer` as long as the upload moves, then for one `limit` more.
async fn patiently<T>(answer: impl Future<Output = T>, upload: &Progress, limit: Duration) -> Result<T, Failed> {
    let mut answer = pin!(answer);
    loop {
        let before = upload.frames();
        match timeout(limit, answer.as_mut()).await {
            Ok(answer) => return Ok(answer),
            Err(_) if upload.frames() != before => {}
            Err(_) if upload.is_awaited() => return Err(Failed::UploadStalled(limit)),
            Err(_) => return Err(Failed::Silent(limit)),
        }
    }
}

fn explain(error: hyper::Error, is_reused: bool, upload: &Progress) -> Failed {
    if upload.is_broken() {
        return Failed::Upload;
    }
    let is_nonsense = error.is_parse() || error.is_parse_too_large();
    match is_reused {
        _ if is_nonsense => Failed::Nonsense(error),
        true if is_reset(&error) => Failed::Reset,
        true => Failed::Stale,
        false => Failed::Broken(error),
    }
}

/// The other side did not close but reset: it, or its process, is gone.
fn is_reset(error: &hyper::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::ConnectionReset) {
            return true;
        }
        source = cause.source();
    }
    false
}

async fn connect(member: &Member, limit: Duration) -> Result<SendRequest<Upload>, Failed> {
    let stream = match timeout(limit, TcpStream::connect(member.address)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => return Err(Failed::Refused),
        Ok(Err(error)) => return Err(Failed::Connect(error)),
        Err(_) => return Err(Failed::ConnectTimeout(limit)),
    };
    // Requests are written whole: waiting to fill a packet would only add delay.
    let _ = stream.set_nodelay(true);
    let (connection, driver) = http1::handshake(TokioIo::new(stream)).await.map_err(Failed::Broken)?;
    tokio::spawn(async move {
        // It ends with its connection; whoever waits for an answer on it is told the error.
        if let Err(error) = driver.await {
            tracing::trace!(%error, "upstream connection ended");
        }
    });
    Ok(connection)
}
