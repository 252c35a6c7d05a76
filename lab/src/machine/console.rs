//! The console of an instance, written as a real one is: by the kernel, by a getty, and by journald for all others.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, PipeReader, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use cloudsim::ec2::guest;
use rustix::process::Pid;

use super::directory::Directory;

/// The sockets on which the instance's processes are heard.
pub(super) struct Console {
    file: File,
    booted: Instant,
    listeners: Mutex<Vec<JoinHandle<()>>>,
}

impl Console {
    /// The clock of its lines begins now.
    pub(super) fn open(directory: &Directory) -> io::Result<Arc<Self>> {
        let (file, booted) = (directory.console_writer()?, Instant::now());
        Ok(Arc::new(Self { file, booted, listeners: Mutex::default() }))
    }

    pub(super) fn uptime(&self) -> Duration {
        self.booted.elapsed()
    }

    /// Writes as it is, in one piece, so that many writers keep their lines whole.
    pub(super) fn write(&self, text: &str) {
        let _ = (&self.file).write_all(text.as_bytes()); // a full disk is no reason to end an instance
    }

    /// A line of the kernel.
    pub(super) fn kernel(&self, text: &str) {
        self.write(&guest::kernel_line(self.uptime(), text));
    }

    /// A line that journald forwards.
    pub(super) fn journal(&self, name: &str, pid: Pid, text: &str) {
        let pid = pid.as_raw_pid().unsigned_abs();
        self.write(&guest::journal_line(self.uptime(), name, pid, text));
    }

    /// Forwards every line that comes through `pipe`, until nobody holds its other end; to `journal` as well.
    pub(super) fn listen(self: &Arc<Self>, pipe: PipeReader, name: &str, pid: Pid, mut journal: Option<File>) {
        let (console, name) = (self.clone(), name.to_owned());
        let listener = thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line);
                console.journal(&name, pid, &line);
                if let Some(journal) = &mut journal {
                    let _ = writeln!(journal, "{line}");
                }
            }
        });
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(listener);
    }

    /// Waits for the last words. To be called when no process is left that could say something.
    pub(super) fn drain(&self) {
        let listeners = std::mem::take(&mut *self.listeners.lock().unwrap_or_else(PoisonError::into_inner));
        for listener in listeners {
            let _ = listener.join(); // a panic there has been printed
        }
    }
}
