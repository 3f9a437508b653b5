//! Input: reports that were written in JSON, and emergency reports also in text, from a file or standard input. Other
//! text reports are for people and are refused with that reason.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use gmr::report::Report;
use gmr::report::format::emergency;

/// The report in a file, or in standard input for `-`.
pub fn report(path: &Path) -> Result<Report> {
    let is_standard_input = path.as_os_str() == "-";
    let text = if is_standard_input {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
        text
    } else {
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?
    };
    let name = if is_standard_input { "standard input".to_owned() } else { path.display().to_string() };
    // What the JSON parser says of a text report (or of nothing at all) would help nobody.
    match text.trim_start().chars().next() {
        Some('{') => {}
        Some(_) if emergency::is_emergency_report(&text) => {
            return emergency::read(&text).map_err(|error| anyhow!("{name}: {error}"));
        }
        None => bail!("{name} is empty"),
        Some('=') if text.contains("Guru Meditation") => {
            bail!("{name} is a report in text; let the process write JSON (`format = \"json\"` in [gmr])")
        }
        Some(_) => bail!("{name} is no report in JSON"),
    }
    // The error's own text holds its cause already.
    gmr::report::format::json::read(&text).map_err(|error| anyhow!("{name}: {error}"))
}
