//! The plugin's own settings: the table `[gmr.plugins.NAME.settings]`. No grant is needed.
//!
//! A plugin that [describes](crate::Description::settings) them is called only with settings that fit.

use std::ops::RangeInclusive;

use serde::de::DeserializeOwned;

pub use crate::bindings::gmr::plugin::settings::{Setting, SettingKind};
use crate::{Failure, Field, Value, imports};

/// One setting. The key may name a nested one with dots: `limits.warn`. `None` if there is no such key, or if it names
/// a table. Dates and times are text.
pub fn get(key: &str) -> Option<Value> {
    imports::settings::get(key)
}

/// Every setting, nested names joined by dots, by name.
pub fn all() -> Vec<Field> {
    imports::settings::all()
}

/// The whole table as a JSON object.
pub fn json() -> String {
    imports::settings::json()
}

/// The whole table as a type of the plugin's own.
///
/// # Errors
///
/// [`Failure::Settings`] where the table does not fit the type.
pub fn parse<T: DeserializeOwned>() -> Result<T, Failure> {
    serde_json::from_str(&json()).map_err(|error| Failure::settings(error.to_string()))
}

/// A number, whole or not; `None` if it is not set and has no default.
///
/// # Errors
///
/// [`Failure::Settings`] where the setting is no number, which only happens if it is not described as one.
pub fn number(key: &str) -> Result<Option<f64>, Failure> {
    let Some(value) = get(key) else { return Ok(None) };
    value.as_number().map(Some).ok_or_else(|| Failure::settings(format!("`{key}` must be a number")))
}

impl Setting {
    /// A setting that is `true` or `false`, with one sentence that says what it decides. A nested one has the names of its
    /// tables before it, joined by dots.
    pub fn flag(key: impl Into<String>, summary: impl Into<String>) -> Setting {
        Setting::of(SettingKind::Flag, key.into(), summary.into())
    }

    /// A setting that is a whole number.
    pub fn integer(key: impl Into<String>, summary: impl Into<String>) -> Setting {
        Setting::of(SettingKind::Integer, key.into(), summary.into())
    }

    /// A setting that is a number, whole or not.
    pub fn number(key: impl Into<String>, summary: impl Into<String>) -> Setting {
        Setting::of(SettingKind::Number, key.into(), summary.into())
    }

    /// A setting that is a text. A date or a time counts as one.
    pub fn text(key: impl Into<String>, summary: impl Into<String>) -> Setting {
        Setting::of(SettingKind::Text, key.into(), summary.into())
    }

    /// A setting that is a table whose keys the host does not look at.
    pub fn table(key: impl Into<String>, summary: impl Into<String>) -> Setting {
        Setting::of(SettingKind::Table, key.into(), summary.into())
    }

    fn of(kind: SettingKind, key: String, summary: String) -> Setting {
        Setting {
            key,
            summary,
            kind,
            repeated: false,
            required: false,
            default: None,
            least: None,
            most: None,
            choices: Vec::new(),
        }
    }

    /// The same, within these bounds.
    #[must_use]
    pub fn within(mut self, range: RangeInclusive<f64>) -> Setting {
        (self.least, self.most) = (Some(*range.start()), Some(*range.end()));
        self
    }

    /// The same, at least so much.
    #[must_use]
    pub fn least(mut self, least: f64) -> Setting {
        self.least = Some(least);
        self
    }

    /// The same, one of these words.
    #[must_use]
    pub fn choices(mut self, choices: impl IntoIterator<Item = impl Into<String>>) -> Setting {
        self.choices = choices.into_iter().map(Into::into).collect();
        self
    }

    /// The same as a list: range and choices are each element's.
    #[must_use]
    pub fn repeated(mut self) -> Setting {
        self.repeated = true;
        self
    }

    /// The same, which has to be set.
    #[must_use]
    pub fn required(mut self) -> Setting {
        self.required = true;
        self
    }

    /// The same, with what holds if it is not set: [`get`] gives it then.
    #[must_use]
    pub fn default(mut self, default: impl Into<Value>) -> Setting {
        self.default = Some(default.into());
        self
    }
}
