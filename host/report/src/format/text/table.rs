//! Tables as text: columns two spaces apart, numbers to the right.

use super::escape::escape;
use super::value;
use crate::model::Value;

/// Wider cells do not widen their column: paths would push everything off the screen.
const WIDEST: usize = 48;

/// The titles and the rows, a line each. A cell wider than most pushes its own row only.
pub(super) fn lines(columns: &[String], rows: &[Vec<Value>]) -> Vec<String> {
    // Only the cells that are there: a table of ten thousand columns and as many empty rows would fill the memory.
    let cells: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().take(columns.len()).map(value).collect()).collect();
    let titles: Vec<String> = columns.iter().map(|title| escape(title)).collect();
    let mut widths = vec![0; columns.len()];
    for row in std::iter::once(&titles).chain(&cells) {
        for (widest, cell) in widths.iter_mut().zip(row) {
            let width = cell.chars().count();
            *widest = (*widest).max(if width <= WIDEST { width } else { 0 });
        }
    }
    let mut to_the_right = vec![false; columns.len()];
    for row in rows {
        to_the_right.iter_mut().zip(row).for_each(|(right, value)| *right |= is_number(value));
    }
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
