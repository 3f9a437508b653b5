//! The schema of a plugin's settings: which there are, and what of a table does not fit them. The host refuses by it, and the
//! made-up host of plugins' tests answers by it, so both say the same.
//!
//! A list of typed records and no JSON Schema: records have a size that can be limited, need no library on either side, and
//! each refusal names one key and what it must be.

mod setting;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Map, Value as Json};

use self::setting::{MOST_BYTES, json};
pub use self::setting::{MOST_SETTINGS, Setting, SettingKind};
use crate::flatten;

/// What of a table of settings does not fit. Keys are as in [`Setting::key`]; an element of a list has its number behind, from
/// 0: `ports.1`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// There is no such setting.
    Unknown {
        /// The key.
        key: String,
        /// The keys that the same table may have.
        known: Vec<String>,
    },
    /// It has to be set and is not.
    Missing {
        /// The key.
        key: String,
        /// What it must be, as [`Setting::expected`] says it.
        expected: String,
    },
    /// It is set to something else than it may be.
    Unfit {
        /// The key.
        key: String,
        /// What it must be, as [`Setting::expected`] says it.
        expected: String,
        /// What is there: a number, or what kind of a value it is. Texts are not quoted, since they may be secrets.
        found: String,
    },
}

impl Problem {
    /// The key that it is about.
    pub fn key(&self) -> &str {
        match self {
            Problem::Unknown { key, .. } | Problem::Missing { key, .. } | Problem::Unfit { key, .. } => key,
        }
    }

    /// The problem in one line, for keys of the table `table`. `nearest` finds the one of some words that was meant.
    ///
    /// ```
    /// use gmr_report::schema::Problem;
    ///
    /// let problem = Problem::Unknown { key: "wran".to_owned(), known: vec!["warn".to_owned()] };
    /// let line = problem.in_words("plugins.pool", |_, known| known.first().cloned());
    /// assert_eq!(line, "unknown setting `plugins.pool.wran`; did you mean `warn`?");
    /// ```
    pub fn in_words(&self, table: &str, nearest: impl FnOnce(&str, &[String]) -> Option<String>) -> String {
        let path = if table.is_empty() { String::new() } else { format!("{table}.") };
        match self {
            Problem::Unknown { key, known } => {
                let mut line = format!("unknown setting `{path}{key}`; ");
                let _ = match nearest(key, known) {
                    Some(known) => write!(line, "did you mean `{known}`?"),
                    None if known.is_empty() => write!(line, "this plugin has no settings"),
                    None => write!(line, "known are {}", listed(known.iter().cloned())),
                };
                line
            }
            Problem::Missing { key, expected } => {
                format!("`{path}{key}` is not set and must be {expected}")
            }
            Problem::Unfit { key, expected, found } => {
                format!("`{path}{key}` must be {expected}, not {found}")
            }
        }
    }
}

/// All settings of a plugin.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schema(Vec<Setting>);

impl Schema {
    /// The schema of these settings.
    ///
    /// # Errors
    ///
    /// What is wrong with their description, in one line for the plugin's author: more than 128 settings, a key that stands
    /// twice or within another, a default that is out of its range, and the like.
    pub fn new(settings: Vec<Setting>) -> Result<Schema, String> {
        if settings.len() > MOST_SETTINGS {
            return Err(format!("it describes {} settings and may describe {MOST_SETTINGS}", settings.len()));
        }
        let mut keys = BTreeSet::new();
        for setting in &settings {
            let mistake = setting
                .mistake()
                .or_else(|| (!keys.insert(setting.key.as_str())).then_some("another one has the same key"));
            if let Some(mistake) = mistake {
                return Err(format!("it describes its setting `{}` wrongly: {mistake}", cut(&setting.key)));
            }
        }
        let tables = |key: &str| key.match_indices('.').map(|(at, _)| at).collect::<Vec<_>>();
        let within = keys.iter().find_map(|key| {
            let table = tables(key).into_iter().map(|at| &key[..at]).find(|table| keys.contains(table))?;
            Some(format!("its setting `{key}` lies within its setting `{table}`"))
        });
        within.map_or(Ok(Schema(settings)), Err)
    }

    /// The settings, as the plugin has them in order.
    pub fn settings(&self) -> &[Setting] {
        &self.0
    }

    /// What of a table does not fit, keys in their order, then what is missing.
    ///
    /// ```
    /// use gmr_report::schema::{Schema, Setting, SettingKind};
    ///
    /// let schema = Schema::new(vec![Setting::new("limits.warn", SettingKind::Integer, "when to warn")])?;
    /// assert!(schema.problems(&serde_json::json!({"limits": {"warn": 5}})).is_empty());
    /// assert_eq!(schema.problems(&serde_json::json!({"limits": {"wran": 5}}))[0].key(), "limits.wran");
    /// # Ok::<(), String>(())
    /// ```
    pub fn problems(&self, table: &Json) -> Vec<Problem> {
        let mut problems = Vec::new();
        if let Json::Object(entries) = table {
            self.problems_below("", entries, &mut problems);
        }
        let missing = self.0.iter().filter(|setting| setting.required);
        problems.extend(
            missing
                .filter(|setting| flatten::find(table, &setting.key).is_none())
                .map(|setting| Problem::Missing { key: setting.key.clone(), expected: setting.expected() }),
        );
        problems
    }

    /// Follows only tables that the schema has: so it goes no deeper than its keys.
    fn problems_below(&self, table: &str, entries: &Map<String, Json>, problems: &mut Vec<Problem>) {
        for (name, json) in entries {
            let key = format!("{table}{name}");
            let below = format!("{key}.");
            if let Some(setting) = self.0.iter().find(|setting| setting.key == key) {
                setting.problems(json, problems);
            } else if self.0.iter().any(|setting| setting.key.starts_with(&below)) {
                match json {
                    Json::Object(entries) => self.problems_below(&below, entries, problems),
                    json => {
                        let found = Setting::new("", SettingKind::Table, "").found(json);
                        problems.push(Problem::Unfit { key, expected: "a table".to_owned(), found });
                    }
                }
            } else {
                let known = self.0.iter().filter_map(|setting| setting.key.strip_prefix(table));
                let known: BTreeSet<&str> = known.filter_map(|rest| rest.split('.').next()).collect();
                let known = known.into_iter().map(|name| format!("{table}{name}")).collect();
                problems.push(Problem::Unknown { key, known });
            }
        }
    }

    /// The same table, where what is not set has its default. A value that does not fit stays.
    pub fn with_defaults(&self, mut table: Json) -> Json {
        for setting in &self.0 {
            if let Some(default) = setting.default.as_ref().and_then(json)
                && flatten::find(&table, &setting.key).is_none()
            {
                set(&mut table, &setting.key, default);
            }
        }
        table
    }
}

/// Puts a value where the dots in the key lead to, unless something else than a table is in the way.
fn set(table: &mut Json, key: &str, value: Json) {
    let Json::Object(entries) = table else { return };
    match key.split_once('.') {
        None => drop(entries.insert(key.to_owned(), value)),
        Some((name, rest)) => {
            let below = entries.entry(name).or_insert_with(|| Json::Object(Map::new()));
            set(below, rest, value);
        }
    }
}

/// Words in a line, of many the first ones.
fn listed(words: impl ExactSizeIterator<Item = String>) -> String {
    const SHOWN: usize = 16;
    let more = words.len().saturating_sub(SHOWN);
    let shown = words.take(SHOWN).collect::<Vec<_>>().join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

/// A key as an error shows it, however long it is.
fn cut(key: &str) -> String {
    let mut shown: String = key.chars().take(MOST_BYTES).collect();
    if shown.len() < key.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests;
