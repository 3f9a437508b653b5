//! `gmr plugin run`: a plugin's section, made outside of any service, with what the command line gives it.

use std::path::PathBuf;

use anyhow::{Result, bail};
use gmr::Format;
use gmr::plugin::CheckOptions;

use super::cache::Cache;
use super::given::Given;
use crate::{input, output};

/// Print a plugin's section
#[derive(clap::Args)]
pub struct Run {
    /// The plugin: NAME.wasm or NAME.wat
    file: PathBuf,
    #[command(flatten)]
    given: Given,
    #[command(flatten)]
    cache: Cache,
    /// The report that the plugin sees with the grant `report`, in JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// How to print the section
    #[arg(long, default_value = "text", value_parser = output::formats())]
    format: Format,
}

impl Run {
    pub fn run(self) -> Result<()> {
        let config = self.given.config(&self.file)?;
        let plugin = self.cache.load(&self.file, &config)?;
        let mut options = CheckOptions::default().with_config(config).with_facts(self.given.facts());
        options.report = self.report.as_deref().map(input::report).transpose()?;
        let checked = plugin.check(options);
        output::print(&self.format.render_section(&checked.section))?;
        match checked.section.failure {
            Some(reason) => bail!("{}: the section failed: {reason}", self.file.display()),
            None => Ok(()),
        }
    }
}
