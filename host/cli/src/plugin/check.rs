//! `gmr plugin check`: whether a plugin loads, what it asks for, and what its section looks like.
//!
//! It is granted what it wants of facts, figures and reports, all of them harmless or made up. Files and
//! environment variables it gets only by `--grant`: a plugin that is checked is not trusted yet.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};
use gmr::plugin::{Candidate, CheckOptions, Checked, Grant};
use gmr::report::example;
use gmr::report::format::text::escape;
use gmr::report::words::{bytes, duration};

use super::given::Given;
use super::made_up;
use crate::output;

/// Say whether a plugin loads, what it asks for and what it prints
#[derive(clap::Args)]
pub struct Check {
    /// The plugin: NAME.wasm or NAME.wat
    file: PathBuf,
    #[command(flatten)]
    given: Given,
}

impl Check {
    pub fn run(self) -> Result<()> {
        let mut config = self.given.config(&self.file)?;
        let plugin = Candidate::load(&self.file, &config).map_err(|reason| anyhow!("{reason}"))?;
        let (harmless, withheld) = wanted(plugin.wants(), &config.grants);
        config.grants.extend(harmless);
        let facts = if self.given.has_facts() { self.given.facts() } else { made_up::facts(&config.grants) };
        let checked = plugin.check(
            CheckOptions::default().with_config(config).with_facts(facts).with_report(example::report()),
        );
        output::print(&print(&checked, &withheld))?;
        match checked.section.failure {
            Some(reason) => bail!("{}: the section failed: {reason}", self.file.display()),
            None => Ok(()),
        }
    }
}

/// What it is granted of its wants, and what it is not, with the reason.
fn wanted(wants: &[String], granted: &[Grant]) -> (Vec<Grant>, Vec<String>) {
    let (mut harmless, mut withheld) = (Vec::new(), Vec::new());
    for want in wants {
        match Grant::parse(want) {
            Ok(grant) if granted.contains(&grant) => {}
            Ok(grant @ (Grant::Process | Grant::Report | Grant::Facts(_))) => harmless.push(grant),
            Ok(grant) => withheld.push(format!("{grant} is not granted here; --grant gives it")),
            Err(reason) => withheld.push(reason),
        }
    }
    (harmless, withheld)
}

fn print(checked: &Checked, withheld: &[String]) -> String {
    let mut text = String::new();
    let mut line = |key: &str, value: &str| {
        let _ = writeln!(text, "{key:<10}{}", escape(value));
    };
    line("plugin", &checked.name);
    line("title", &checked.title);
    line("summary", &checked.summary);
    line("version", &checked.version);
    line("order", &checked.order.to_string());
    line("digest", &checked.digest);
    line("size", &bytes(checked.size_bytes));
    list(&mut line, "imports", &checked.imports);
    list(&mut line, "exports", &checked.exports);
    list(&mut line, "wants", &checked.wants);
    for reason in withheld {
        line("", reason);
    }
    line("compiled", &format!("in {}", duration(checked.compiled_in)));
    line(
        "rendered",
        &format!("in {}, with {} of memory", duration(checked.rendered_in), bytes(checked.memory_bytes)),
    );
    for (at, diagnostic) in checked.diagnostics.lines().enumerate() {
        line(if at == 0 { "wrote" } else { "" }, diagnostic);
    }
    text.push_str("\nIts section, with a made-up report and this command's own figures:\n\n");
    text.push_str(&gmr::report::format::text::section(&checked.section));
    text
}

fn list(line: &mut impl FnMut(&str, &str), key: &str, values: &[String]) {
    if values.is_empty() {
        line(key, "nothing");
    }
    for (at, value) in values.iter().enumerate() {
        line(if at == 0 { key } else { "" }, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(wants: &[&str], granted: &[Grant], expected: &[&str], withheld: &[&str]) {
        let wants: Vec<String> = wants.iter().map(|want| want.to_string()).collect();
        let (harmless, reasons) = wanted(&wants, granted);
        assert_eq!(harmless.iter().map(Grant::to_string).collect::<Vec<_>>(), expected);
        assert_eq!(reasons.len(), withheld.len(), "{reasons:?}");
        assert!(reasons.iter().zip(withheld).all(|(reason, part)| reason.contains(part)), "{reasons:?}");
    }

    #[test]
    fn a_plugin_under_check_gets_no_file_and_no_variable_because_it_asks() {
        check(&["process", "report", "facts:a.*"], &[], &["process", "report", "facts:a.*"], &[]);
        check(&["read:/etc", "env:HOME"], &[], &[], &["read:/etc is not granted", "env:HOME is not granted"]);
        check(&["everything"], &[], &[], &["unknown grant `everything`"]);
        check(&["read:/etc"], &[Grant::Read("/etc".into())], &[], &[]);
    }
}
