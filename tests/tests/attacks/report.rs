//! What a report has: the sections of honest plugins, those of hostile ones, and what is said of files.

use std::time::Duration;

use gmr::report::format::{json, text};
use gmr::report::{Block, Report, Section};

use crate::place::{HONEST, SECRET, honest};

/// The most that a report may have in JSON, in bytes: what plugins may hand over together, with its marks, and some.
const MOST_BYTES: usize = 20 << 20;

/// A report that was read.
pub struct Seen {
    /// The report.
    pub report: Report,
    /// The same as people read it.
    pub text: String,
}

impl Seen {
    /// Reads it.
    ///
    /// # Panics
    ///
    /// If it is none, holds the secret, or is too long.
    pub fn of(json: &str) -> Seen {
        let report = json::read(json).unwrap_or_else(|error| panic!("no report: {error}"));
        assert!(!json.contains(SECRET), "the secret is shown");
        assert!(json.len() <= MOST_BYTES, "the report has {} MiB", json.len() >> 20);
        let text = text::report(&report);
        assert!(!text.contains('\u{1b}'), "an escape is printed");
        Seen { report, text }
    }

    /// The sections of the honest plugins are whole, and the report is no emergency.
    ///
    /// # Errors
    ///
    /// What is missing.
    pub fn honest_plugins(&self) -> Result<(), String> {
        for name in honest() {
            let section = self.section(name)?;
            if let Some(failure) = &section.failure {
                return Err(format!("{name} fails: {failure}"));
            }
            let is_whole = if HONEST.contains(&name) {
                section.blocks == [Block::paragraph("hello")]
            } else {
                !section.blocks.is_empty()
            };
            if !is_whole {
                return Err(format!("{name} is not whole: {:?}", section.blocks));
            }
        }
        self.report.header.took.map(drop).ok_or("the report has no end".to_owned())
    }

    /// How long it took by its own account.
    pub fn took(&self) -> Duration {
        self.report.header.took.unwrap_or_default()
    }

    /// Nothing is compiled or looked into any more.
    pub fn is_settled(&self) -> Result<(), String> {
        let plugins = self.section("plugins")?;
        let waits = |remark: &&String| remark.contains("still being compiled");
        plugins.remarks.iter().find(waits).map_or(Ok(()), |remark| Err(remark.clone()))
    }

    /// A section.
    pub fn section(&self, name: &str) -> Result<&Section, String> {
        let remarks = || self.report.section("plugins").map(|plugins| plugins.remarks.join("; "));
        self.report
            .section(name)
            .ok_or_else(|| format!("no section {name}; {:.800}", remarks().unwrap_or_default()))
    }

    /// A file does not load, for a reason with these words, which is returned.
    pub fn refused(&self, file: &str, words: &str) -> Result<String, String> {
        self.remark(&[&format!("{file} does not load: "), words])
    }

    /// A remark about plugins that has all of these words.
    pub fn remark(&self, words: &[&str]) -> Result<String, String> {
        let remarks = &self.section("plugins")?.remarks;
        let has_all = |remark: &&String| words.iter().all(|words| remark.contains(words));
        let found = remarks.iter().find(has_all).map(|remark| remark.chars().take(200).collect());
        found.ok_or_else(|| format!("no remark with {words:?}: {remarks:?}"))
    }

    /// A plugin's section has failed, for a reason with these words, which is returned.
    pub fn failed(&self, name: &str, words: &str) -> Result<String, String> {
        let failure = self.section(name)?.failure.as_deref().unwrap_or("it is whole");
        let shown: String = failure.chars().take(120).collect();
        if failure.contains(words) { Ok(shown) } else { Err(format!("{name}: {shown}")) }
    }

    /// A plugin's section has failed for want of time: its own, or what was left of the report's.
    pub fn overran(&self, name: &str) -> Result<String, String> {
        self.failed(name, "its deadline of ")
            .or_else(|_| self.failed(name, "of this report's time, and they passed"))
    }

    /// A plugin's section is whole, with these words in the report as people read it.
    pub fn shows(&self, name: &str, words: &str) -> Result<String, String> {
        let section = self.section(name)?;
        let body = text::section(section);
        match &section.failure {
            None if body.contains(words) => Ok(format!("its section has \"{words}\"")),
            failure => Err(format!("{name} fails by {failure:?}, or has no {words:?}: {body:.300}")),
        }
    }

    /// There is no section of this name.
    pub fn has_none(&self, name: &str) -> Result<(), String> {
        self.report.section(name).map_or(Ok(()), |_| Err(format!("there is a section {name}")))
    }
}
