//! A block of lines that is redrawn on a terminal, and printed line by line where it changes elsewhere.

use std::io::{IsTerminal as _, stdout};
use std::sync::atomic::{AtomicBool, Ordering};

use futures::{Stream, StreamExt as _};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::frame::Frame;

/// Whether a block stands on the terminal, which has to be given back when the program ends.
static DRAWN: AtomicBool = AtomicBool::new(false);

pub(crate) struct Block {
    is_terminal: bool,
    /// Each is a change of the terminal's size. `None` where there is no terminal, or nobody says it.
    resizes: Option<Signal>,
    frame: Frame,
    /// What stands there.
    drawn: Option<Drawn>,
    /// The line that was printed elsewhere.
    last: String,
}

struct Drawn {
    lines: usize,
    size: Option<Size>,
    /// On top of the terminal: nothing else is to be seen there.
    is_on_top: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Size {
    rows: u16,
    columns: u16,
}

/// Where the first line of a frame is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// So many lines above that of the cursor.
    Above(usize),
    /// On top of the terminal, with nothing below. What stands on it is scrolled up by so many rows before, where the reader can
    /// scroll back to it.
    Top { scrolled: u16 },
}

impl Block {
    pub(crate) fn new() -> Self {
        let is_terminal = stdout().is_terminal();
        let resizes = if is_terminal { signal(SignalKind::window_change()).ok() } else { None };
        Self { is_terminal, resizes, frame: Frame::default(), drawn: None, last: String::new() }
    }

    /// Shows what is now: on a terminal as much of `frame` as fits, in place of that before; elsewhere `line`, if it is another one.
    pub(crate) fn show(&mut self, line: &str, frame: Frame) {
        if self.is_terminal {
            self.frame = frame;
            self.draw();
        } else if self.last != line {
            say::line(line);
            line.clone_into(&mut self.last);
        }
    }

    /// The last frame stays, whole: what does not fit scrolls, and long lines are wrapped, as nothing is drawn in its place any more.
    /// Elsewhere the lines of `ending` follow, which the frame has and the lines before do not.
    pub(crate) fn end(&mut self, ending: &[String]) {
        if self.is_terminal {
            let lines = self.frame.whole();
            self.put(size(), &lines, true);
        } else {
            self.add(ending);
        }
    }

    /// Lines that the frame has and the lines before do not: on a terminal nothing.
    pub(crate) fn add(&self, lines: &[String]) {
        for line in lines.iter().filter(|_| !self.is_terminal) {
            say::line(line);
        }
    }

    /// The next of `states`. Until it comes, the frame is drawn anew whenever the terminal has another size.
    pub(crate) async fn next<S: Stream + Unpin>(&mut self, states: &mut S) -> Option<S::Item> {
        loop {
            tokio::select! {
                state = states.next() => return state,
                () = self.resized() => self.draw(),
            }
        }
    }

    async fn resized(&mut self) {
        let said = match &mut self.resizes {
            Some(resizes) => resizes.recv().await,
            None => None,
        };
        if said.is_none() {
            std::future::pending::<()>().await;
        }
    }

    fn draw(&mut self) {
        let size = size();
        let lines = self.frame.cut(size.map(|size| usize::from(size.rows)));
        self.put(size, &lines, false);
    }

    fn put(&mut self, size: Option<Size>, lines: &[String], wraps: bool) {
        if lines.is_empty() {
            return;
        }
        DRAWN.store(true, Ordering::Relaxed);
        let start = start(self.drawn.as_ref(), size);
        say::text(redrawn(start, lines, wraps));
        let is_on_top =
            self.drawn.as_ref().is_some_and(|before| before.is_on_top) || matches!(start, Start::Top { .. });
        self.drawn = Some(Drawn { lines: lines.len(), size, is_on_top });
    }
}

/// The size of the terminal that standard output is, if it has one.
fn size() -> Option<Size> {
    let size = rustix::termios::tcgetwinsize(stdout()).ok()?;
    Some(Size { rows: size.ws_row, columns: size.ws_col })
}

/// After a change of the size nobody knows where the lines before are: terminals wrap those that are too wide now, and move what does
/// not fit to where it can be scrolled to, and back.
fn start(before: Option<&Drawn>, size: Option<Size>) -> Start {
    match before {
        None => Start::Above(0),
        Some(before) if before.size == size => Start::Above(before.lines.saturating_sub(1)),
        Some(Drawn { is_on_top: true, .. }) => Start::Top { scrolled: 0 },
        Some(_) => Start::Top { scrolled: size.map_or(0, |size| size.rows) },
    }
}

/// What a terminal is told: each line cleared, and nothing below the last, where the cursor stays: a line of its own for the cursor
/// would be one less for the frame. If `wraps`, lines take as many rows as they need, so that all are cleared before.
fn redrawn(start: Start, lines: &[String], wraps: bool) -> String {
    let Some((last, others)) = lines.split_last() else { return String::new() };
    let start = match start {
        Start::Above(0) => String::new(),
        Start::Above(lines) => format!("\x1b[{lines}A"),
        Start::Top { scrolled: 0 } => "\x1b[H\x1b[J".to_owned(),
        Start::Top { scrolled } => format!("\x1b[{scrolled}H{}\x1b[H\x1b[J", "\n".repeat(scrolled.into())),
    };
    let others: String = others.iter().map(|line| format!("\r\x1b[K{line}\n")).collect();
    // Cleared before it is written: the cursor does not go beyond the last column, and would clear what is there.
    let (wrap, clear) = if wraps { ("\x1b[?7h", "\r\x1b[J") } else { ("\x1b[?7l", "") };
    format!("{wrap}{start}{clear}{others}\r\x1b[J{last}")
}

/// Gives the terminal back as it was, with the cursor below the block.
pub(crate) fn leave() {
    if DRAWN.swap(false, Ordering::Relaxed) {
        say::text("\x1b[?7h\n");
    }
}

/// A word in bold, where that is wanted: on a terminal, and not where `NO_COLOR` is set (no-color.org).
pub(crate) fn bold(word: &str) -> String {
    let is_wanted = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if is_wanted { format!("\x1b[1m{word}\x1b[0m") } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_takes_the_place_of_the_one_before() {
        let lines = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(redrawn(Start::Above(0), &lines(&["a"]), false), "\x1b[?7l\r\x1b[Ja");
        let both = lines(&["a", "b"]);
        assert_eq!(redrawn(Start::Above(2), &both, false), "\x1b[?7l\x1b[2A\r\x1b[Ka\n\r\x1b[Jb");
        let on_top = redrawn(Start::Top { scrolled: 0 }, &both, false);
        assert_eq!(on_top, "\x1b[?7l\x1b[H\x1b[J\r\x1b[Ka\n\r\x1b[Jb");
        let first_on_top = redrawn(Start::Top { scrolled: 2 }, &both, false);
        assert_eq!(first_on_top, "\x1b[?7l\x1b[2H\n\n\x1b[H\x1b[J\r\x1b[Ka\n\r\x1b[Jb");
    }

    /// What stands on a terminal of six rows and ten columns after all of this.
    fn screen(drawn: &[String]) -> Vec<String> {
        let mut terminal = avt::Vt::new(10, 6);
        drawn.iter().for_each(|text| drop(terminal.feed_str(&text.replace('\n', "\r\n"))));
        let rows = terminal.view().map(|row| row.text().trim_end().to_owned());
        rows.filter(|row| !row.is_empty()).collect()
    }

    #[test]
    fn lines_that_are_too_wide_are_cut_until_the_last_frame_which_is_wrapped() {
        let lines = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let first = redrawn(Start::Above(0), &lines(&["going", "instances 6/6", "waiting for them"]), false);
        assert_eq!(screen(std::slice::from_ref(&first)), ["going", "instances6", "waiting fm"]);
        let last = redrawn(Start::Above(2), &lines(&["over", "instances 6/6", "done"]), true);
        assert_eq!(screen(&[first, last]), ["over", "instances", "6/6", "done"], "nothing is left of the frame before");
    }

    #[test]
    fn a_terminal_of_another_size_is_drawn_from_its_top() {
        let size = |rows, columns| Some(Size { rows, columns });
        let drawn = |lines, size| Drawn { lines, size, is_on_top: false };
        assert_eq!(start(None, size(24, 80)), Start::Above(0));
        assert_eq!(start(Some(&drawn(1, size(24, 80))), size(24, 80)), Start::Above(0));
        assert_eq!(start(Some(&drawn(9, size(24, 80))), size(24, 80)), Start::Above(8));
        assert_eq!(start(Some(&drawn(9, None)), None), Start::Above(8));
        for (other, scrolled) in [(size(8, 80), 8), (size(24, 40), 24), (size(50, 80), 50), (None, 0)] {
            assert_eq!(start(Some(&drawn(9, size(24, 80))), other), Start::Top { scrolled }, "{other:?}");
            let on_top = Drawn { is_on_top: true, ..drawn(9, size(24, 80)) };
            assert_eq!(start(Some(&on_top), other), Start::Top { scrolled: 0 }, "{other:?}");
        }
    }
}
