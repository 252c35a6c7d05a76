//! The binaries of instances under their hashes: the directory from which the operator brings them, and the same as a mirror for
//! an operator that has them fetched.
//!
//! Beside them it is `mirror.example` for instances: the server of one's own that samples name, which on AWS is the user's.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::http::header::CONTENT_LENGTH;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;
use wire::{ProgramFile, Programs};

use crate::state::State;

/// The programs that run on instances.
pub(crate) const NAMES: [&str; 6] = ["worker", "starter", "balancer", "front", "puller", "loadgen"];

/// Host of the files that samples name. Nobody can have it (RFC 2606, section 3), so a sample that was not edited says so on AWS.
const MIRROR: &str = "mirror.example";
/// The files below it, by their paths there: a hundred small files with their right answers, and two applications.
const MIRRORED: [(&str, &[u8]); 3] = [
    ("/clusterbenchmark/corpus.tar", include_bytes!("../../../examples/corpus.tar")),
    ("/clusterbenchmark/fastapi.tar", include_bytes!("../../../examples/fastapi.tar")),
    ("/clusterbenchmark/flask.tar", include_bytes!("../../../examples/flask.tar")),
];

/// The name of the artifacts' version: it does not change while a lab is up, as the files do not.
const VERSION: &str = "lab";

/// The directory of the programs in the state, and their manifest there.
pub(crate) const PROGRAMS: &str = "programs";
pub(crate) const MANIFEST: &str = "programs/manifest.json";

/// Bytes read at a time.
const PIECE: usize = 64 * 1024;

/// The lab's own copies, which do not change while it is up.
#[derive(Debug)]
pub(crate) struct Artifacts {
    by_hash: BTreeMap<String, (&'static str, PathBuf)>,
}

impl Artifacts {
    /// Hashes the binaries of `directory`.
    pub(crate) fn read(directory: &std::path::Path) -> anyhow::Result<Self> {
        let mut by_hash = BTreeMap::new();
        for name in NAMES {
            let path = directory.join(name);
            let hash = sha256(&path).with_context(|| format!("{} cannot be read", path.display()))?;
            by_hash.insert(hash, (name, path));
        }
        Ok(Self { by_hash })
    }

    /// Writes the index for an operator that has them fetched: `{baseUrl}/{sha256}/{name}` is where a file is.
    pub(crate) fn write_index(&self, state: &State, address: SocketAddr) -> anyhow::Result<()> {
        state.write("artifacts.json", serde_json::to_string_pretty(&self.index(address))?.as_bytes())
    }

    /// Makes the directory that the shipped image has at `/programs`, and which [`MANIFEST`] lies in.
    pub(crate) fn write_directory(&self, state: &State) -> anyhow::Result<()> {
        let directory = state.make(PROGRAMS)?;
        let mut programs = Vec::new();
        for (hash, (name, path)) in &self.by_hash {
            let bytes = fs::metadata(path).with_context(|| format!("{} cannot be read", path.display()))?.len();
            symlink(path, directory.join(hash)).with_context(|| format!("{} cannot be linked", path.display()))?;
            let (name, architecture, sha256) = ((*name).to_owned(), architecture().to_owned(), hash.clone());
            programs.push(ProgramFile { name, architecture, sha256, bytes });
        }
        let manifest = Programs { version: VERSION.to_owned(), programs };
        state.write(MANIFEST, serde_json::to_string_pretty(&manifest)?.as_bytes())
    }

    /// Has curl of the lab's instances find the mirror at `address`, as a name server would.
    pub(crate) fn write_curl_configuration(state: &State, address: SocketAddr) -> anyhow::Result<()> {
        let directory = lab::machine::curl_home(state.directory());
        fs::create_dir_all(&directory).with_context(|| format!("{} cannot be made", directory.display()))?;
        let text = format!("connect-to = \"{MIRROR}:80:{address}\"\n");
        fs::write(directory.join(".curlrc"), text).context("the configuration of curl cannot be written")
    }

    fn index(&self, address: SocketAddr) -> Value {
        let mut hashes = serde_json::Map::new();
        for (hash, (name, _)) in &self.by_hash {
            hashes.insert((*name).to_owned(), json!({ architecture(): hash }));
        }
        json!({ "version": VERSION, "baseUrl": format!("http://{address}/artifacts"), "sha256": hashes })
    }

    pub(crate) fn router(self) -> Router {
        let own = Router::new().route("/artifacts/{sha256}/{name}", get(file)).with_state(Arc::new(self));
        MIRRORED.into_iter().fold(own, |router, (path, bytes)| router.route(path, get(async move || bytes)))
    }
}

/// EC2's name of the architecture that these binaries are for: this machine's.
pub(crate) fn architecture() -> &'static str {
    if std::env::consts::ARCH == "aarch64" { "arm64" } else { std::env::consts::ARCH }
}

/// Hashes in pieces: with debug information a binary has a hundred megabytes.
fn sha256(path: &std::path::Path) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(HEXLOWER.encode(&hash.finalize())),
            length => hash.update(&piece[..length]),
        }
    }
}

async fn file(Shared(artifacts): Shared<Arc<Artifacts>>, Path((hash, name)): Path<(String, String)>) -> Response {
    match artifacts.by_hash.get(&hash) {
        Some((known, path)) if *known == name => match stream(path).await {
            Ok(response) => response,
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{}: {error}\n", path.display())).into_response(),
        },
        _ => (StatusCode::NOT_FOUND, "no such artifact\n").into_response(),
    }
}

async fn stream(path: &std::path::Path) -> io::Result<Response> {
    let file = tokio::fs::File::open(path).await?;
    let length = file.metadata().await?.len();
    let pieces = futures::stream::try_unfold(file, |mut file| async move {
        let mut piece = bytes::BytesMut::with_capacity(PIECE);
        let length = file.read_buf(&mut piece).await?;
        io::Result::Ok((length > 0).then(|| (piece.freeze(), file)))
    });
    Ok(([(CONTENT_LENGTH, length)], Body::from_stream(pieces)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch;

    #[test]
    fn the_samples_name_the_files_that_are_served() {
        let [corpus, fastapi, flask] = MIRRORED;
        for (sample, (path, bytes)) in [
            (include_str!("../../../manifests/samples/queue.yaml"), corpus),
            (include_str!("../../../manifests/samples/scaling.yaml"), corpus),
            (include_str!("../../../manifests/samples/fastapi.yaml"), fastapi),
            (include_str!("../../../manifests/samples/flask.yaml"), flask),
        ] {
            for word in [format!("http://{MIRROR}{path}"), HEXLOWER.encode(&Sha256::digest(bytes))] {
                assert!(sample.contains(&word), "{word} is not in the sample");
            }
        }
    }

    #[tokio::test]
    async fn instances_find_the_files_at_the_mirror() {
        let state = crate::state::temporary("mirror-test").unwrap();
        state.make("").unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        Artifacts::write_curl_configuration(&state, listener.local_addr().unwrap()).unwrap();
        let artifacts = Artifacts { by_hash: BTreeMap::new() };
        tokio::spawn(async move { axum::serve(listener, artifacts.router()).await });
        for (path, bytes) in MIRRORED {
            let output = tokio::process::Command::new("curl")
                .args(["--fail", "--silent", "--show-error", "--noproxy", "*"])
                .arg(format!("http://{MIRROR}{path}"))
                .env("CURL_HOME", lab::machine::curl_home(state.directory()))
                .output()
                .await
                .unwrap();
            assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stderr));
            assert_eq!(output.stdout, bytes, "{path}");
        }
        fs::remove_dir_all(state.directory()).unwrap();
    }

    #[tokio::test]
    async fn files_are_served_under_their_hash_only() {
        let state = crate::state::temporary("artifacts-test").unwrap();
        for name in NAMES {
            state.make("").unwrap();
            fs::write(state.path(name), name.repeat(100_000)).unwrap();
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let artifacts = Artifacts::read(state.directory()).unwrap();
        let index = artifacts.index(address);
        let worker = HEXLOWER.encode(&Sha256::digest("worker".repeat(100_000)));
        assert_eq!(index["sha256"]["worker"][architecture()], worker);
        assert_eq!(index["baseUrl"], format!("http://{address}/artifacts"));
        tokio::spawn(async move { axum::serve(listener, artifacts.router()).await });
        let get = async |path: String| fetch::get(address, &path).await.unwrap();
        let (status, content) = get(format!("/artifacts/{worker}/worker")).await;
        assert_eq!((status, content.len()), (200, 600_000));
        assert_eq!(HEXLOWER.encode(&Sha256::digest(&content)), worker);
        assert_eq!(get(format!("/artifacts/{worker}/balancer")).await.0, 404);
        assert_eq!(get("/artifacts/bb/worker".to_owned()).await.0, 404);
        fs::remove_dir_all(state.directory()).unwrap();
    }
}
