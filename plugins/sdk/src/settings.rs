//! The plugin's own settings: the table `[gmr.plugins.NAME.settings]`. No grant is needed.

use std::ops::RangeInclusive;

use serde::de::DeserializeOwned;

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

/// A number, whole or not.
///
/// # Errors
///
/// [`Failure::Settings`] where the setting is no number or out of range.
pub fn number(key: &str, range: RangeInclusive<f64>) -> Result<Option<f64>, Failure> {
    let Some(value) = get(key) else { return Ok(None) };
    match value.as_number().filter(|number| range.contains(number)) {
        Some(number) => Ok(Some(number)),
        None => Err(Failure::settings(format!(
            "`{key}` must be a number from {} to {}, not {}",
            range.start(),
            range.end(),
            shown(&value),
        ))),
    }
}

/// A setting as an error shows it. TOML has no other kinds, and their words would add 60 KB to each plugin.
fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Flag(flag) => flag.to_string(),
        _ => "a list".to_owned(),
    }
}

/// Refuses settings other than these: a misspelled one would otherwise go unnoticed.
///
/// # Errors
///
/// [`Failure::Settings`] with the first unknown key and the known ones.
pub fn expect_only(known: &[&str]) -> Result<(), Failure> {
    match all().into_iter().find(|field| !known.contains(&field.key.as_str())) {
        None => Ok(()),
        Some(Field { key, .. }) if known.is_empty() => {
            Err(Failure::settings(format!("`{key}` is unknown: this plugin has no settings")))
        }
        Some(Field { key, .. }) => {
            Err(Failure::settings(format!("`{key}` is unknown: the settings are {}", known.join(", "))))
        }
    }
}
