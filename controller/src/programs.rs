//! The programs of instances as files of the operator, by their hashes, and as bodies of requests.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;

/// Bytes read at a time.
const PIECE: usize = 64 * 1024;

/// The body of a request.
pub(crate) type Body = BoxBody<Bytes, io::Error>;

/// Files by the SHA-256 of what is in them. Whoever makes one of these has checked that.
#[derive(Clone, Debug, Default)]
pub struct Programs(Arc<BTreeMap<String, PathBuf>>);

impl Programs {
    pub fn new(by_hash: BTreeMap<String, PathBuf>) -> Self {
        Self(Arc::new(by_hash))
    }

    /// Length and bytes of a program, read while they are sent. `Ok(None)`: there is none with this hash.
    pub(crate) async fn open(&self, sha256: &str) -> io::Result<Option<(u64, Body)>> {
        let Some(path) = self.0.get(sha256) else { return Ok(None) };
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let file = File::open(path).await.map_err(named)?;
        let length = file.metadata().await.map_err(named)?.len();
        let pieces = futures::stream::try_unfold(file, |mut file| async move {
            let mut piece = BytesMut::with_capacity(PIECE);
            let length = file.read_buf(&mut piece).await?;
            io::Result::Ok((length > 0).then(|| (Frame::data(piece.freeze()), file)))
        });
        Ok(Some((length, BodyExt::boxed(StreamBody::new(pieces)))))
    }
}

/// A body that is whole.
pub(crate) fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}
