//! `--sends FILE`: when each request of an open loop was due and when it was sent, to check the pacing itself.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

#[derive(Debug)]
pub struct SendLog(Mutex<Result<BufWriter<File>, String>>);

impl SendLog {
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut file = BufWriter::new(File::create(path)?);
        writeln!(file, "planned_nanos,sent_nanos")?;
        Ok(Self(Mutex::new(Ok(file))))
    }

    /// Writes sends. A line that cannot be written is reported at the end.
    pub(crate) fn write(&self, sends: &[(u64, u64)]) {
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(file) = guard.as_mut() else { return };
        for (planned, sent) in sends {
            if let Err(error) = writeln!(file, "{planned},{sent}") {
                *guard = Err(error.to_string());
                return;
            }
        }
    }

    /// Writes what is left.
    pub fn finish(&self) -> Result<(), String> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Ok(file) => file.flush().map_err(|error| error.to_string()),
            Err(error) => Err(error.clone()),
        }
    }
}
