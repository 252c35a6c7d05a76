//! A benchmark in some lines, and those of them that a terminal has room for. Pure.

/// Lines in the order in which they are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Where it is. The first line matters more than any other.
    pub(crate) head: Vec<String>,
    /// The clusters, below their headings.
    pub(crate) table: Vec<String>,
    /// What is waited for, or how it ended.
    pub(crate) foot: Vec<String>,
}

impl Frame {
    pub(crate) fn whole(&self) -> Vec<String> {
        [self.head.as_slice(), self.table.as_slice(), self.foot.as_slice()].concat()
    }

    /// The lines that fit into so many rows, the last of which says how many do not; all of them where nobody knows how many rows
    /// there are: `None`, or the 0 of a terminal that was not told its size. The end of the table goes first.
    pub(crate) fn cut(&self, rows: Option<usize>) -> Vec<String> {
        let all = self.head.len() + self.table.len() + self.foot.len();
        let Some(rows) = rows.filter(|rows| (1..all).contains(rows)) else { return self.whole() };
        // In a single row the state says more than a count.
        let room = (rows - 1).max(1);
        let foot = self.foot.len().min(room - 1);
        let head = self.head.len().min(room - foot);
        // Headings alone say nothing.
        let table = Some(self.table.len().min(room - foot - head)).filter(|fit| *fit > 1).unwrap_or(0);
        let mut lines = [&self.head[..head], &self.table[..table], &self.foot[..foot]].concat();
        if rows > 1 {
            lines.push(format!("  {} lines do not fit into the terminal", all - lines.len()));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(head: &[&str], table: &[&str], foot: &[&str]) -> Frame {
        let lines = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Frame { head: lines(head), table: lines(table), foot: lines(foot) }
    }

    fn seven() -> Frame {
        frame(&["state", "place"], &["HEADINGS", "a", "b"], &["waiting", "stalled"])
    }

    #[test]
    fn what_fits_is_shown_whole_and_so_is_what_has_no_known_height() {
        let whole = ["state", "place", "HEADINGS", "a", "b", "waiting", "stalled"];
        for rows in [None, Some(0), Some(7), Some(8), Some(usize::MAX)] {
            assert_eq!(seven().cut(rows), whole, "{rows:?}");
        }
        for rows in [None, Some(0), Some(1), Some(2)] {
            assert_eq!(Frame::default().cut(rows), [""; 0], "{rows:?}");
            assert_eq!(frame(&["state"], &[], &[]).cut(rows), ["state"], "{rows:?}");
        }
    }

    #[test]
    fn the_state_stays_longest_and_the_table_goes_first() {
        let cut = |rows| seven().cut(Some(rows)).join("|");
        assert_eq!(cut(1), "state");
        assert_eq!(cut(2), "state|  6 lines do not fit into the terminal");
        assert_eq!(cut(3), "state|waiting|  5 lines do not fit into the terminal");
        assert_eq!(cut(4), "state|waiting|stalled|  4 lines do not fit into the terminal");
        assert_eq!(cut(5), "state|place|waiting|stalled|  3 lines do not fit into the terminal");
        // There is a row for the headings, and none for a cluster.
        assert_eq!(cut(6), "state|place|waiting|stalled|  3 lines do not fit into the terminal");
        let many = frame(&["state"], &["HEADINGS", "a", "b", "c", "d"], &["waiting"]);
        assert_eq!(many.cut(Some(6)).join("|"), "state|HEADINGS|a|b|waiting|  2 lines do not fit into the terminal");
    }

    #[test]
    fn no_frame_is_higher_than_the_terminal_and_no_line_is_lost_without_being_counted() {
        let named = |name: &str, count: usize| (0..count).map(|one| format!("{name}{one}")).collect::<Vec<_>>();
        for (head, table, foot) in [(1, 0, 0), (1, 0, 9), (4, 0, 0), (1, 30, 0), (3, 30, 2), (2, 2, 2), (0, 5, 0)] {
            let frame = Frame { head: named("head", head), table: named("table", table), foot: named("foot", foot) };
            let all = head + table + foot;
            for rows in 1..all + 2 {
                let cut = frame.cut(Some(rows));
                assert!(cut.len() <= rows, "{rows}: {cut:?}");
                if rows < all && rows > 1 {
                    let (count, shown) = cut.split_last().unwrap();
                    assert_eq!(*count, format!("  {} lines do not fit into the terminal", all - shown.len()));
                    assert!(shown.iter().all(|line| frame.whole().contains(line)), "{rows}: {cut:?}");
                }
            }
        }
    }
}
