//! The Configuration section: every option of the application, tables as groups, secrets masked.

use std::time::Instant;

use gmr_report::mask::{self, Secrets};
use gmr_report::{Block, Field, NativeSection, Section, Value, flatten};
use serde::Serialize;
use serde_json::Value as Json;

use crate::bounded_call::Closure;
use crate::serialized;

/// Where the application's configuration comes from.
pub(crate) enum Configuration {
    /// None was given.
    Absent,
    /// It does not change; or why it could not be read.
    Fixed(Result<Json, String>),
    /// Asked for at each report.
    Asked(Closure<Result<Json, String>>),
}

impl Configuration {
    pub(crate) fn fixed(value: &impl Serialize) -> Configuration {
        Configuration::Fixed(serialized::json(value))
    }

    pub(crate) fn asked<T: Serialize>(value: impl Fn() -> T + Send + Sync + 'static) -> Configuration {
        Configuration::Asked(Closure::new(move || serialized::json(&value())))
    }

    pub(crate) fn section(&self, secrets: &Secrets, deadline: Instant) -> Section {
        let section = Section::native(NativeSection::Configuration);
        let written = match self {
            Configuration::Absent => {
                return section.with_blocks([Block::paragraph("the application gave none")]);
            }
            Configuration::Fixed(written) => written.clone(),
            Configuration::Asked(closure) => match closure.call("gmr-section", deadline) {
                Ok(written) => written,
                Err(reason) => return section.failed(format!("the closure that gives it {reason}")),
            },
        };
        match written {
            Ok(json) => section.with_blocks(blocks(&json, secrets)),
            Err(reason) => section.failed(format!("the application's value cannot be read: {reason}")),
        }
    }
}

/// The group of options that stand outside every table, as oslo calls it.
const DEFAULT_GROUP: &str = "default";

fn blocks(json: &Json, secrets: &Secrets) -> Vec<Block> {
    let mut groups = Groups { secrets, groups: Vec::new() };
    match json {
        Json::Object(_) => groups.table("", json, false),
        Json::Null => {}
        other => groups.table("", &serde_json::json!({ "value": other }), false),
    }
    if groups.groups.is_empty() {
        return vec![Block::paragraph("no options")];
    }
    let blocks = groups.groups.into_iter().flat_map(|(name, fields)| {
        let name = if name.is_empty() { DEFAULT_GROUP.to_owned() } else { name };
        [Block::heading(1, name), Block::fields(fields)]
    });
    blocks.collect()
}

/// The options found so far, by the path of their table.
struct Groups<'s> {
    secrets: &'s Secrets,
    groups: Vec<(String, Vec<Field>)>,
}

impl Groups<'_> {
    /// A table's own options, then its tables.
    fn table(&mut self, path: &str, json: &Json, hidden: bool) {
        let Json::Object(entries) = json else { return };
        let (nested, own): (Vec<_>, Vec<_>) = entries.iter().partition(|(_, value)| is_nested(value));
        let fields: Vec<Field> =
            own.iter().map(|(key, value)| self.field(path, key, value, hidden)).collect();
        if !fields.is_empty() {
            self.groups.push((path.to_owned(), fields));
        }
        for (key, value) in nested {
            let path = join(path, key);
            let hidden = hidden || self.secrets.covers(&path);
            match value {
                Json::Array(items) => {
                    for (at, item) in items.iter().enumerate() {
                        self.element(&format!("{path}[{at}]"), item, hidden);
                    }
                }
                value => self.table(&path, value, hidden),
            }
        }
    }

    /// An element of a list that holds tables or lists.
    fn element(&mut self, path: &str, item: &Json, hidden: bool) {
        match item {
            Json::Object(_) => self.table(path, item, hidden),
            item => {
                let value = self.value(item, hidden);
                self.groups.push((path.to_owned(), vec![Field::new("value", value)]));
            }
        }
    }

    fn field(&self, path: &str, key: &str, value: &Json, hidden: bool) -> Field {
        let hidden = hidden || self.secrets.covers(&join(path, key));
        Field::new(key.to_owned(), self.value(value, hidden))
    }

    /// Yes, no and nothing are never secrets: whether a password is set at all is worth knowing.
    fn value(&self, json: &Json, hidden: bool) -> Value {
        match json {
            Json::Null => Value::None,
            Json::Bool(flag) => Value::Flag(*flag),
            Json::Array(items) if items.is_empty() => Value::List(Vec::new()),
            _ if hidden => Value::Redacted,
            Json::Number(number) => flatten::number(number),
            Json::String(text) => mask::text(text).map_or(Value::Redacted, Value::from),
            Json::Array(items) => Value::List(items.iter().map(|item| self.value(item, false)).collect()),
            Json::Object(_) => Value::from("{}"),
        }
    }
}

/// Whether a value needs groups of its own: a table that is not empty, or a list that holds one or a list.
fn is_nested(value: &Json) -> bool {
    match value {
        Json::Object(entries) => !entries.is_empty(),
        Json::Array(items) => items.iter().any(|item| item.is_object() || item.is_array()),
        _ => false,
    }
}

fn join(path: &str, key: &str) -> String {
    match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    }
}

#[cfg(test)]
mod tests {
    use gmr_report::format::text;

    use super::*;

    #[track_caller]
    fn check(json: Json, expected: &str) {
        let section = Configuration::fixed(&json).section(&Secrets::default(), Instant::now());
        let text = text::section(&section);
        let body: Vec<&str> = text.lines().skip(3).collect();
        assert_eq!(body.join("\n").trim_start(), expected.trim());
    }

    #[test]
    fn tables_are_groups_and_lists_keep_their_order() {
        check(
            serde_json::json!({
                "debug": false,
                "limits": {"rate": 0.5, "nested": {"deep": "x"}, "empty": {}},
                "nodes": ["db-2", "db-1", "db-3"],
                "servers": [{"host": "a"}, {"host": "b", "password": "p"}],
                "matrix": [[1, 2], [3]],
            }),
            "
default:
  debug = false
  nodes = [db-2, db-1, db-3]

limits:
  empty = {}
  rate = 0.5

limits.nested:
  deep = x

matrix[0]:
  value = [1, 2]

matrix[1]:
  value = [3]

servers[0]:
  host = a

servers[1]:
  host = b
  password = ***",
        );
    }

    #[test]
    fn secrets_are_masked_wherever_they_hide() {
        check(
            serde_json::json!({
                "db": {"url": "postgres://u:hunter2@h/d", "password": "hunter2", "use_password": true},
                "credentials": {"user": "root", "key": 12345, "more": {"pass": "hunter2"}},
                "tokens": ["a", "b"],
                "urls": ["redis://:hunter2@h"],
                "passwords": [{"for": "x"}],
            }),
            "
default:
  tokens = ***
  urls = [redis://:***@h]

credentials:
  key = ***
  user = ***

credentials.more:
  pass = ***

db:
  password = ***
  url = postgres://u:***@h/d
  use_password = true

passwords[0]:
  for = ***",
        );
    }

    #[test]
    fn values_that_are_no_tables_are_shown_all_the_same() {
        check(serde_json::json!(["a", "b"]), "\ndefault:\n  value = [a, b]");
        check(Json::Null, "no options");
        check(serde_json::json!({}), "no options");
    }

    #[test]
    fn a_value_that_refuses_to_be_written_is_a_failure_and_no_panic() {
        struct Refuses;
        impl Serialize for Refuses {
            fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(serde::ser::Error::custom("locked"))
            }
        }
        let section = Configuration::fixed(&Refuses).section(&Secrets::default(), Instant::now());
        assert_eq!(section.failure.as_deref(), Some("the application's value cannot be read: locked"));
    }
}
