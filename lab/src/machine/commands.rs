//! The stand-ins for `systemctl`, `shutdown`, `journalctl` and `dnf`: they hand their arguments to init and print its answer.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use rustix::net::sockopt::socket_peercred;
use rustix::process::getuid;
use serde::{Deserialize, Serialize};

/// The variable in which a stand-in finds its init.
pub(super) const INIT: &str = "CLUSTERBENCH_INIT";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Command {
    Systemctl,
    Shutdown,
    Journalctl,
    Dnf,
}

impl Command {
    pub(super) const ALL: [Self; 4] = [Self::Systemctl, Self::Shutdown, Self::Journalctl, Self::Dnf];

    /// The path that it has on a real instance.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Systemctl => "/usr/bin/systemctl",
            Self::Shutdown => "/usr/sbin/shutdown",
            Self::Journalctl => "/usr/bin/journalctl",
            Self::Dnf => "/usr/bin/dnf",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|command| command.path().rsplit('/').next() == Some(name))
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    pub command: Command,
    pub arguments: Vec<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Answer {
    pub code: u8,
    /// For standard output, or standard error when the code is not 0.
    pub text: String,
}

impl Answer {
    pub(super) fn said(text: impl Into<String>) -> Self {
        Self { code: 0, text: text.into() }
    }

    pub(super) fn failed(text: impl Into<String>) -> Self {
        Self { code: 1, text: text.into() }
    }
}

/// The stand-in's side.
pub(super) fn ask(command: Command, arguments: &[String]) -> ExitCode {
    let request = Request { command, arguments: arguments.to_vec() };
    match exchange(&request) {
        Ok(answer) if answer.code == 0 => {
            say::text(answer.text);
            ExitCode::SUCCESS
        }
        Ok(answer) => {
            // `is-active` answers on standard output also when the answer is no.
            if answer.text.ends_with('\n') {
                say::text(answer.text)
            } else {
                eprintln!("{}", answer.text)
            }
            ExitCode::from(answer.code)
        }
        Err(error) => {
            eprintln!("{command:?}: no answer from the instance's init: {error}");
            ExitCode::FAILURE
        }
    }
}

fn exchange(request: &Request) -> io::Result<Answer> {
    let name =
        std::env::var(INIT).map_err(|_| io::Error::other(format!("{INIT} is not set: not inside an instance")))?;
    let mut stream = UnixStream::connect_addr(&SocketAddr::from_abstract_name(name)?)?;
    writeln!(stream, "{}", serde_json::to_string(request)?)?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}

/// Init's side: answers every request on a thread of its own, since starting a unit may take a while.
///
/// The name is abstract: a path below the state directory can be too long for a socket, and nothing is left behind.
/// Such a name can be seen by every user of the machine, so requests of others are not answered.
pub(super) fn serve(name: &str, answer: impl Fn(Request) -> Answer + Send + Sync + 'static) -> io::Result<()> {
    let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(name)?)?;
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            thread::spawn(move || {
                // A stand-in that was killed meanwhile needs no answer.
                let _ = respond(stream, &*answer);
            });
        }
    });
    Ok(())
}

fn respond(mut stream: UnixStream, answer: &dyn Fn(Request) -> Answer) -> io::Result<()> {
    if socket_peercred(&stream)?.uid != getuid() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line)?;
    let answer = answer(serde_json::from_str(&line)?);
    writeln!(stream, "{}", serde_json::to_string(&answer)?)
}
