//! Words for people on standard output. The standard library only.
//!
//! `println!` panics when whoever read has gone, as `head` does when it has seen enough (rust-lang/rust#46016). What
//! nobody reads is no reason to stop: a command that was to remove something goes on removing, and ends as well as if
//! it had been read.

use std::fmt::Display;
use std::io::{self, Write};

/// Writes a line.
pub fn line(words: impl Display) {
    text(format_args!("{words}\n"));
}

/// Writes as it is.
pub fn text(words: impl Display) {
    let mut output = io::stdout().lock();
    if let Err(error) = said(write!(output, "{words}").and_then(|()| output.flush())) {
        eprintln!("standard output: {error}");
    }
}

/// A closed pipe is no error.
fn said(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_closed_pipe_is_no_error() {
        assert!(said(Err(io::ErrorKind::BrokenPipe.into())).is_ok());
        assert!(said(Err(io::ErrorKind::StorageFull.into())).is_err());
        assert!(said(Ok(())).is_ok());
    }
}
