//! `gmr diff`: what changed between two reports of one service: facts of the header, sections, fields and
//! tables, and the groups of threads and tasks. When the reports were made and how long that took is no
//! difference, and neither is the wording of a trace's title.

mod blocks;
mod sections;
mod traces;

use std::path::PathBuf;

use anyhow::Result;
use gmr::report::format::text::escape;
use gmr::report::words::moment;
use gmr::report::{Header, Report};

use crate::{input, output};

/// Say what changed between two reports
#[derive(clap::Args)]
pub struct Diff {
    /// The earlier report in JSON
    old: PathBuf,
    /// The later report in JSON
    new: PathBuf,
}

impl Diff {
    pub fn run(self) -> Result<()> {
        let (old, new) = (input::report(&self.old)?, input::report(&self.new)?);
        output::print(&compare(&old, &new))
    }
}

fn compare(old: &Report, new: &Report) -> String {
    let mut text = format!("old  {}\nnew  {}\n", headline(&old.header), headline(&new.header));
    let header = header(&old.header, &new.header);
    let sections = sections::compare(&old.sections, &new.sections);
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
