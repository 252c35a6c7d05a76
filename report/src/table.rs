//! Layout of a plain table: columns as wide as their widest cell.

use std::fmt;

/// Between two columns.
const GAP: &str = "  ";

/// Side of its column on which a cell stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// For words.
    Left,
    /// For numbers.
    Right,
}

/// Rows under a row of headings.
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
        formatter.write_str(&aligned(&self.sides, &self.rows))
    }
}

/// The rows of a table, headings included, one below the other. Every line ends with a line feed and none with spaces.
pub fn aligned<Row: AsRef<[String]>>(sides: &[Side], rows: &[Row]) -> String {
    let cells = |column: usize| rows.iter().filter_map(move |row| row.as_ref().get(column));
    let width = |column: usize| cells(column).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..sides.len()).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let placed = row.as_ref().iter().zip(&widths).zip(sides).map(|((cell, &width), side)| match side {
            Side::Left => format!("{cell:<width$}"),
            Side::Right => format!("{cell:>width$}"),
        });
        text.push_str(placed.collect::<Vec<_>>().join(GAP).trim_end());
        text.push('\n');
    }
    text
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
