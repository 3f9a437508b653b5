//! Python plugin.
use super::output::Output;
use anyhow::Result;
use std::path::Path;
pub const NAME: &str = "python";
pub fn build(_: &Path, _: &Path, _: &mut Output) -> Result<()> {
    Ok(())
}
