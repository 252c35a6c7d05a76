//! Programs on their way to instances. An upload goes on while passes come and go, so an operator behind a slow uplink only takes
//! longer: what was sent is not sent again. It ends when nothing more goes out, or after very long.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use http_body_util::BodyExt as _;
use planner::ports::AgentError;
use wire::{PROGRAM_LONGEST, PROGRAM_SILENCE};

use crate::programs::Body;

/// How long whom waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// A pass for an upload: shorter than an action may take.
    pub(crate) pass: Duration,
    /// An upload while no piece goes out. Longer than a receiver waits: what is sent last lies in buffers for a while.
    pub(crate) silence: Duration,
    /// An upload in all.
    pub(crate) longest: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { pass: Duration::from_secs(80), silence: PROGRAM_SILENCE * 4, longest: PROGRAM_LONGEST }
    }
}

type Upload = Shared<BoxFuture<'static, Result<(), AgentError>>>;

/// Uploads by address and hash.
type Table = BTreeMap<(String, String), Upload>;

/// The uploads that are under way.
#[derive(Default)]
pub(crate) struct Uploads {
    table: Arc<Mutex<Table>>,
    pub(crate) patience: Patience,
}

/// What has gone out of one body.
#[derive(Clone, Default)]
pub(crate) struct Sent(Arc<AtomicU64>);

impl Sent {
    /// The same body, whose bytes are counted as they go.
    pub(crate) fn counting(&self, body: Body) -> Body {
        let count = self.0.clone();
        let counted = body.map_frame(move |frame| {
            let length = frame.data_ref().map_or(0, |data| data.len() as u64);
            count.fetch_add(length, Ordering::Relaxed);
            frame
        });
        counted.boxed()
    }

    fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Uploads {
    /// Waits for the upload of a program to an address for as long as a pass may, and begins it with `begin` where there is none.
    ///
    /// *Errors*: those of the upload; and while it takes longer, which says so: it goes on.
    /// *Cancellation*: an upload that has begun goes on.
    pub(crate) async fn join(
        &self,
        (control, program): (&str, &str),
        begin: impl FnOnce(Sent) -> BoxFuture<'static, Result<(), AgentError>>,
    ) -> Result<(), AgentError> {
        let key = (control.to_owned(), program.to_owned());
        let unreachable = |why: String| AgentError::Unreachable { url: format!("http://{control}"), why };
        let upload = {
            let mut table = lock(&self.table);
            match table.get(&key) {
                Some(upload) => upload.clone(),
                None => {
                    let sent = Sent::default();
                    let Patience { silence, longest, .. } = self.patience;
                    let silent = unreachable(format!("nothing of the program went out for {} s", silence.as_secs()));
                    let long = unreachable(format!("the program was not there after {} s", longest.as_secs()));
                    let upload =
                        bounded(begin(sent.clone()), (sent, silence, silent), (longest, long)).boxed().shared();
                    table.insert(key.clone(), upload.clone());
                    let (all, ended) = (self.table.clone(), upload.clone());
                    tokio::spawn(async move {
                        // Whoever waits hears how it ended.
                        drop(ended.await);
                        lock(&all).remove(&key);
                    });
                    upload
                }
            }
        };
        let joined = tokio::time::timeout(self.patience.pass, upload).await;
        joined.unwrap_or_else(|_| Err(unreachable("the program is still on its way, which goes on".to_owned())))
    }
}

/// An upload that ends at the latest when it is to, and how then.
async fn bounded(
    upload: BoxFuture<'static, Result<(), AgentError>>,
    (sent, silence, silent): (Sent, Duration, AgentError),
    (longest, long): (Duration, AgentError),
) -> Result<(), AgentError> {
    tokio::select! {
        ended = upload => ended,
        () = until_silent(&sent, silence) => Err(silent),
        () = tokio::time::sleep(longest) => Err(long),
    }
}

async fn until_silent(sent: &Sent, silence: Duration) {
    let mut before = sent.bytes();
    loop {
        tokio::time::sleep(silence).await;
        let now = sent.bytes();
        if now == before {
            return;
        }
        before = now;
    }
}

fn lock(table: &Mutex<Table>) -> MutexGuard<'_, Table> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use bytes::Bytes;
    use http_body_util::StreamBody;
    use hyper::body::Frame;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Takes a piece of a program every `pace`, as many as there are, and then nothing for ever if it is `stuck`.
    fn upload(sent: &Sent, pace: Duration, pieces: u32, is_stuck: bool) -> BoxFuture<'static, Result<(), AgentError>> {
        let stream = futures::stream::unfold(0, move |piece| async move {
            tokio::time::sleep(pace).await;
            (piece < pieces).then(|| (Ok(Frame::data(Bytes::from_static(b"piece"))), piece + 1))
        });
        let body = sent.counting(StreamBody::new(stream).boxed());
        async move {
            drop(body.collect().await);
            if is_stuck { std::future::pending().await } else { Ok(()) }
        }
        .boxed()
    }

    fn why(result: Result<(), AgentError>) -> String {
        result.err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_upload_goes_on_over_many_passes_and_is_begun_once() {
        let (uploads, begun) = (Uploads::default(), AtomicUsize::new(0));
        let join = || {
            uploads.join(("10.0.0.1:8081", "aa"), |sent| {
                begun.fetch_add(1, Ordering::Relaxed);
                upload(&sent, 30 * SECOND, 20, false)
            })
        };
        let mut passes = 0;
        let ended = loop {
            match join().await {
                Err(error) if error.to_string().contains("still on its way, which goes on") => passes += 1,
                ended => break ended,
            }
        };
        assert_eq!((ended, passes, begun.load(Ordering::Relaxed)), (Ok(()), 7, 1), "600 s in looks of 80 s");
        // What has ended is not waited for again.
        tokio::task::yield_now().await;
        assert!(lock(&uploads.table).is_empty());
        drop(join().await);
        assert_eq!(begun.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_goes_out_no_more_or_for_very_long_is_given_up() {
        let end = async |pace: Duration, pieces: u32| {
            let uploads =
                Uploads { patience: Patience { pass: 10_000 * SECOND, ..Patience::default() }, ..Uploads::default() };
            let begun = tokio::time::Instant::now();
            let ended = uploads.join(("10.0.0.1:8081", "aa"), |sent| upload(&sent, pace, pieces, true)).await;
            (why(ended), begun.elapsed().as_secs())
        };
        let (silent, after) = end(SECOND, 5).await;
        assert!(silent.contains("nothing of the program went out for 120 s") && after == 240, "{silent} {after}");
        let (long, after) = end(SECOND, 100_000).await;
        assert!(long.contains("the program was not there after 1800 s") && after == 1800, "{long} {after}");
    }

    #[tokio::test(start_paused = true)]
    async fn uploads_to_others_or_of_others_are_their_own() {
        let (uploads, begun) = (Uploads::default(), AtomicUsize::new(0));
        let join = |control: &'static str, program: &'static str| {
            uploads.join((control, program), |sent| {
                begun.fetch_add(1, Ordering::Relaxed);
                upload(&sent, SECOND, 3, false)
            })
        };
        let all = tokio::join!(join("a:1", "aa"), join("b:1", "aa"), join("a:1", "bb"), join("a:1", "aa"));
        assert_eq!(all, (Ok(()), Ok(()), Ok(()), Ok(())));
        assert_eq!(begun.load(Ordering::Relaxed), 3);
    }
}
