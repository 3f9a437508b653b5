//! `gmr show`: prints a report that was written in JSON, whole or some of its sections.

use std::path::PathBuf;

use anyhow::{Result, bail};
use gmr::Format;
use gmr::report::Report;

use crate::{input, output};

/// Print a report that was written in JSON
#[derive(clap::Args)]
pub struct Show {
    /// The report, or `-` for standard input
    file: PathBuf,
    /// How to print it
    #[arg(long, default_value = "text", value_parser = output::formats())]
    format: Format,
    /// Print only this section, by its name such as `threads`; may be repeated
    #[arg(long, value_name = "NAME")]
    section: Vec<String>,
}

impl Show {
    pub fn run(self) -> Result<()> {
        let mut report = input::report(&self.file)?;
        select(&mut report, &self.section)?;
        output::print(&self.format.render(&report))
    }
}

/// Leaves the named sections, in the report's order; all of them if none is named.
fn select(report: &mut Report, names: &[String]) -> Result<()> {
    if let Some(name) = names.iter().find(|name| report.section(name).is_none()) {
        let known: Vec<&str> = report.sections.iter().map(|section| section.name.as_str()).collect();
        if known.is_empty() {
            bail!("the report has no section `{name}`, and no other either");
        }
        bail!("the report has no section `{name}`; it has {}", known.join(", "));
    }
    if !names.is_empty() {
        report.sections.retain(|section| names.contains(&section.name));
    }
    Ok(())
}
