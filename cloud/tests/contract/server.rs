//! Servers of others: each a process of our own, which ends with the value.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

/// One that hangs must not hang the tests.
const START: Duration = Duration::from_secs(120);
/// Until somebody listens.
const LOOK: Duration = Duration::from_millis(20);
/// Ports that somebody else took before the server could.
const PORTS: usize = 5;

pub(crate) struct Server {
    pub(crate) url: String,
    _process: Child,
    _home: Option<Home>,
}

/// A directory that is gone with the value.
pub(crate) struct Home(pub(crate) PathBuf);

impl Home {
    pub(crate) fn new(name: &str) -> Result<Self, String> {
        let path = std::env::temp_dir().join(format!("clusterbenchmark-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Server {
    /// One that takes a free port and says which: `url` finds it in a line of its output.
    ///
    /// *Errors*: it could not be started, or ended or was silent instead, with what it said.
    pub(crate) async fn announced(command: Command, url: fn(&str) -> Option<String>) -> Result<Self, String> {
        let (mut process, mut lines) = spawn(command)?;
        let mut said = String::new();
        let found = async {
            while let Some(line) = lines.recv().await {
                if let Some(url) = url(&line) {
                    return Some(url);
                }
                said += &format!("\n{line}");
            }
            None
        };
        match tokio::time::timeout(START, found).await.ok().flatten() {
            Some(url) => Ok(Self { url, _process: process, _home: None }),
            None => {
                let _ = process.kill().await;
                Err(format!("the server did not start:{said}"))
            }
        }
    }

    /// One that is told its port. Somebody else may take it meanwhile; then it gets another one.
    ///
    /// *Errors*: as of [`Server::announced`].
    pub(crate) async fn told(command: impl Fn(SocketAddr, &Path) -> Command, home: Home) -> Result<Self, String> {
        let mut said = String::new();
        for _ in 0..PORTS {
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
            let address = free.map_err(|error| error.to_string())?;
            let (mut process, mut lines) = spawn(command(address, &home.0))?;
            let end = Instant::now() + START;
            while Instant::now() < end {
                let ended = process.try_wait().map_err(|error| error.to_string())?;
                if ended.is_none() && TcpStream::connect(address).is_ok() {
                    return Ok(Self { url: format!("http://{address}"), _process: process, _home: Some(home) });
                }
                if ended.is_some() {
                    break;
                }
                tokio::time::sleep(LOOK).await;
            }
            let _ = process.kill().await;
            while let Some(line) = lines.recv().await {
                said += &format!("\n{line}");
            }
        }
        Err(format!("the server did not start:{said}"))
    }
}

/// The process, and what it says on both its outputs. It is read to the end whether somebody wants it or not: many servers
/// stop when nobody reads what they say.
fn spawn(mut command: Command) -> Result<(Child, mpsc::UnboundedReceiver<String>), String> {
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut process = command.spawn().map_err(|error| format!("{name}: {error}"))?;
    let (said, lines) = mpsc::unbounded_channel();
    forward(process.stdout.take(), said.clone());
    forward(process.stderr.take(), said);
    Ok((process, lines))
}

fn forward(from: Option<impl AsyncRead + Unpin + Send + 'static>, to: mpsc::UnboundedSender<String>) {
    let Some(from) = from else { return };
    let mut lines = BufReader::new(from).lines();
    tokio::spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            let _ = to.send(line);
        }
    });
}
