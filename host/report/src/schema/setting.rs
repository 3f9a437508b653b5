//! One setting: what its value must be, and whether its description makes sense.

use serde_json::Value as Json;

use super::{Problem, listed};
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
    pub(super) fn problems(&self, json: &Json, problems: &mut Vec<Problem>) {
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
    pub(super) fn found(&self, json: &Json) -> String {
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
    pub(super) fn mistake(&self) -> Option<&'static str> {
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
pub(super) const MOST_BYTES: usize = 200;

fn is_name(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

/// A default as a table has it; `None` if no table can.
pub(super) fn json(value: &Value) -> Option<Json> {
    match value {
        Value::Text(text) => Some(Json::from(&**text)),
        Value::Integer(number) => Some(Json::from(*number)),
        Value::Number(number) => serde_json::Number::from_f64(*number).map(Json::Number),
        Value::Flag(flag) => Some(Json::from(*flag)),
        Value::List(list) => list.iter().map(json).collect::<Option<Vec<_>>>().map(Json::Array),
        _ => None,
    }
}
