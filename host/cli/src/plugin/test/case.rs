//! A case: what a plugin is given, as a TOML file says it. The plugin's own table is read by the reader of settings that a
//! service has.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use gmr::plugin::{Candidate, CheckOptions, Checked, Facts, PluginConfig};
use gmr::report::example;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::input;

/// What a plugin is given, in one report or in several, one after the other.
pub struct Case {
    config: PluginConfig,
    reports: Vec<Given>,
    /// The folder of the case, in which other files are found.
    folder: PathBuf,
    /// Stands for `/`.
    root: tempfile::TempDir,
}

/// What a plugin is given in one report.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Given {
    report: Option<PathBuf>,
    facts: toml::Table,
    files: BTreeMap<PathBuf, String>,
    environment: BTreeMap<String, String>,
}

impl Case {
    /// Reads a case for a plugin.
    pub fn read(file: &Path, plugin: &Path) -> Result<Case> {
        let shown = file.display().to_string();
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {shown}"))?;
        // The errors' own texts hold their causes already.
        let mut settings = gmr::Settings::from_toml(&text, &shown).map_err(|error| anyhow!("{error}"))?;
        let name = plugin.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        let config = settings.plugins.remove(name);
        if let (None, Some(other)) = (&config, settings.plugins.keys().next()) {
            bail!("{shown} has a table [gmr.plugins.{other}] and none for this plugin, [gmr.plugins.{name}]");
        }
        let reports = reports(&text).map_err(|error| anyhow!("{shown}: {error}"))?;
        let root = tempfile::tempdir().context("cannot make a folder for the case's files")?;
        let folder = file.parent().unwrap_or(Path::new("")).to_owned();
        Ok(Case { config: config.unwrap_or_default(), reports, folder, root })
    }

    pub fn config(&self) -> &PluginConfig {
        &self.config
    }

    /// Makes the plugin's section of each report, and returns the last.
    pub fn run(&self, plugin: &Candidate) -> Result<Checked> {
        let (last, earlier) = self.reports.split_last().context("a case has a report")?;
        for report in earlier {
            plugin.check(self.options(report)?);
        }
        Ok(plugin.check(self.options(last)?))
    }

    /// What the host is to be in one report.
    fn options(&self, given: &Given) -> Result<CheckOptions> {
        let facts = Facts::new();
        for (name, value) in given.facts.clone() {
            let value = json(value);
            facts.add(name, move || value.clone());
        }
        for (path, content) in &given.files {
            write(self.root.path(), path, content)?;
        }
        let report = match &given.report {
            None => example::report(),
            Some(path) => input::report(&self.folder.join(path))?,
        };
        Ok(CheckOptions::default()
            .with_config(self.config.clone())
            .with_facts(Arc::new(facts))
            .with_report(report)
            .with_environment(given.environment.clone())
            .with_root(self.root.path()))
    }
}

/// What a case gives: of each further report it says what is other than in the one before.
fn reports(text: &str) -> Result<Vec<Given>, toml::de::Error> {
    let mut table: toml::Table = toml::from_str(text)?;
    table.remove("gmr");
    let further = table.remove("then");
    let first: Given = table.try_into()?;
    let further: Vec<Given> = further.map_or(Ok(Vec::new()), toml::Value::try_into)?;
    let mut reports = vec![first];
    for changes in further {
        let mut given = reports.last().cloned().unwrap_or_default();
        given.report = changes.report.or(given.report);
        given.facts.extend(changes.facts);
        given.files.extend(changes.files);
        given.environment.extend(changes.environment);
        reports.push(given);
    }
    Ok(reports)
}

/// Writes a file below a folder that stands for `/`.
fn write(root: &Path, path: &Path, content: &str) -> Result<()> {
    let below = path.strip_prefix("/");
    let below =
        below.ok().filter(|below| below.components().all(|part| matches!(part, Component::Normal(_))));
    let below =
        below.with_context(|| format!("`files`: `{}` is no absolute path without `..`", path.display()))?;
    let place = root.join(below);
    let folder = place.parent().context("`/` is no file")?;
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&place, content))
        .with_context(|| format!("cannot write `{}`", path.display()))
}

/// TOML as JSON: moments become text.
fn json(value: toml::Value) -> Json {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(flag) => flag.into(),
        toml::Value::Datetime(moment) => moment.to_string().into(),
        toml::Value::Array(array) => array.into_iter().map(json).collect(),
        toml::Value::Table(table) => table.into_iter().map(|(key, value)| (key, json(value))).collect(),
    }
}
