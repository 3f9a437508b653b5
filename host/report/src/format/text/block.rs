//! The body of a section as text: a block below the other, indented below headings.

use super::escape::{escape, escape_lines, escape_preformatted};
use super::{graph, table, trace, value};
use crate::model::{Block, Field, Trace};
use crate::words::counted;

/// The lines of a section so far.
pub(super) struct Body {
    text: String,
    indent: usize,
    /// What idle threads are, and their ids, since the last block that was no trace of such.
    idle: Vec<(String, Vec<u64>)>,
}

impl Body {
    /// A body below this banner.
    pub(super) fn new(banner: String) -> Body {
        Body { text: banner, indent: 0, idle: Vec::new() }
    }

    pub(super) fn into_text(mut self) -> String {
        self.idle();
        self.text
    }

    /// Nothing in a body may look like the banner of the next section.
    pub(super) fn line(&mut self, line: &str) {
        if !line.is_empty() {
            let guard = usize::from(line.starts_with('='));
            self.text.extend(std::iter::repeat_n(' ', self.indent + guard));
            self.text.push_str(line);
        }
        self.text.push('\n');
    }

    pub(super) fn block(&mut self, block: &Block) {
        if let Block::Trace(Trace { idle: Some(kind), members, .. }) = block {
            let ids = members.iter().map(|member| member.id);
            match self.idle.iter_mut().find(|(other, _)| other == kind) {
                Some((_, all)) => all.extend(ids),
                None => self.idle.push((kind.clone(), ids.collect())),
            }
            return;
        }
        self.idle();
        match block {
            Block::Heading { level, text } => {
                self.indent = 2 * usize::from(level.saturating_sub(1).min(2));
                self.line("");
                self.line(&format!("{}:", escape(text)));
                self.indent += 2;
            }
            Block::Paragraph { text } => self.paragraph(text),
            Block::Notes { notes } => notes.iter().for_each(|note| self.paragraph(&note.to_string())),
            Block::Preformatted { text } => {
                for line in escape_preformatted(text) {
                    self.line(&format!("  | {line}"));
                }
            }
            Block::Fields { fields } => {
                for Field { key, value } in fields {
                    self.line(format!("{} = {}", escape(key), self::value(value)).trim_end());
                }
            }
            Block::Table { columns, rows } => {
                table::lines(columns, rows).iter().for_each(|line| self.line(line));
            }
            Block::Trace(trace) => {
                self.indent = 0;
                trace::trace(trace, |line| self.line(line));
            }
            Block::Graph(graph) => {
                self.indent = 0;
                graph::graph(graph, |line| self.line(line));
            }
            Block::Unknown(unknown) => self.paragraph(&unknown.to_string()),
        }
    }

    /// `idle: 3 tokio workers (8701 8703 8704), 12 blocking-pool threads (8710-8721)`.
    fn idle(&mut self) {
        let kinds = std::mem::take(&mut self.idle);
        if kinds.is_empty() {
            return;
        }
        let mut parts = kinds.into_iter().map(|(kind, ids)| {
            let count = counted(ids.len() as u64, &escape(&kind));
            format!("{count} ({})", trace::ids(ids))
        });
        self.indent = 0;
        self.line("");
        let mut line = format!("idle: {}", parts.next().unwrap_or_default());
        for part in parts {
            if line.chars().count() + part.chars().count() + 2 > trace::SCREEN {
                self.line(&format!("{line},"));
                line = format!("      {part}");
            } else {
                line.push_str(&format!(", {part}"));
            }
        }
        self.line(&line);
    }

    /// Nothing in running text may look like preformatted text or the title of a trace.
    fn paragraph(&mut self, text: &str) {
        for line in escape_lines(text) {
            let guard = if line.starts_with(['|', '-']) { " " } else { "" };
            self.line(&format!("{guard}{line}"));
        }
    }
}
