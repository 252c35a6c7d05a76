//! Plain tables, whose columns of numbers are found by their cells.

use std::fmt;

use report::{Side, aligned};

#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(heads: &[&str]) -> Self {
        Self { rows: vec![heads.iter().map(|&head| head.to_owned()).collect()] }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cells = |column: usize| self.rows.iter().map(move |row| row[column].as_str());
        // A column is of numbers when every cell below its head starts with a digit and is not an address.
        let is_number =
            |cell: &str| cell == "-" || (cell.starts_with(|c: char| c.is_ascii_digit()) && !cell.contains("://"));
        let side = |column: usize| {
            let is_right = self.rows.len() > 1 && cells(column).skip(1).all(is_number);
            if is_right { Side::Right } else { Side::Left }
        };
        let sides: Vec<Side> = (0..self.rows[0].len()).map(side).collect();
        f.write_str(&aligned(&sides, &self.rows))
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn words_stand_left_and_numbers_right() {
        let mut table = Table::new(&["NAME", "COUNT"]);
        table.row(["cluster1".to_owned(), "5".to_owned()]);
        table.row(["b".to_owned(), "20000".to_owned()]);
        assert_eq!(table.to_string(), "NAME      COUNT\ncluster1      5\nb         20000\n");
    }
}
