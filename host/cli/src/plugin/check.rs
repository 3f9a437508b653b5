//! `gmr plugin check`: whether a plugin loads, what it asks for, and what its section looks like.
//!
//! It is granted what it wants of facts, figures and reports, all of them harmless or made up. Files and
//! environment variables it gets only by `--grant`: a plugin that is checked is not trusted yet. With `--config` it gets
//! what an application grants it and nothing else, so that the section is the application's, and that table is judged.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use gmr::plugin::{CheckOptions, Checked, Grant, PluginConfig};
use gmr::report::example;
use gmr::report::format::text::escape;
use gmr::report::schema::Setting;
use gmr::report::words::bytes;

use super::cache::Cache;
use super::costs::{self, Loading, Moment};
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
    #[command(flatten)]
    cache: Cache,
}

impl Check {
    pub fn run(self) -> Result<()> {
        let mut config = self.given.config(&self.file)?;
        let before = Moment::now();
        let plugin = self.cache.load(&self.file, &config)?;
        let loading = Loading::between(&before, &Moment::now());
        let mut remarks = match self.given.config_file() {
            Some(file) => {
                let judged = judged(plugin.wants(), &config, &self.file, file);
                plugin.refused_settings(&config).into_iter().chain(judged).collect()
            }
            None => Vec::new(),
        };
        let (harmless, withheld) = wanted(plugin.wants(), &config.grants);
        if self.given.config_file().is_none() {
            config.grants.extend(harmless);
            remarks = withheld;
        }
        let made_up = if self.given.has_facts() { Vec::new() } else { made_up::names(&config.grants) };
        let facts = if self.given.has_facts() { self.given.facts() } else { made_up::facts(&config.grants) };
        let limits = config.limits.clone();
        let options =
            CheckOptions::default().with_config(config).with_facts(facts).with_report(example::report());
        let (checked, calls) = costs::calls(|| plugin.check(options.clone()));
        let costs = costs::lines(&checked, &loading, &calls, &limits);
        output::print(&print(&checked, &remarks, &made_up, &costs))?;
        match checked.section.failure {
            Some(reason) => {
                bail!("{}: the section failed: {reason}{}", self.file.display(), advice(&made_up))
            }
            None => Ok(()),
        }
    }
}

/// What an application's table for the plugin has that the plugin does not ask for, and the other way round.
fn judged(wants: &[String], config: &PluginConfig, plugin: &Path, file: &Path) -> Vec<String> {
    let name = plugin.file_stem().unwrap_or_default().to_string_lossy();
    let table = format!("[gmr.plugins.{name}] of {}", file.display());
    let granted: Vec<String> = config.grants.iter().map(Grant::to_string).collect();
    let kind = |grant: &str| grant.split(':').next().unwrap_or_default().to_owned();
    let lacking = wants.iter().filter(|want| !granted.contains(want)).map(|want| {
        let near: Vec<&str> =
            granted.iter().filter(|grant| kind(grant) == kind(want)).map(String::as_str).collect();
        if near.is_empty() {
            format!("{want} is not granted: it would be in `grants` of {table}")
        } else {
            format!("{want} is granted in part: {}", near.join(", "))
        }
    });
    let unasked = granted.iter().filter(|grant| !wants.iter().any(|want| kind(want) == kind(grant)));
    let unasked =
        unasked.map(|grant| format!("{grant} is granted and not asked for: take it out of {table}"));
    let disabled = (!config.enabled).then(|| format!("it does not run: `enabled = false` in {table}"));
    disabled.into_iter().chain(lacking).chain(unasked).collect()
}

/// What to do where a section fails that has seen nothing but made-up facts: their form may be the reason.
fn advice(made_up: &[String]) -> String {
    match made_up.first() {
        None => String::new(),
        Some(name) => {
            format!("; its facts were made up, --fact {name}=JSON gives it one as your application has it")
        }
    }
}

/// What it is granted of its wants, and what it is not, with the reason.
pub fn wanted(wants: &[String], granted: &[Grant]) -> (Vec<Grant>, Vec<String>) {
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

fn print(checked: &Checked, remarks: &[String], made_up: &[String], costs: &[(String, String)]) -> String {
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
    // Beside interfaces a component may have an instance that is its language's own affair.
    let interfaces = |names: &[String]| -> Vec<String> {
        names.iter().filter(|name| name.contains('/')).cloned().collect()
    };
    list(&mut line, "imports", &interfaces(&checked.imports));
    list(&mut line, "exports", &interfaces(&checked.exports));
    list(&mut line, "wants", &checked.wants);
    if let Some(settings) = &checked.settings {
        list(&mut line, "settings", &settings.iter().map(setting).collect::<Vec<_>>());
    }
    for (at, remark) in remarks.iter().enumerate() {
        line(if at == 0 { "remarks" } else { "" }, remark);
    }
    for (key, words) in costs {
        line(key, words);
    }
    for (at, diagnostic) in checked.diagnostics.lines().enumerate() {
        line(if at == 0 { "wrote" } else { "" }, diagnostic);
    }
    if !made_up.is_empty() {
        line("facts", &format!("{}: made up; --fact NAME=JSON gives your own", made_up.join(", ")));
    }
    text.push_str("\nIts section, with a made-up report and this command's own figures:\n\n");
    text.push_str(&gmr::report::format::text::section(&checked.section));
    text
}

fn setting(setting: &Setting) -> String {
    format!("{}: {}; {}", setting.key, setting.expected(), setting.summary)
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

    #[test]
    fn an_applications_table_is_held_against_what_the_plugin_asks_for() {
        let wants = ["process", "facts:*", "report"].map(str::to_owned);
        let grants = ["facts:pool.*", "report", "env:HOME"].map(|grant| Grant::parse(grant).unwrap());
        let mut config = PluginConfig::default().with_grants(grants);
        let judged =
            |config: &PluginConfig| judged(&wants, config, "p/pool.wasm".as_ref(), "a.toml".as_ref());
        let remarks = judged(&config);
        assert_eq!(
            remarks,
            [
                "process is not granted: it would be in `grants` of [gmr.plugins.pool] of a.toml",
                "facts:* is granted in part: facts:pool.*",
                "env:HOME is granted and not asked for: take it out of [gmr.plugins.pool] of a.toml",
            ]
        );
        config.enabled = false;
        assert!(judged(&config)[0].contains("`enabled = false`"));
    }

    #[test]
    fn who_fails_with_made_up_facts_is_told_how_to_give_others() {
        assert!(advice(&["pool".to_owned()]).contains("--fact pool=JSON"));
        assert_eq!(advice(&[]), "");
    }
}
