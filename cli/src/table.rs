//! Columns for people: as wide as their widest cell, numbers to the right.

use std::fmt;

/// No cell is cut shorter.
const MIN_CELL: usize = 8;

/// Rows of text under a heading.
#[derive(Debug)]
pub(super) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(heading: &[&str]) -> Self {
        Self {
            rows: vec![heading.iter().map(|&cell| cell.to_owned()).collect()],
        }
    }

    pub(super) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// Leaves columns out, the first of `spare` first, until a row has at most `width` characters: those
    /// that hold nothing but zeros before others. If that is not enough the widest cells are cut short.
    /// Gives the names of the columns that it has left out.
    pub(super) fn fit(&mut self, width: usize, spare: &[&'static str]) -> Vec<&'static str> {
        let mut left_out = Vec::new();
        for only_zeros in [true, false] {
            for name in spare {
                // There may be several of a name.
                for column in (0..self.rows[0].len()).rev() {
                    if self.width() <= width {
                        return left_out;
                    }
                    let is_zero = |row: &Vec<String>| matches!(row[column].as_str(), "0" | "-");
                    if self.rows[0][column] == *name
                        && (!only_zeros || self.rows[1..].iter().all(is_zero))
                    {
                        for row in &mut self.rows {
                            row.remove(column);
                        }
                        if !left_out.contains(name) {
                            left_out.push(*name);
                        }
                    }
                }
            }
        }
        self.cut(self.width().saturating_sub(width));
        left_out
    }

    /// Makes the widest column so much narrower, as long as something of its cells is left.
    fn cut(&mut self, excess: usize) {
        let cells = |column: usize| self.rows.iter().map(move |row| row[column].chars().count());
        let widths =
            (0..self.rows[0].len()).map(|column| (cells(column).max().unwrap_or(0), column));
        let Some((widest, column)) = widths.max().filter(|_| excess > 0) else {
            return;
        };
        let length = widest.saturating_sub(excess).max(MIN_CELL);
        for row in &mut self.rows {
            if row[column].chars().count() > length {
                row[column] = row[column].chars().take(length - 1).chain(['…']).collect();
            }
        }
    }

    /// Characters of the widest row.
    fn width(&self) -> usize {
        let cells = |column: usize| self.rows.iter().map(move |row| row[column].chars().count());
        let columns = (0..self.rows[0].len()).map(|column| cells(column).max().unwrap_or(0) + 3);
        columns.sum::<usize>().saturating_sub(1)
    }

    /// Whether there is nothing but the heading.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.len() == 1
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows[0].len();
        let width = |column: usize| {
            self.rows
                .iter()
                .map(|row| row[column].chars().count())
                .max()
        };
        let widths: Vec<usize> = (0..columns)
            .map(|column| width(column).unwrap_or(0))
            .collect();
        // A column of numbers: every cell below the heading starts with a digit or is a dash.
        let starts_like_number =
            |cell: &String| cell.starts_with(|c: char| c.is_ascii_digit() || c == '-');
        let numeric: Vec<bool> = (0..columns)
            .map(|column| {
                self.rows[1..]
                    .iter()
                    .all(|row| starts_like_number(&row[column]))
            })
            .collect();
        for row in &self.rows {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let pad = " ".repeat(widths[column] - cell.chars().count());
                let gap = if column == 0 { "  " } else { "   " };
                let text = if numeric[column] {
                    format!("{pad}{cell}")
                } else {
                    format!("{cell}{pad}")
                };
                line.push_str(gap);
                line.push_str(&text);
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_fits_without_what_says_least() {
        let make = || {
            let mut table = Table::new(&["NAME", "DONE", "FAILED", "STOLEN"]);
            table.row(["echo", "5", "0", "17"].map(str::to_owned));
            table
        };
        let spare = ["STOLEN", "FAILED"];
        let fitted = |width| {
            let mut table = make();
            (table.fit(width, &spare), table.to_string())
        };
        assert_eq!(fitted(80).0, Vec::<&str>::new());
        // The zeros go first, though the other column is more dispensable.
        let (left_out, shown) = fitted(30);
        assert_eq!(left_out, ["FAILED"]);
        assert!(shown.lines().all(|line| line.len() <= 30) && shown.contains("STOLEN"));
        assert_eq!(fitted(17).0, ["FAILED", "STOLEN"]);
        assert_eq!(fitted(1).0, ["FAILED", "STOLEN"], "the others stay");
        let mut long = Table::new(&["NAME", "DONE"]);
        long.row(["a-program-with-a-name".to_owned(), "5".to_owned()]);
        assert!(long.fit(20, &[]).is_empty());
        assert_eq!(
            long.to_string(),
            "  NAME          DONE\n  a-program-…      5\n"
        );
    }

    #[test]
    fn text_to_the_left_and_numbers_to_the_right() {
        let mut table = Table::new(&["NAME", "TASKS"]);
        assert!(table.is_empty());
        table.row(["echo".to_owned(), "5".to_owned()]);
        table.row(["image.resize".to_owned(), "12000".to_owned()]);
        let expected = "  NAME           TASKS\n  echo               5\n  image.resize   12000\n";
        assert_eq!(table.to_string(), expected);
    }
}
