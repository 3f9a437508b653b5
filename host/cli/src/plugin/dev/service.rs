//! The service that a plugin is made for: where its plugins lie, where its reports go, and how it is asked for one. By its
//! settings file and, of a running one, by its variables `GMR_...`, as the service itself reads them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use gmr::plugin::PluginConfig;
use gmr::{Format, Settings};

use crate::input;
use crate::trigger;

pub struct Service {
    pid: Option<i32>,
    settings: Settings,
    /// What relative paths of the settings begin at.
    directory: PathBuf,
}

impl Service {
    pub fn find(pid: Option<i32>, config: Option<&Path>) -> Result<Service> {
        // The errors' own texts hold their causes already.
        let settings = config.map_or(Ok(Settings::default()), Settings::from_file);
        let settings = settings.map_err(|error| anyhow!("{error}"))?;
        let Some(id) = pid else { return Ok(Service { pid, settings, directory: PathBuf::new() }) };
        let variables = variables(id)?;
        let settings = settings.with_variables(|name| variables.get(OsStr::new(name)).cloned());
        let settings = settings.map_err(|error| anyhow!("process {id}: {error}"))?;
        let directory = std::fs::read_link(format!("/proc/{id}/cwd"));
        let directory = directory.with_context(|| format!("cannot read where process {id} works"))?;
        Ok(Service { pid, settings, directory })
    }

    /// The folder that its plugins lie in; of several the first, which counts.
    pub fn plugin_folder(&self) -> Option<PathBuf> {
        Some(self.directory.join(self.settings.plugin_dir.first()?))
    }

    /// What it says about a plugin, if it says anything.
    pub fn plugin(&self, name: &str) -> Option<PluginConfig> {
        self.settings.plugins.get(name).cloned()
    }

    /// The folder that its reports go to; without one they go to its standard error.
    pub fn reports(&self) -> Option<PathBuf> {
        Some(self.directory.join(self.settings.log_dir.as_ref()?))
    }

    /// How long a report may take.
    pub fn deadline(&self) -> std::time::Duration {
        self.settings.deadline
    }

    /// Asks it for a report, by the file that it watches or the signal that it listens for.
    pub fn trigger(&self) -> Result<()> {
        if let Some(file) = &self.settings.file_event_handler {
            let file = self.directory.join(file);
            return touch(&file).with_context(|| format!("cannot touch {}", file.display()));
        }
        let Some(pid) = self.pid else { bail!("no process is known to ask for a report: name it by --pid") };
        trigger::ask(pid, self.settings.signal, false).map(drop)
    }

    /// The names of its reports.
    pub fn report_names(&self) -> Result<BTreeSet<OsString>> {
        let Some(folder) = self.reports() else { return Ok(BTreeSet::new()) };
        let number = format!("_{}_", self.pid.unwrap_or_default());
        let entries = folder
            .read_dir()
            .with_context(|| format!("cannot read {}, where reports should go", folder.display()))?;
        let names = entries.flatten().map(|entry| entry.file_name());
        Ok(names
            .filter(|name| {
                let name = name.to_string_lossy();
                name.contains("_gurumeditation_") && name.contains(&number) && !name.contains("_emergency")
            })
            .collect())
    }

    /// A report, as text.
    pub fn report(&self, name: &OsStr) -> Result<String> {
        let path = self.reports().unwrap_or_default().join(name);
        if path.extension().is_some_and(|extension| extension == "json") {
            return Ok(Format::Text.render(&input::report(&path)?));
        }
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    }
}

fn touch(path: &Path) -> std::io::Result<()> {
    use std::fs::File;

    // A directory cannot be opened to write, and need not be.
    let file = File::open(path).or_else(|_| File::options().create(true).append(true).open(path))?;
    file.set_modified(std::time::SystemTime::now())
}

/// The variables with which a process was started.
fn variables(pid: i32) -> Result<BTreeMap<OsString, OsString>> {
    let path = format!("/proc/{pid}/environ");
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read {path}"))?;
    let pairs = bytes.split(|byte| *byte == 0).filter_map(|pair| {
        let at = pair.iter().position(|byte| *byte == b'=')?;
        let (name, value) = (&pair[..at], &pair[at + 1..]);
        // No other is any business of ours.
        name.starts_with(b"GMR_")
            .then(|| (OsStr::from_bytes(name).to_owned(), OsStr::from_bytes(value).to_owned()))
    });
    Ok(pairs.collect())
}

/// A section of a report in text, by its title, with the banner. A plugin cannot forge one: a line of its own that looks
/// like a banner's is indented.
pub fn section(report: &str, title: &str) -> Option<String> {
    let lines: Vec<&str> = report.lines().collect();
    let is_rule = |line: &str| line.len() > 20 && line.bytes().all(|byte| byte == b'=');
    let is_wanted = |three: &[&str]| {
        is_rule(three[0]) && is_rule(three[2]) && three[1].trim_matches(['=', ' ']) == title.trim()
    };
    let begin = lines.windows(3).position(is_wanted)?;
    let body = &lines[begin + 3..];
    let end = body.iter().position(|line| line.starts_with("====")).unwrap_or(body.len());
    Some(lines[begin..begin + 3 + end].iter().flat_map(|line| [line, "\n"]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_found_by_its_title() {
        let report = gmr::report::example::report();
        let text = Format::Text.render(&report);
        for part in &report.sections {
            let found = section(&text, &part.title).expect("it is there");
            let expected = gmr::report::format::text::section(part);
            assert!(found.starts_with(expected.trim_end()), "{found}\n---\n{expected}");
        }
        assert_eq!(section(&text, "No such section"), None);
    }

    #[test]
    fn of_a_process_only_variables_of_ours_are_read() {
        let own = i32::try_from(std::process::id()).unwrap();
        assert!(variables(own).unwrap().keys().all(|name| name.as_bytes().starts_with(b"GMR_")));
    }
}
