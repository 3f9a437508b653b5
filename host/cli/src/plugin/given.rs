//! What a plugin is given on the command line: settings and grants as an application's file gives them,
//! further grants, facts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use gmr::plugin::{Facts, Grant, PluginConfig};
use serde_json::Value;

#[derive(clap::Args)]
pub struct Given {
    /// The application's settings, whose table [gmr.plugins.NAME] applies: exactly its grants, limits and settings
    #[arg(long, value_name = "FILE", alias = "settings-file")]
    config: Option<PathBuf>,
    /// A further grant such as `process` or `facts:pool.*`; may be repeated
    #[arg(long, value_name = "GRANT")]
    grant: Vec<Grant>,
    /// A fact, such as `pool={"size": 8}`; may be repeated
    #[arg(long, value_name = "NAME=JSON", value_parser = fact)]
    fact: Vec<(String, Value)>,
}

impl Given {
    /// The plugin's configuration. The table's name is the file's, without the extension.
    pub fn config(&self, plugin: &Path) -> Result<PluginConfig> {
        let mut config = match &self.config {
            None => PluginConfig::default(),
            Some(file) => {
                // The error's own text holds its cause already.
                let mut settings = gmr::Settings::from_file(file).map_err(|error| anyhow!("{error}"))?;
                let name = plugin.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
                settings.plugins.remove(name).with_context(|| {
                    format!("{} has no table [gmr.plugins.{name}] for this plugin", file.display())
                })?
            }
        };
        let further = self.grant.iter().filter(|grant| !config.grants.contains(grant));
        let further: Vec<Grant> = further.cloned().collect();
        config.grants.extend(further);
        Ok(config)
    }

    /// The file whose table applies.
    pub fn config_file(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// Whether there are facts, so that none has to be made up.
    pub fn has_facts(&self) -> bool {
        !self.fact.is_empty()
    }

    pub fn facts(&self) -> Arc<Facts> {
        let facts = Facts::new();
        for (name, value) in self.fact.clone() {
            facts.add(name, move || value.clone());
        }
        Arc::new(facts)
    }
}

fn fact(text: &str) -> Result<(String, Value), String> {
    let (name, json) = text.split_once('=').ok_or("write NAME=JSON, such as pool.size=8")?;
    if name.trim().is_empty() {
        return Err("the fact has no name; write NAME=JSON".to_owned());
    }
    let value = serde_json::from_str(json)
        .map_err(|error| format!("`{json}` is no JSON ({error}); words need quotes: {name}='\"words\"'"))?;
    Ok((name.trim().to_owned(), value))
}
