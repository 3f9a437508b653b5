//! `gmr diff`: what changed between two reports of one service.

use std::path::PathBuf;

use anyhow::Result;
use gmr::report::diff;

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
        output::print(&diff::text(&old, &new))
    }
}
