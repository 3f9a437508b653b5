//! A report for people: oslo.reports' banners, numbers as one says them, ids in ranges, frames that every
//! thread shares counted instead of listed. Whoever needs all of it exactly reads the JSON.
//!
//! Whatever comes from outside is escaped, and no line of a section's body can be mistaken for a banner.

mod escape;
mod trace;
mod value;

use crate::model::{Block, Field, Header, Report, Section, TriggerKind, Value};
use crate::words::{duration, moment};

pub use escape::escape;
use escape::escape_lines;
pub use value::value;

/// The width of banners, as oslo.reports prints them.
const BANNER: usize = 72;

/// The whole report.
pub fn report(report: &Report) -> String {
    beginning(report) + &end()
}

/// A report that is not whole yet: without its last line.
pub fn beginning(report: &Report) -> String {
    let look_at: Vec<_> = report.look_at().collect();
    let mut text = head(&report.header, &look_at);
    for part in &report.sections {
        text.push_str(&section(part));
    }
    text
}

/// The last line of every report: in a log, other lines follow it.
fn end() -> String {
    format!("{:=^BANNER$}\n", " end of the report ")
}

/// What stands above the sections: whose report it is, and where to look first.
fn head(header: &Header, look_at: &[(&str, String)]) -> String {
    let mut text = banner("Guru Meditation");
    text.push_str(&"|".repeat(BANNER));
    text.push_str("\n\n");
    let up = header.uptime.map_or(String::new(), |uptime| format!(", up {}", duration(uptime)));
    let took = match header.took {
        Some(took) => duration(took),
        None => "not over yet: the plugins' sections follow as they come".to_owned(),
    };
    let mut line = |key: &str, value: String| text.push_str(&format!("{key} = {}\n", escape(&value)));
    line("service", format!("{} {}", header.service, header.version).trim_end().to_owned());
    line("host", header.host.clone());
    line("process", format!("{}{up}", header.process));
    line("time", moment(header.time));
    line("trigger", trigger(header));
    line("took", took);
    text.push_str(&remarks(look_at));
    text.push('\n');
    text
}

/// What stands below the sections when the head had to be printed before they were ready: what it left
/// open, and the last line.
pub fn tail(header: &Header, look_at: &[(&str, String)]) -> String {
    let took = header.took.map_or(String::new(), |took| format!("took = {}\n", duration(took)));
    format!("{}{took}{}{}", banner("Summary"), remarks(look_at), end())
}

fn remarks(look_at: &[(&str, String)]) -> String {
    if look_at.is_empty() {
        return String::new();
    }
    let line = |(title, line): &(&str, String)| format!("  {}: {}\n", escape(title), escape(line));
    format!("\nlook at\n{}", look_at.iter().map(line).collect::<String>())
}

fn trigger(header: &Header) -> String {
    let trigger = &header.trigger;
    let what = match trigger.kind {
        TriggerKind::Signal => trigger.detail.clone(),
        TriggerKind::File => format!("a change of {}", trigger.detail),
        TriggerKind::Call => "a call".to_owned(),
    };
    match trigger.count {
        0 | 1 => what,
        count => format!("{what}, the last of {count} triggers that this report answers"),
    }
}

fn banner(title: &str) -> String {
    let line = "=".repeat(BANNER);
    format!("{line}\n===={:^width$}====\n{line}\n", escape(title), width = BANNER - 8)
}

/// One section under its banner.
pub fn section(section: &Section) -> String {
    let mut page = Page { text: banner(&section.title), indent: 0 };
    if let Some(reason) = &section.failure {
        let missing = if section.blocks.is_empty() { "no section" } else { "not whole" };
        page.line(&format!("{missing}: {}", escape(reason)));
    }
    for block in &section.blocks {
        page.block(block);
    }
    page.text
}

/// The lines of a section so far.
struct Page {
    text: String,
    indent: usize,
}

impl Page {
    fn line(&mut self, line: &str) {
        if !line.is_empty() {
            self.text.extend(std::iter::repeat_n(' ', self.indent));
            self.text.push_str(line);
        }
        self.text.push('\n');
    }

    fn block(&mut self, block: &Block) {
        match block {
            Block::Heading { level, text } => {
                self.indent = 2 * usize::from(level.saturating_sub(1).min(2));
                self.line("");
                self.line(&format!("{}:", escape(text)));
                self.indent += 2;
            }
            Block::Paragraph { text } => {
                for line in escape_lines(text) {
                    // Nothing in a body may look like the banner of the next section.
                    let guard = if line.starts_with(['=', '|', '-']) { " " } else { "" };
                    self.line(&format!("{guard}{line}"));
                }
            }
            Block::Preformatted { text } => {
                for line in escape_lines(text) {
                    self.line(&format!("  | {line}"));
                }
            }
            Block::Fields { fields } => {
                for Field { key, value } in fields {
                    self.line(format!("{} = {}", escape(key), value::value(value)).trim_end());
                }
            }
            Block::Table { columns, rows } => self.table(columns, rows),
            Block::Trace(trace) => {
                self.indent = 0;
                trace::trace(trace, |line| self.line(line));
            }
        }
    }

    /// Columns two spaces apart, numbers to the right; a cell wider than most pushes its own row only.
    fn table(&mut self, columns: &[String], rows: &[Vec<Value>]) {
        /// Wider cells do not widen their column: paths would push everything off the screen.
        const WIDEST: usize = 48;
        let cells: Vec<Vec<String>> = rows
            .iter()
            .map(|row| (0..columns.len()).map(|at| row.get(at).map_or(String::new(), value::value)).collect())
            .collect();
        let titles: Vec<String> = columns.iter().map(|title| escape(title)).collect();
        let width = |at: usize| {
            let widths = cells.iter().map(|row| row[at].chars().count());
            widths.chain([titles[at].chars().count()]).filter(|&width| width <= WIDEST).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns.len()).map(width).collect();
        let is_number = |value: &Value| {
            matches!(value, Value::Integer(_) | Value::Number(_) | Value::Bytes(_) | Value::Duration(_))
        };
        let to_the_right: Vec<bool> =
            (0..columns.len()).map(|at| rows.iter().any(|row| row.get(at).is_some_and(is_number))).collect();
        for row in std::iter::once(&titles).chain(&cells) {
            let mut line = String::new();
            for (at, cell) in row.iter().enumerate() {
                let width = widths[at];
                let gap = if at == 0 { "" } else { "  " };
                line.push_str(&match to_the_right[at] {
                    true => format!("{gap}{cell:>width$}"),
                    false => format!("{gap}{cell:<width$}"),
                });
            }
            self.line(line.trim_end());
        }
    }
}
