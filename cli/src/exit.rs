//! Exit codes: what a script learns without reading a word. They do not change from version to version.

use std::process::ExitCode;

/// The end of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It did what was asked for; of `wait` and `watch`: the result is recorded.
    Done = 0,
    /// It could not be done; standard error says why. 2 is for words that are not understood, as `--help` says them.
    Error = 1,
    /// The run is not valid, failed, or was aborted: its numbers must not be quoted.
    NotValid = 3,
    /// A threshold is not met.
    NotMet = 4,
    /// Nothing will happen until somebody changes something.
    Stalled = 5,
    /// A threshold is neither met nor missed.
    Undecided = 6,
    /// What was to be compared must not be compared.
    NotComparable = 7,
    /// `--timeout` has passed, as timeout(1) says it.
    TimedOut = 124,
    /// Ctrl-C, as shells say it.
    Interrupted = 130,
}

/// For `--help`.
pub(crate) const HELP: &str = "\
Exit codes:
    0  done; of wait and watch: the result is recorded, and every threshold is met
    1  it could not be done
    2  the command line is not understood
    3  the run is not valid, failed, or was aborted
    4  a threshold is not met
    5  stalled: nothing happens until somebody changes something
    6  a threshold is neither met nor missed
    7  what was to be compared must not be compared
  124  --timeout has passed
  130  interrupted";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_names_every_code() {
        let all = [
            Exit::Done,
            Exit::Error,
            Exit::NotValid,
            Exit::NotMet,
            Exit::Stalled,
            Exit::Undecided,
            Exit::NotComparable,
            Exit::TimedOut,
            Exit::Interrupted,
        ];
        for exit in all {
            let line = format!("\n{:>5}  ", exit as u8);
            assert!(HELP.contains(&line), "{exit:?}");
        }
    }
}
