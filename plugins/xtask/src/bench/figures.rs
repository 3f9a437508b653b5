//! Figures of several runs, and a table of them.

use std::time::Duration;

/// The middle one, of an even number the lower; nothing of none.
pub fn median<T: Ord + Copy>(values: impl IntoIterator<Item = T>) -> Option<T> {
    let mut values: Vec<T> = values.into_iter().collect();
    values.sort_unstable();
    values.get(values.len().checked_sub(1)? / 2).copied()
}

/// `12.3`, in milliseconds.
pub fn milliseconds(time: Duration) -> String {
    let number = time.as_secs_f64() * 1e3;
    match number {
        ..10.0 => format!("{number:.2}"),
        ..100.0 => format!("{number:.1}"),
        _ => format!("{number:.0}"),
    }
}

/// `1.5`, in MiB; less than nothing where memory was given back.
pub fn mebibytes(bytes: i64) -> String {
    format!("{:.1}", bytes as f64 / f64::from(1 << 20))
}

/// How many times as long as ours.
pub fn ratio(theirs: Duration, ours: Duration) -> String {
    let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
    if ratio < 10.0 { format!("{ratio:.1}x") } else { format!("{ratio:.0}x") }
}

/// What stands where there is no figure.
pub fn or_none<T>(value: Option<T>, print: impl FnOnce(T) -> String) -> String {
    value.map_or("-".to_owned(), print)
}

/// Rows under a header, the first column to the left, the others to the right.
pub struct Table(Vec<Vec<String>>);

impl Table {
    pub fn new(header: &[&str]) -> Table {
        Table(vec![header.iter().map(|title| (*title).to_owned()).collect()])
    }

    pub fn row(&mut self, cells: Vec<String>) {
        self.0.push(cells);
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let width = |column: usize| {
            let cells = self.0.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        for row in &self.0 {
            for (column, cell) in row.iter().enumerate() {
                match column {
                    0 => write!(to, "{cell:<0$}", width(0))?,
                    _ => write!(to, "  {cell:>0$}", width(column))?,
                }
            }
            writeln!(to)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_is_the_middle_one_or_the_lower_of_two() {
        assert_eq!(median([3, 1, 2]), Some(2));
        assert_eq!(median([4, 1, 3, 2]), Some(2));
        assert_eq!(median([0; 0]), None);
    }

    #[test]
    fn figures_keep_three_digits() {
        let print = |micros| milliseconds(Duration::from_micros(micros));
        assert_eq!([1_234, 12_340, 123_400].map(print), ["1.23", "12.3", "123"]);
        assert_eq!(ratio(Duration::from_secs(5), Duration::from_secs(2)), "2.5x");
        assert_eq!(mebibytes(-(1 << 19)), "-0.5");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["tool", "ms"]);
        table.row(vec!["ours".to_owned(), "12345".to_owned()]);
        assert_eq!(table.to_string(), "tool     ms\nours  12345\n");
    }
}
