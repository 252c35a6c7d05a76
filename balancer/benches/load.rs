//! An open loop over kept connections: arrivals are planned beforehand, and the clock of a request starts when it was
//! planned, however late it was sent.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The end of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// Time from the start of the load to when it was planned.
    pub(crate) planned: Duration,
    pub(crate) took: Duration,
    pub(crate) is_good: bool,
}

/// Poisson arrivals at `per_second` for `seconds`, the same for the same seed. `at` is done once, that long after the
/// start.
pub(crate) async fn run(
    address: &str,
    per_second: f64,
    seconds: f64,
    seed: u64,
    at: (f64, impl FnOnce()),
) -> Vec<Seen> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (idle, seen) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
    let (start, mut planned, mut event) = (Instant::now(), 0.0, Some(at.1));
    let mut requests = tokio::task::JoinSet::new();
    loop {
        planned += -(1.0 - random.random::<f64>()).ln() / per_second;
        if planned >= at.0
            && let Some(event) = event.take()
        {
            event();
        }
        if planned >= seconds {
            break;
        }
        let planned = Duration::from_secs_f64(planned);
        tokio::time::sleep_until((start + planned).into()).await;
        let (idle, seen, address) = (Arc::clone(&idle), Arc::clone(&seen), address.to_owned());
        requests.spawn(async move {
            let kept = idle.lock().unwrap().pop();
            let connection = match kept {
                Some(connection) => Ok(connection),
                None => TcpStream::connect(&address).await,
            };
            let limit = Duration::from_secs(10);
            let is_good = match connection {
                Ok(mut connection) => match tokio::time::timeout(limit, get(&mut connection)).await {
                    Ok(Ok(is_good)) => {
                        idle.lock().unwrap().push(connection);
                        is_good
                    }
                    _ => false,
                },
                Err(_) => false,
            };
            let took = start.elapsed().saturating_sub(planned);
            seen.lock().unwrap().push(Seen { planned, took, is_good });
        });
        while requests.try_join_next().is_some() {}
    }
    requests.join_all().await;
    std::mem::take(&mut *seen.lock().unwrap())
}

/// One GET; true when it was answered with 200.
async fn get(connection: &mut TcpStream) -> std::io::Result<bool> {
    connection.write_all(b"GET /c HTTP/1.1\r\nHost: h\r\n\r\n").await?;
    let mut answer = Vec::with_capacity(1024);
    loop {
        if connection.read_buf(&mut answer).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let text = String::from_utf8_lossy(&answer).to_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok());
        if body.len() >= length.unwrap_or(0) {
            return Ok(head.starts_with("http/1.1 200"));
        }
    }
}

/// The quantile of all, failures counting as infinitely slow, in milliseconds.
pub(crate) fn quantile_millis(seen: &[Seen], quantile: f64) -> f64 {
    let millis = |seen: &Seen| if seen.is_good { seen.took.as_secs_f64() * 1e3 } else { f64::INFINITY };
    let mut sorted: Vec<f64> = seen.iter().map(millis).collect();
    sorted.sort_by(f64::total_cmp);
    let rank = ((quantile * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len().max(1));
    sorted.get(rank - 1).copied().unwrap_or(f64::NAN)
}
