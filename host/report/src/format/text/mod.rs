//! A report as text for people: oslo.reports' banners, numbers as one says them, ids in ranges, frames that every
//! thread shares counted instead of listed. All of it, and exactly, is in the JSON.
//!
//! Whatever comes from outside is escaped, and no line of a section's body can be mistaken for a banner.

mod block;
mod escape;
mod graph;
mod table;
mod trace;

use crate::model::{Block, Header, Report, Section, TriggerKind, Value};
use crate::words::{self, duration, moment};

pub(super) use escape::Escaped;
pub use escape::escape;

/// The width of banners, as oslo.reports prints them.
pub(super) const BANNER: usize = 72;

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

/// A section's body alone, as it stands below the banner.
pub fn body(blocks: &[Block]) -> String {
    let mut body = block::Body::new(String::new());
    blocks.iter().for_each(|block| body.block(block));
    body.into_text()
}

/// One section, under its banner.
pub fn section(section: &Section) -> String {
    let mut body = block::Body::new(banner(&section.title));
    if let Some(reason) = &section.failure {
        let missing = if section.blocks.is_empty() { "no section" } else { "not whole" };
        body.line(&format!("{missing}: {}", escape(reason)));
    }
    for block in &section.blocks {
        body.block(block);
    }
    body.into_text()
}

/// What stands below the sections when the head had to be printed before they were ready: what it left
/// open, and the last line.
pub fn tail(header: &Header, look_at: &[(String, String)]) -> String {
    let took = header.took.map_or(String::new(), |took| format!("took = {}\n", duration(took)));
    format!("{}{took}{}{}", banner("Summary"), remarks(look_at, "above"), end())
}

/// A value in one line of words, escaped.
pub fn value(value: &Value) -> String {
    escape(&words::value(value))
}

/// The last line of every report: in a log, other lines follow it.
fn end() -> String {
    format!("{:=^BANNER$}\n", " end of the report ")
}

/// What stands above the sections: which process the report is of, and where to look first.
fn head(header: &Header, look_at: &[(String, String)]) -> String {
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
    text.push_str(&remarks(look_at, "below"));
    text.push('\n');
    text
}

/// More entries than a reader takes in at once are counted: what is likeliest stands first.
const ENTRIES: usize = 8;

/// An entry's first line and what it says of at most eight members, and that there are more of them.
const LINES_OF_ENTRY: usize = 10;

fn remarks(look_at: &[(String, String)], where_sections_are: &str) -> String {
    if look_at.is_empty() {
        return String::new();
    }
    let mut text = "\nlook at\n".to_owned();
    look_at.iter().take(ENTRIES).for_each(|(title, entry)| text.push_str(&remark(title, entry)));
    if look_at.len() > ENTRIES {
        let more = look_at.len() - ENTRIES;
        text.push_str(&format!("  and {more} more, in the sections {where_sections_are}\n"));
    }
    text
}

/// An entry: its first line, and the others below it.
fn remark(title: &str, entry: &str) -> String {
    let mut lines = entry.lines();
    let first = escape(lines.next().unwrap_or_default());
    let mut text = match title {
        "" => format!("  {first}\n"),
        title => format!("  {}: {first}\n", escape(title)),
    };
    let lines: Vec<&str> = lines.map(str::trim).filter(|line| !line.is_empty()).collect();
    // A line in place of one: what is left out is no shorter.
    let shown = if lines.len() < LINES_OF_ENTRY { lines.len() } else { LINES_OF_ENTRY - 2 };
    lines[..shown].iter().for_each(|line| text.push_str(&format!("    {}\n", escape(line))));
    if shown < lines.len() {
        text.push_str(&format!("    and {} more lines\n", lines.len() - shown));
    }
    text
}

fn trigger(header: &Header) -> String {
    let trigger = &header.trigger;
    let what = match &trigger.kind {
        TriggerKind::Signal => trigger.detail.clone(),
        TriggerKind::File => format!("a change of {}", trigger.detail),
        TriggerKind::Call => "a call".to_owned(),
        TriggerKind::Unknown(word) => format!("{word} {}", trigger.detail).trim_end().to_owned(),
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
