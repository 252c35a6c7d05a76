//! One line that lives: rewritten on a terminal, printed on change elsewhere.

use std::io::IsTerminal;
use std::time::Instant;

pub(super) struct Line {
    started: Instant,
    last: String,
    drawn: String,
    is_terminal: bool,
}

impl Line {
    /// Times count from `started`.
    pub(super) fn new(started: Instant) -> Self {
        Self { started, last: String::new(), drawn: String::new(), is_terminal: std::io::stdout().is_terminal() }
    }

    /// Shows what is now. On a terminal the time goes on even when the text stays.
    pub(super) fn show(&mut self, text: &str) {
        let drawn = format!("{}{text}", self.time());
        if self.is_terminal && drawn != self.drawn {
            // Without automatic wrapping: a line that wrapped could not be rewritten.
            say::text(format_args!("\r\x1b[K\x1b[?7l{drawn}\x1b[?7h"));
        } else if !self.is_terminal && self.last != text {
            say::line(&drawn);
        }
        self.drawn = drawn;
        self.last = text.to_owned();
    }

    /// Leaves a last text standing.
    pub(super) fn end(&mut self, text: &str) {
        let start = if self.is_terminal { "\r\x1b[K" } else { "" };
        say::line(format_args!("{start}{}{text}", self.time()));
        self.last.clear();
    }

    /// Lets other output begin on a line of its own.
    pub(super) fn leave(&mut self) {
        if self.is_terminal && !self.last.is_empty() {
            say::line("");
        }
        self.last.clear();
    }

    fn time(&self) -> String {
        let seconds = self.started.elapsed().as_secs();
        format!("{:>3}:{:02}  ", seconds / 60, seconds % 60)
    }
}
