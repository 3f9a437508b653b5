//! The schema of a plugin's settings: which there are, and what of a table does not fit them. The host refuses by it, and the
//! made-up host of plugins' tests answers by it, so both say the same.
//!
//! A list of typed records and no JSON Schema: records have a size that can be limited, need no library on either side, and
//! each refusal names one key and what it must be.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Map, Value as Json};

use crate::flatten;
use crate::model::Value;

/// What a setting is written as in TOML.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SettingKind {
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Integer,
    /// A number, whole or not.
    Number,
    /// Words.
    Text,
    /// A table whose keys nobody looks at.
    Table,
}

/// One setting of a plugin.
///
/// ```
/// use gmr_report::schema::{Setting, SettingKind};
///
/// let mut warn = Setting::new("warn_percent", SettingKind::Number, "from which share on there is a remark");
/// (warn.least, warn.most, warn.default) = (Some(1.0), Some(100.0), Some(80_i64.into()));
/// assert_eq!(warn.expected(), "a number from 1 to 100");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Setting {
    /// Its key; a nested one has the names of its tables before it, joined by dots.
    pub key: String,
    /// What it decides, in one sentence.
    pub summary: String,
    /// What it is written as.
    pub kind: SettingKind,
    /// Whether it is a list of such values. Default: `false`.
    pub repeated: bool,
    /// Whether it has to be set. Default: `false`.
    pub required: bool,
    /// What holds if it is not set.
    pub default: Option<Value>,
    /// The least that a number may be.
    pub least: Option<f64>,
    /// The most that a number may be.
    pub most: Option<f64>,
    /// Which words a text may be; empty: any.
    pub choices: Vec<String>,
}

impl Setting {
    /// A setting that need not be set, of any value of its kind.
    pub fn new(key: impl Into<String>, kind: SettingKind, summary: impl Into<String>) -> Setting {
        Setting {
            key: key.into(),
            summary: summary.into(),
            kind,
            repeated: false,
            required: false,
            default: None,
            least: None,
            most: None,
            choices: Vec::new(),
        }
    }

    /// What its value must be, as a sentence goes on after "must be".
    pub fn expected(&self) -> String {
        let range = self.range();
        if !self.repeated {
            return format!("{}{range}", self.one());
        }
        match self.kind {
            SettingKind::Flag => "a list of true and false".to_owned(),
            SettingKind::Integer => format!("a list of whole numbers{range}"),
            SettingKind::Number => format!("a list of numbers{range}"),
            SettingKind::Text if self.choices.is_empty() => "a list of strings".to_owned(),
            SettingKind::Text => format!("a list of {}", self.words()),
            SettingKind::Table => "a list of tables".to_owned(),
        }
    }

    /// One value of it, without its range.
    fn one(&self) -> String {
        match self.kind {
            SettingKind::Flag => "true or false".to_owned(),
            SettingKind::Integer => "a whole number".to_owned(),
            SettingKind::Number => "a number".to_owned(),
            SettingKind::Text if self.choices.is_empty() => "a string".to_owned(),
            SettingKind::Text => format!("one of {}", self.words()),
            SettingKind::Table => "a table".to_owned(),
        }
    }

    fn words(&self) -> String {
        listed(self.choices.iter().map(|word| format!("\"{word}\"")))
    }

    fn range(&self) -> String {
        match (self.least, self.most) {
            (None, None) => String::new(),
            (Some(least), None) => format!(" from {least} on"),
            (None, Some(most)) => format!(" up to {most}"),
            (Some(least), Some(most)) => format!(" from {least} to {most}"),
        }
    }

    fn fits(&self, json: &Json) -> bool {
        match self.kind {
            SettingKind::Flag => json.is_boolean(),
            SettingKind::Integer => (json.is_i64() || json.is_u64()) && self.is_in_range(json),
            SettingKind::Number => json.is_number() && self.is_in_range(json),
            SettingKind::Text => json
                .as_str()
                .is_some_and(|text| self.choices.is_empty() || self.choices.iter().any(|word| word == text)),
            SettingKind::Table => json.is_object(),
        }
    }

    fn is_in_range(&self, json: &Json) -> bool {
        json.as_f64().is_some_and(|number| {
            self.least.is_none_or(|least| number >= least) && self.most.is_none_or(|most| number <= most)
        })
    }

    /// What of a value does not fit.
    fn problems(&self, json: &Json, problems: &mut Vec<Problem>) {
        let unfit = |key: String, expected: String, json: &Json| Problem::Unfit {
            key,
            expected,
            found: self.found(json),
        };
        match json {
            Json::Array(elements) if self.repeated => {
                let wrong = elements.iter().enumerate().filter(|(_, element)| !self.fits(element));
                problems.extend(wrong.map(|(at, element)| {
                    unfit(format!("{}.{at}", self.key), format!("{}{}", self.one(), self.range()), element)
                }));
            }
            json if !self.repeated && self.fits(json) => {}
            json => problems.push(unfit(self.key.clone(), self.expected(), json)),
        }
    }

    /// What was found instead. A text is not quoted, since it may be a secret at the wrong place.
    fn found(&self, json: &Json) -> String {
        let is_out_of_range = match self.kind {
            SettingKind::Integer => json.is_i64() || json.is_u64(),
            SettingKind::Number => json.is_number(),
            _ => false,
        };
        match json {
            Json::Number(number) if is_out_of_range => number.to_string(),
            Json::Null => "nothing".to_owned(),
            Json::Bool(_) => "true or false".to_owned(),
            Json::Number(number) if number.is_f64() => "a number with a fraction".to_owned(),
            Json::Number(_) => "a whole number".to_owned(),
            Json::String(_) if self.kind == SettingKind::Text => "another string".to_owned(),
            Json::String(_) => "a string".to_owned(),
            Json::Array(_) => "a list".to_owned(),
            Json::Object(_) => "a table".to_owned(),
        }
    }

    /// What is wrong with the description itself, which is its author's mistake.
    fn mistake(&self) -> Option<&'static str> {
        let is_number = matches!(self.kind, SettingKind::Integer | SettingKind::Number);
        let bounds = [self.least, self.most];
        if !self.key.split('.').all(is_name) {
            return Some("its key is not made of letters, digits, `_` and `-`, with single dots between");
        }
        if self.key.len() > MOST_BYTES || self.choices.iter().any(|word| word.len() > MOST_BYTES) {
            return Some("its key or one of its choices is longer than 200 bytes");
        }
        if self.choices.len() > MOST_SETTINGS {
            return Some("it has more than 128 choices");
        }
        if !is_number && bounds.iter().any(Option::is_some) {
            return Some("it has a range and is no number");
        }
        if bounds.iter().flatten().any(|bound| bound.is_nan())
            || self.least > self.most && self.most.is_some()
        {
            return Some("its range is empty");
        }
        if self.kind != SettingKind::Text && !self.choices.is_empty() {
            return Some("it has choices and is no text");
        }
        if self.required && self.default.is_some() {
            return Some("it is required and has a default");
        }
        let default = self.default.as_ref()?;
        let mut problems = Vec::new();
        match json(default) {
            Some(default) => self.problems(&default, &mut problems),
            None => return Some("its default is none of text, number, flag and list"),
        }
        (!problems.is_empty()).then_some("its default does not fit itself")
    }
}

/// How many settings a plugin may describe, and how many choices each may have: more than anybody reads.
pub const MOST_SETTINGS: usize = 128;

/// How long a key or a choice may be in bytes; they stand in one line.
const MOST_BYTES: usize = 200;

fn is_name(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

/// A default as a table has it; `None` if no table can.
fn json(value: &Value) -> Option<Json> {
    match value {
        Value::Text(text) => Some(Json::from(&**text)),
        Value::Integer(number) => Some(Json::from(*number)),
        Value::Number(number) => serde_json::Number::from_f64(*number).map(Json::Number),
        Value::Flag(flag) => Some(Json::from(*flag)),
        Value::List(list) => list.iter().map(json).collect::<Option<Vec<_>>>().map(Json::Array),
        _ => None,
    }
}

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
mod tests {
    use serde_json::json;

    use super::*;

    fn setting(key: &str, kind: SettingKind) -> Setting {
        Setting::new(key, kind, "")
    }

    fn schema() -> Schema {
        let mut warn = setting("warn", SettingKind::Number);
        (warn.least, warn.most, warn.default) = (Some(1.0), Some(100.0), Some(80_i64.into()));
        let mut port = setting("net.port", SettingKind::Integer);
        (port.least, port.most, port.required) = (Some(1.0), Some(65535.0), true);
        let mut level = setting("level", SettingKind::Text);
        (level.choices, level.default) = (vec!["low".to_owned(), "high".to_owned()], Some("low".into()));
        let mut ratios = setting("net.ratios", SettingKind::Number);
        (ratios.repeated, ratios.least) = (true, Some(0.0));
        let kinds = [setting("free", SettingKind::Table), setting("on", SettingKind::Flag)];
        Schema::new([vec![warn, port, level, ratios], kinds.into()].concat()).unwrap()
    }

    #[track_caller]
    fn check(table: Json, expected: &[&str]) {
        let problems = schema().problems(&table);
        let lines: Vec<String> = problems.iter().map(|one| one.in_words("", |_, _| None)).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn what_fits_is_no_problem_at_both_ends_of_each_range() {
        check(json!({"net": {"port": 1}}), &[]);
        check(json!({"net": {"port": 65535}, "warn": 1, "level": "high", "on": false}), &[]);
        check(json!({"net.port": 80, "warn": 99.5, "free": {"any": {"thing": [1]}}}), &[]);
        check(json!({"net": {"port": 80, "ratios": []}}), &[]);
        check(json!({"net": {"port": 80, "ratios": [0, 0.5]}}), &[]);
    }

    #[test]
    fn each_misfit_names_its_key_and_what_it_must_be() {
        let port = |more: Json| {
            let mut table = json!({"net": {"port": 80}});
            table.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            table
        };
        check(port(json!({"warn": 0})), &["`warn` must be a number from 1 to 100, not 0"]);
        check(port(json!({"warn": 100.5})), &["`warn` must be a number from 1 to 100, not 100.5"]);
        check(port(json!({"warn": "80"})), &["`warn` must be a number from 1 to 100, not a string"]);
        check(
            port(json!({"level": "hunter2"})),
            &["`level` must be one of \"low\", \"high\", not another string"],
        );
        check(port(json!({"on": 1})), &["`on` must be true or false, not a whole number"]);
        check(port(json!({"free": true})), &["`free` must be a table, not true or false"]);
        check(json!({"net": {"port": 0}}), &["`net.port` must be a whole number from 1 to 65535, not 0"]);
        check(
            json!({"net": {"port": 8.5}}),
            &["`net.port` must be a whole number from 1 to 65535, not a number with a fraction"],
        );
        check(
            json!({"net": {"port": 80, "ratios": [1, -1, "x"]}}),
            &[
                "`net.ratios.1` must be a number from 0 on, not -1",
                "`net.ratios.2` must be a number from 0 on, not a string",
            ],
        );
        check(
            json!({"net": {"port": 80, "ratios": 1}}),
            &["`net.ratios` must be a list of numbers from 0 on, not 1"],
        );
    }

    #[test]
    fn unknown_keys_are_told_with_those_of_the_same_table_and_missing_ones_are_told_too() {
        check(
            json!({"wran": 1, "net": {"prot": 80}}),
            &[
                "unknown setting `net.prot`; known are net.port, net.ratios",
                "unknown setting `wran`; known are free, level, net, on, warn",
                "`net.port` is not set and must be a whole number from 1 to 65535",
            ],
        );
        check(
            json!({"net": 5}),
            &[
                "`net` must be a table, not a whole number",
                "`net.port` is not set and must be a whole number from 1 to 65535",
            ],
        );
        let none = Schema::new(Vec::new()).unwrap().problems(&json!({"a": 1}));
        assert_eq!(none[0].in_words("t", |_, _| None), "unknown setting `t.a`; this plugin has no settings");
    }

    #[test]
    fn defaults_fill_what_is_not_set_and_nothing_else() {
        let filled = schema().with_defaults(json!({"net": {"port": 1}, "warn": 5}));
        assert_eq!(filled, json!({"net": {"port": 1}, "warn": 5, "level": "low"}));
        let mut nested = setting("a.b", SettingKind::Flag);
        nested.default = Some(true.into());
        let schema = Schema::new(vec![nested]).unwrap();
        assert_eq!(schema.with_defaults(json!({})), json!({"a": {"b": true}}));
        assert_eq!(schema.with_defaults(json!({"a": {"b": false}})), json!({"a": {"b": false}}));
        assert_eq!(schema.with_defaults(json!({"a.b": false})), json!({"a.b": false}));
        assert_eq!(schema.with_defaults(json!({"a": 1})), json!({"a": 1}));
    }

    #[test]
    fn mistakes_of_the_author_are_told_to_the_author() {
        let check = |change: fn(&mut Setting), expected: &str| {
            let mut one = setting("x", SettingKind::Integer);
            change(&mut one);
            let error = Schema::new(vec![one]).unwrap_err();
            assert!(error.contains(expected), "{error}");
        };
        check(|one| one.key = String::new(), "letters, digits");
        check(|one| one.key = "a..b".into(), "letters, digits");
        check(|one| one.key = "a b".into(), "letters, digits");
        check(|one| one.key = "a".repeat(201), "longer than 200 bytes");
        check(|one| (one.least, one.most) = (Some(2.0), Some(1.0)), "range is empty");
        check(|one| one.least = Some(f64::NAN), "range is empty");
        check(|one| one.choices = vec!["a".into()], "choices and is no text");
        check(|one| (one.kind, one.most) = (SettingKind::Flag, Some(1.0)), "range and is no number");
        check(|one| (one.required, one.default) = (true, Some(1_i64.into())), "required and has a default");
        check(|one| (one.most, one.default) = (Some(1.0), Some(2_i64.into())), "default does not fit");
        check(|one| one.default = Some("1".into()), "default does not fit");
        check(|one| one.default = Some(Value::Redacted), "none of text, number");
        let twice = vec![setting("a", SettingKind::Flag), setting("a", SettingKind::Text)];
        assert!(Schema::new(twice).unwrap_err().contains("the same key"));
        let within = vec![setting("a.b.c", SettingKind::Flag), setting("a.b", SettingKind::Table)];
        assert!(Schema::new(within).unwrap_err().contains("`a.b.c` lies within its setting `a.b`"));
        let many =
            |count| Schema::new((0..count).map(|n| setting(&format!("s{n}"), SettingKind::Flag)).collect());
        assert!(many(MOST_SETTINGS).is_ok() && many(MOST_SETTINGS + 1).is_err());
    }
}
