//! The first TLS handshake with each target, before anything is measured: a certificate that is not
//! believed is reported at once.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::Error;

use crate::Target;
use crate::target::distrust::first_refusal;
use crate::target::trust::Tls;

/// For connecting, and for each answer of a handshake: who needs longer is measured all the same. More than the three seconds
/// within which TCP tries to connect for the third time (RFC 6298).
const PATIENCE: Duration = Duration::from_secs(5);

/// A server with which there will be no TLS.
#[derive(Debug, thiserror::Error)]
#[error("{authority}: {why}")]
pub struct NotGreeted {
    pub authority: String,
    pub why: String,
}

/// Tries a handshake with a target of https, and sends nothing. Whoever does not answer is no error: that is what the run
/// will say of it.
///
/// # Errors
/// It is not believed, or does not speak what we speak; with the way out.
pub async fn greet(target: &Target, addresses: Vec<SocketAddr>) -> Result<(), NotGreeted> {
    let Some(tls) = target.tls.clone() else { return Ok(()) };
    let shaken = tokio::task::spawn_blocking(move || shake_hands(&tls, &addresses)).await;
    match shaken {
        Ok(Some(error)) => Err(NotGreeted { authority: target.authority.clone(), why: first_refusal(&error) }),
        // Also when the thread was lost: the run will show.
        _ => Ok(()),
    }
}

/// Fault that TLS finds, if any.
fn shake_hands(tls: &Arc<Tls>, addresses: &[SocketAddr]) -> Option<Error> {
    let connect = |address: &SocketAddr| TcpStream::connect_timeout(address, PATIENCE).ok();
    let mut stream = addresses.iter().find_map(connect)?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.set_write_timeout(Some(PATIENCE)).ok()?;
    let mut session = match tls.begin() {
        Ok(session) => session,
        Err(error) => return Some(error),
    };
    let shaken = session.complete_io(&mut stream).err().and_then(of_tls);
    session.send_close_notify();
    // Whoever is gone already need not hear it.
    let _gone = session.write_tls(&mut stream);
    shaken
}

/// rustls wraps its own errors into those of the stream.
fn of_tls(error: io::Error) -> Option<Error> {
    error.into_inner().and_then(|inner| inner.downcast::<Error>().ok()).map(|error| *error)
}
