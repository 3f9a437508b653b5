//! Comparison of two reports of one service: facts of the header, sections, fields and tables, the groups of
//! threads and tasks, and who waits for what. Of two reports of one process it also tells who has not moved. When the reports were made and how long that took is no difference, and neither is the wording
//! of a trace's title.

mod blocks;
mod graph;
mod sections;
mod traces;

use crate::format::text::escape;
use crate::model::{Header, Report};
use crate::words::moment;

/// The differences as text: which two reports they are, then a paragraph for each section that differs.
///
/// ```
/// use gmr_report::{Header, Report, Trigger, TriggerKind, diff};
///
/// let trigger = Trigger::new(TriggerKind::Call, "");
/// let old = Report::new(Header::new("shop", "2026-11-22T14:03:07Z".parse().unwrap(), trigger));
/// let mut new = old.clone();
/// new.header.version = "2.0".to_owned();
/// assert!(diff::text(&old, &new).ends_with("\nHeader\n  version:  -> 2.0\n"));
/// assert!(diff::text(&old, &old).ends_with("\nno difference\n"));
/// ```
pub fn text(old: &Report, new: &Report) -> String {
    let mut text = format!("old  {}\nnew  {}\n", headline(&old.header), headline(&new.header));
    let header = header(&old.header, &new.header);
    let sections = sections::compare(&old.sections, &new.sections, moments(&old.header, &new.header));
    if header.is_empty() && sections.is_empty() {
        text.push_str("\nno difference\n");
        return text;
    }
    for (title, lines) in std::iter::once(("Header".to_owned(), header)).chain(sections) {
        if !lines.is_empty() {
            text.push_str(&format!("\n{title}\n"));
            lines.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
        }
    }
    text
}

/// Of what two reports are.
#[derive(Clone, Copy, PartialEq)]
enum Moments {
    /// Of one process at two moments: who stands in the same place has not moved.
    OfOneProcess,
    /// Of different processes, or at one moment: ids that are the same say nothing.
    Unrelated,
}

fn moments(old: &Header, new: &Header) -> Moments {
    let process = |header: &Header| (header.host.clone(), header.process, header.service.clone());
    if process(old) == process(new) && old.time < new.time {
        Moments::OfOneProcess
    } else {
        Moments::Unrelated
    }
}

fn headline(header: &Header) -> String {
    let service = format!("{} {}", header.service, header.version);
    format!("{} on {}, {}", escape(service.trim_end()), escape(&header.host), moment(header.time))
}

fn header(old: &Header, new: &Header) -> Vec<String> {
    let facts = |header: &Header| {
        [
            ("service", header.service.clone()),
            ("version", header.version.clone()),
            ("host", header.host.clone()),
            ("process", header.process.to_string()),
        ]
    };
    let changed = facts(old).into_iter().zip(facts(new)).filter(|((_, old), (_, new))| old != new);
    changed.map(|((name, old), (_, new))| format!("{name}: {} -> {}", escape(&old), escape(&new))).collect()
}
