//! Columns for people: as wide as their widest cell, numbers to the right.

use std::fmt;

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
    fn text_to_the_left_and_numbers_to_the_right() {
        let mut table = Table::new(&["NAME", "TASKS"]);
        assert!(table.is_empty());
        table.row(["echo".to_owned(), "5".to_owned()]);
        table.row(["image.resize".to_owned(), "12000".to_owned()]);
        let expected = "  NAME           TASKS\n  echo               5\n  image.resize   12000\n";
        assert_eq!(table.to_string(), expected);
    }
}
