//! A plugin's identity to the host, and the subject of its calls: the report that they belong to.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use gmr_inspect::process::Process;
use gmr_report::Report;
use gmr_report::schema::Schema;
use serde_json::Value as Json;

use super::bindings::wit::grants::Denial;
use super::facts::{Facts, FactsOfReport};
use super::schema::{in_a_line, problems};
use crate::plugin::{Grant, PluginConfig};

/// What all calls of one report share.
pub struct Subject {
    /// The report until now, with its header.
    pub report: Arc<Report>,
    pub facts: FactsOfReport,
    pub process: Process,
    /// The zero of `clock.monotonic`.
    pub began: Instant,
}

impl Subject {
    pub fn new(report: Report, facts: Arc<Facts>) -> Subject {
        Subject {
            report: Arc::new(report),
            facts: FactsOfReport::new(facts),
            process: Process::new(),
            began: Instant::now(),
        }
    }
}

/// What a plugin is to the host, settled when it is loaded.
#[derive(Debug)]
pub struct Identity {
    pub name: String,
    pub config: PluginConfig,
    /// Its settings as a JSON object, with the defaults that it has described.
    pub settings: Json,
    /// What of its settings does not fit what it has described: then it is not called.
    pub refused_settings: Option<String>,
    /// The variables that it is granted, taken when the plugin was loaded: another thread of the application may
    /// change the environment at any time.
    pub environment: BTreeMap<String, String>,
    /// The directory that stands for `/` where it is not the process's own: a plugin under test has files of its own.
    pub root: Option<PathBuf>,
}

impl Identity {
    /// `schema` is what the plugin says of its settings, if it has said that.
    pub fn new(name: &str, config: PluginConfig, schema: Option<&Schema>) -> Identity {
        let environment = config.grants.iter().filter_map(|grant| match grant {
            Grant::Environment(name) => {
                Some((name.clone(), std::env::var_os(name)?.to_string_lossy().into_owned()))
            }
            _ => None,
        });
        let settings = json(&config.settings);
        let problems = schema.map(|schema| problems(name, &config, schema)).unwrap_or_default();
        Identity {
            name: name.to_owned(),
            environment: environment.collect(),
            refused_settings: in_a_line(&problems),
            settings: match schema {
                Some(schema) => schema.with_defaults(settings),
                None => settings,
            },
            root: None,
            config,
        }
    }

    /// Where what a grant calls `path` lies.
    pub fn host_path<'p>(&self, path: &'p Path) -> Cow<'p, Path> {
        match &self.root {
            None => Cow::Borrowed(path),
            Some(root) => Cow::Owned(root.join(path.strip_prefix("/").unwrap_or(path))),
        }
    }

    /// Whether the plugin has this grant.
    ///
    /// # Errors
    ///
    /// What the plugin is told if it has not.
    pub fn allow(&self, grant: Grant) -> Result<(), Denial> {
        if self.config.grants.contains(&grant) { Ok(()) } else { Err(self.denial(&grant)) }
    }

    /// Whether one of the plugin's grants covers the fact of this name.
    pub fn allows_fact(&self, name: &str) -> bool {
        self.config.grants.iter().any(|grant| grant.allows_fact(name))
    }

    /// What the plugin is told that does not have this grant.
    pub fn denial(&self, grant: &Grant) -> Denial {
        let (name, grant) = (&self.name, grant.to_string());
        Denial {
            advice: format!("add \"{grant}\" to `grants` in [gmr.plugins.{name}] of the application"),
            grant,
        }
    }
}

/// TOML as JSON; what JSON does not have becomes text: dates and times, and numbers that are not finite.
pub fn json(table: &toml::Table) -> Json {
    fn value(entry: &toml::Value) -> Json {
        match entry {
            toml::Value::String(text) => Json::from(text.as_str()),
            toml::Value::Integer(number) => Json::from(*number),
            toml::Value::Float(number) if number.is_finite() => Json::from(*number),
            toml::Value::Float(number) => Json::from(number.to_string()),
            toml::Value::Boolean(flag) => Json::from(*flag),
            toml::Value::Datetime(moment) => Json::from(moment.to_string()),
            toml::Value::Array(array) => array.iter().map(value).collect(),
            toml::Value::Table(table) => json(table),
        }
    }
    Json::Object(table.iter().map(|(key, entry)| (key.clone(), value(entry))).collect())
}
