//! A case: what a plugin is given, as a TOML file says it. The plugin's own table is read by the reader of settings that a
//! service has.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use gmr::plugin::{CheckOptions, Facts, PluginConfig};
use gmr::report::{Report, example};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value as Json;

use crate::input;

/// What a plugin is given.
pub struct Case {
    config: PluginConfig,
    facts: BTreeMap<String, Json>,
    environment: BTreeMap<String, String>,
    report: Report,
    /// Stands for `/`.
    root: tempfile::TempDir,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    /// Read by [`gmr::Settings`].
    #[serde(default, rename = "gmr")]
    _gmr: Option<IgnoredAny>,
    report: Option<PathBuf>,
    #[serde(default)]
    facts: toml::Table,
    #[serde(default)]
    files: BTreeMap<PathBuf, String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
}

impl Case {
    /// Reads a case for a plugin.
    pub fn read(file: &Path, plugin: &Path) -> Result<Case> {
        let shown = file.display().to_string();
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {shown}"))?;
        // The errors' own texts hold their causes already.
        let mut settings = gmr::Settings::from_toml(&text, &shown).map_err(|error| anyhow!("{error}"))?;
        let document: Document = toml::from_str(&text).map_err(|error| anyhow!("{shown}: {error}"))?;
        let name = plugin.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        let config = settings.plugins.remove(name);
        if let (None, Some(other)) = (&config, settings.plugins.keys().next()) {
            bail!("{shown} has a table [gmr.plugins.{other}] and none for this plugin, [gmr.plugins.{name}]");
        }
        let report = match &document.report {
            None => example::report(),
            Some(path) => input::report(&file.parent().unwrap_or(Path::new("")).join(path))?,
        };
        let root = tempfile::tempdir().context("cannot make a folder for the case's files")?;
        for (path, content) in &document.files {
            write(root.path(), path, content).with_context(|| format!("{shown}: `files`"))?;
        }
        let facts = document.facts.into_iter().map(|(name, value)| (name, json(value))).collect();
        let config = config.unwrap_or_default();
        Ok(Case { config, facts, environment: document.environment, report, root })
    }

    pub fn config(&self) -> &PluginConfig {
        &self.config
    }

    /// What the host is to be. It reads the case's files, so it serves no longer than the case.
    pub fn options(&self) -> Result<CheckOptions> {
        let facts = Facts::new();
        for (name, value) in self.facts.clone() {
            facts.add(name, move || value.clone());
        }
        Ok(CheckOptions::default()
            .with_config(self.config.clone())
            .with_facts(Arc::new(facts))
            .with_report(self.report.clone())
            .with_environment(self.environment.clone())
            .with_root(self.root.path()))
    }
}

/// Writes a file below a folder that stands for `/`.
fn write(root: &Path, path: &Path, content: &str) -> Result<()> {
    let below = path.strip_prefix("/");
    let below =
        below.ok().filter(|below| below.components().all(|part| matches!(part, Component::Normal(_))));
    let below = below.with_context(|| format!("`{}` is no absolute path without `..`", path.display()))?;
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
