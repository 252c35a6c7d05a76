//! Layout of a plain table: columns as wide as their widest cell.

use std::fmt;

/// Side of its column on which a cell stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// For words.
    Left,
    /// For numbers.
    Right,
}

/// Rows under a row of headings. Printed, every line ends with a line feed and none with spaces.
#[derive(Clone, Debug)]
pub struct Table<const COLUMNS: usize> {
    sides: [Side; COLUMNS],
    rows: Vec<[String; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    /// A table with these headings and no row yet.
    pub fn new(headings: [(&str, Side); COLUMNS]) -> Self {
        Self { sides: headings.map(|(_, side)| side), rows: vec![headings.map(|(heading, _)| heading.to_owned())] }
    }

    /// Adds a row below the others.
    pub fn row(&mut self, cells: [String; COLUMNS]) {
        self.rows.push(cells);
    }
}

impl<const COLUMNS: usize> fmt::Display for Table<COLUMNS> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; COLUMNS] = std::array::from_fn(width);
        for row in &self.rows {
            let mut line = String::new();
            for ((cell, width), side) in row.iter().zip(widths).zip(self.sides) {
                let gap = if line.is_empty() { "" } else { "  " };
                line.push_str(&match side {
                    Side::Left => format!("{gap}{cell:<width$}"),
                    Side::Right => format!("{gap}{cell:>width$}"),
                });
            }
            writeln!(formatter, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_left_and_numbers_right() {
        let mut table = Table::new([("NAME", Side::Left), ("COUNT", Side::Right), ("NOTE", Side::Left)]);
        table.row(["cluster1".to_owned(), "5".to_owned(), String::new()]);
        table.row(["b".to_owned(), "20000".to_owned(), "many".to_owned()]);
        assert_eq!(table.to_string(), "NAME      COUNT  NOTE\ncluster1      5\nb         20000  many\n");
    }
}
