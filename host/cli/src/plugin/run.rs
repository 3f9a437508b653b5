//! `gmr plugin run`: a plugin's section, made outside of any service, with what the command line gives it.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use gmr::plugin::{CheckOptions, check};
use gmr::report::Section;

use super::given::Given;
use crate::output::Format;
use crate::{input, output};

/// Print a plugin's section
#[derive(clap::Args)]
pub struct Run {
    /// The plugin: NAME.wasm or NAME.wat
    file: PathBuf,
    #[command(flatten)]
    given: Given,
    /// The report that the plugin sees with the grant `report`, in JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// How to print the section
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

impl Run {
    pub fn run(self) -> Result<()> {
        let options = CheckOptions {
            config: self.given.config(&self.file)?,
            facts: self.given.facts(),
            report: self.report.as_deref().map(input::report).transpose()?,
        };
        let checked = check(&self.file, options).map_err(|reason| anyhow!("{reason}"))?;
        output::print(&match self.format {
            Format::Text => gmr::report::format::text::section(&checked.section),
            Format::Json => json(&checked.section)?,
        })?;
        match checked.section.failure {
            Some(reason) => bail!("{}: the section failed: {reason}", self.file.display()),
            None => Ok(()),
        }
    }
}

/// Characters that a terminal obeys are escaped by JSON, but for those that a whole report escapes too.
fn json(section: &Section) -> Result<String> {
    let plain = serde_json::to_string_pretty(section).context("the section has no JSON")?;
    let escaped = plain.chars().fold(String::with_capacity(plain.len() + 1), |mut text, c| {
        match c {
            '\u{7f}'..='\u{9f}' => text.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => text.push(c),
        }
        text
    });
    Ok(escaped + "\n")
}
