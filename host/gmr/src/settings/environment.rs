//! Options from environment variables, which win over the file.

use std::ffi::OsString;

use toml::de::DeTable;

use super::reader::{Source, Table};
use super::{OPTIONS, Settings};
use crate::error::Error;

impl Settings {
    /// Takes over what the process environment sets: `GMR_LOG_DIR`, `GMR_SIGNAL` and so on, the option's
    /// name in capitals behind `GMR_`. An empty variable counts as unset. Lists are
    /// divided by `:` (paths) or `,` (words). `[gmr.plugins]` has no variables: what a plugin is granted
    /// stays in the file.
    ///
    /// # Errors
    ///
    /// If a value cannot be meant; the error names the variable.
    pub fn with_environment(self) -> Result<Settings, Error> {
        self.with_variables(|name| std::env::var_os(name))
    }

    pub(crate) fn with_variables(
        mut self,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Settings, Error> {
        for option in OPTIONS {
            let name = format!("GMR_{}", option.to_ascii_uppercase());
            let Some(text) = variable(&name).filter(|text| !text.is_empty()) else { continue };
            let text = text
                .into_string()
                .map_err(|text| Error::settings(format!("{name} is not UTF-8: {}", text.display())))?;
            self.read_variable(option, &name, &text)?;
        }
        self.check()?;
        Ok(self)
    }

    fn read_variable(&mut self, key: &'static str, name: &str, text: &str) -> Result<(), Error> {
        let value = match key {
            "plugin_dir" => list(text.split(':')),
            "secrets" => list(text.split(',')),
            // The one option that is a bare number in TOML; the others take their number as a text too.
            "keep" => text.parse().map_or_else(|_| toml::Value::from(text), toml::Value::Integer),
            _ => toml::Value::from(text),
        };
        let document = format!("{key} = {value}");
        let table = DeTable::parse(&document)
            .map_err(|error| Error::settings(format!("{name}: {}", error.message())))?;
        self.read(Table::new(Source::line(&document, name), "gmr", table.get_ref()))
    }
}

fn list<'t>(parts: impl Iterator<Item = &'t str>) -> toml::Value {
    let parts = parts.map(str::trim).filter(|part| !part.is_empty());
    toml::Value::Array(parts.map(toml::Value::from).collect())
}
