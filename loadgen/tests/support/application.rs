//! An application that takes uploads and does with them what a test tells it.
#![allow(dead_code, reason = "each test file uses a part")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;

/// One upload as the application saw it.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(crate) path: String,
    /// `<seed of the round>-<number of the request>`
    pub(crate) seed: String,
    pub(crate) media_type: String,
    pub(crate) body: Bytes,
}

impl Upload {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

pub(crate) struct Application {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Upload>>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for Application {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Application {
    pub(crate) async fn start(reply: impl Fn(&Upload) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Vec<Upload>>> = Arc::default();
        let (noted, reply) = (seen.clone(), Arc::new(reply));
        let serve = move |request: Request| {
            let (noted, reply) = (noted.clone(), reply.clone());
            async move {
                let (head, body) = request.into_parts();
                let header = |name: &str| head.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
                let upload = Upload {
                    path: head.uri.path().to_owned(),
                    seed: header("x-clusterbench-seed").unwrap_or_default(),
                    media_type: header("content-type").unwrap_or_default(),
                    body: axum::body::to_bytes(body, 1 << 24).await.unwrap(),
                };
                noted.lock().unwrap().push(upload.clone());
                reply(&upload)
            }
        };
        let routes = Router::new().fallback(serve);
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { address, seen, serving }
    }

    /// Answers each upload with its own text.
    pub(crate) async fn echo() -> Self {
        Self::start(|upload| upload.text().into_response()).await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn seen(&self) -> Vec<Upload> {
        self.seen.lock().unwrap().clone()
    }
}

/// A directory of files that hold their own stems, and the table that says so.
pub(crate) fn files(test: &str, names: &[&str]) -> (PathBuf, PathBuf) {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{}", std::process::id()));
    std::fs::remove_dir_all(&place).ok();
    let (directory, table) = (place.join("files"), place.join("files").join("expected.csv"));
    std::fs::create_dir_all(&directory).unwrap();
    for (name, content) in contents(names) {
        std::fs::write(directory.join(name), content).unwrap();
    }
    (directory, table)
}

/// The files with their table, `expected.csv`.
pub(crate) fn contents(names: &[&str]) -> Vec<(String, String)> {
    let stem = |name: &str| name.split('.').next().unwrap().to_owned();
    let rows: String = names.iter().map(|name| format!("{0},{0}\n", stem(name))).collect();
    let files = names.iter().map(|name| ((*name).to_owned(), stem(name)));
    files.chain([("expected.csv".to_owned(), format!("file,result\n{rows}"))]).collect()
}
