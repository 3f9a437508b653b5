//! Tables as text: columns two spaces apart, numbers to the right.

use super::escape::escape;
use super::value;
use crate::model::Value;

/// Wider cells do not widen their column: paths would push everything off the screen.
const WIDEST: usize = 48;

/// The titles and the rows, a line each. A cell wider than most pushes its own row only.
pub(super) fn lines(columns: &[String], rows: &[Vec<Value>]) -> Vec<String> {
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| (0..columns.len()).map(|at| row.get(at).map_or(String::new(), value)).collect())
        .collect();
    let titles: Vec<String> = columns.iter().map(|title| escape(title)).collect();
    let width = |at: usize| {
        let widths = cells.iter().map(|row| row[at].chars().count());
        widths.chain([titles[at].chars().count()]).filter(|&width| width <= WIDEST).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let to_the_right: Vec<bool> =
        (0..columns.len()).map(|at| rows.iter().any(|row| row.get(at).is_some_and(is_number))).collect();
    let line = |row: &Vec<String>| {
        let mut line = String::new();
        for (at, cell) in row.iter().enumerate() {
            let width = widths[at];
            let gap = if at == 0 { "" } else { "  " };
            line.push_str(&if to_the_right[at] {
                format!("{gap}{cell:>width$}")
            } else {
                format!("{gap}{cell:<width$}")
            });
        }
        line.trim_end().to_owned()
    };
    std::iter::once(&titles).chain(&cells).map(line).collect()
}

fn is_number(value: &Value) -> bool {
    matches!(value, Value::Integer(_) | Value::Number(_) | Value::Bytes(_) | Value::Duration(_))
}
