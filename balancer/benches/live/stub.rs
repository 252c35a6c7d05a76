//! A member of one slot that can be told to change its ways, and counts what it is sent from then on.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::MEAN_MILLIS;

/// Its way with requests instead of answering them; its health is checked in vain only when it is frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// 500, at once.
    Fails,
    TenTimesSlower,
    /// Takes connections and requests, and says nothing.
    Frozen,
}

#[derive(Clone)]
pub(super) struct Stub {
    pub(super) address: String,
    /// Since when, and in which way, it is not well.
    onset: Arc<Mutex<Option<(Instant, Way)>>>,
    /// Moments at which requests came, after the onset.
    sent: Arc<Mutex<Vec<Duration>>>,
    random: Arc<Mutex<ChaCha8Rng>>,
    slot: Arc<tokio::sync::Mutex<()>>,
}

impl Stub {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let stub = Self {
            address: listener.local_addr().expect("address").to_string(),
            onset: Arc::default(),
            sent: Arc::default(),
            random: Arc::new(Mutex::new(ChaCha8Rng::seed_from_u64(1))),
            slot: Arc::default(),
        };
        let serving = stub.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        stub
    }

    pub(super) fn turns(&self, way: Way) {
        *self.onset.lock().expect("onset") = Some((Instant::now(), way));
    }

    /// Requests in so many seconds from the onset on.
    pub(super) fn sent_within(&self, seconds: u64) -> usize {
        let sent = self.sent.lock().expect("sent");
        sent.iter().filter(|after| after.as_secs() < seconds).count()
    }

    async fn serve(self, mut stream: TcpStream) {
        let mut buffer = vec![0; 4096];
        while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
            let is_check = buffer.starts_with(b"GET /health");
            let onset = *self.onset.lock().expect("onset");
            if let (false, Some((since, _))) = (is_check, onset) {
                self.sent.lock().expect("sent").push(since.elapsed());
            }
            let way = onset.map(|(_, way)| way);
            let answer: &[u8] = match (is_check, way) {
                (_, Some(Way::Frozen)) => return std::future::pending().await,
                (true, _) => b"HTTP/1.1 200 OK\r\nx-slots: 1\r\ncontent-length: 0\r\n\r\n",
                (false, Some(Way::Fails)) => b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n",
                (false, way) => {
                    self.work(if way.is_some() { 10.0 } else { 1.0 }).await;
                    b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
                }
            };
            if stream.write_all(answer).await.is_err() {
                return;
            }
        }
    }

    /// Exponential, one request at a time.
    async fn work(&self, slower: f64) {
        let drawn = -(1.0 - self.random.lock().expect("random").random::<f64>()).ln();
        let _one = self.slot.lock().await;
        tokio::time::sleep(Duration::from_secs_f64(slower * drawn * f64::from(MEAN_MILLIS) / 1e3)).await;
    }
}
