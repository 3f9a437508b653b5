//! `gmr doctor`: what a given executable will show of its threads and tasks, and why. It reads the file and
//! never runs it.

#[cfg(target_os = "linux")]
mod words;

#[cfg(target_os = "linux")]
use std::path::Path;
use std::path::PathBuf;

use anyhow::Result;

/// Say what an executable will show of its threads and tasks
#[derive(clap::Args)]
pub struct Doctor {
    /// The executable
    binary: PathBuf,

    /// The service's settings, a TOML file with a table `[gmr]`: say also who may write to its plugin folders, judged for
    /// the user that runs this, which should be the service's
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[cfg(target_os = "linux")]
impl Doctor {
    pub fn run(self) -> Result<()> {
        let path = self.binary.display().to_string();
        let diagnosis = gmr_inspect::tasks::doctor(&self.binary).map_err(|reason| {
            let reason = gmr::words_of_reason(&reason);
            anyhow::anyhow!("{path} cannot be read as an executable: {reason}")
        })?;
        let threads = outlook("Threads", &diagnosis.threads);
        let tasks = outlook("Green threads", &diagnosis.tasks);
        let memory = words::memory(&diagnosis.memory);
        let plugins = self.config.map(|config| plugins(&config)).transpose()?.unwrap_or_default();
        crate::output::print(&format!("{threads}\n{tasks}\n{memory}{plugins}"))
    }
}

/// What there is to say of the plugin folders.
#[cfg(target_os = "linux")]
fn plugins(config: &Path) -> Result<String> {
    use gmr::report::format::text::escape;

    let settings = gmr::Settings::from_file(config)?;
    let findings = gmr::plugin::audit(&settings);
    if settings.plugin_dir.is_empty() {
        return Ok("\nPlugins: the settings name no folder\n".to_owned());
    }
    if findings.is_empty() {
        return Ok("\nPlugins: nobody else may replace what has grants\n".to_owned());
    }
    let lines = findings.iter().map(|finding| format!("  {}\n", escape(finding)));
    Ok(format!("\nPlugins:\n{}", lines.collect::<String>()))
}

#[cfg(not(target_os = "linux"))]
impl Doctor {
    pub fn run(self) -> Result<()> {
        let _ = (self.binary, self.config);
        anyhow::bail!("this works on Linux only: no other platform's reports read debug information")
    }
}

/// The level, what it comes from, and what would raise it, a line each.
#[cfg(target_os = "linux")]
fn outlook(title: &str, outlook: &gmr_inspect::tasks::Outlook) -> String {
    use std::fmt::Write as _;

    use gmr::report::format::text::escape;
    use gmr_inspect::tasks::Level;

    let level = match outlook.level {
        Level::Full => "everything",
        Level::Some => "a part",
        _ => "the least",
    };
    let mut text = format!("{title}: {level}\n");
    for finding in &outlook.findings {
        let _ = writeln!(text, "  {}", escape(&words::finding(finding)));
    }
    for advice in &outlook.advice {
        let _ = writeln!(text, "  to do: {}", escape(&words::advice(*advice)));
    }
    text
}
