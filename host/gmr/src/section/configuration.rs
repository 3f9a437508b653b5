//! The Configuration section: every option of the application, tables as groups, secrets masked.

use std::time::Instant;

use gmr_report::mask::{MASK, Secrets};
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
            Ok(json) => section.with_blocks(blocks(&secrets.json("", json))),
            Err(reason) => section.failed(format!("the application's value cannot be read: {reason}")),
        }
    }
}

/// The group of options that stand outside every table, as oslo calls it.
const DEFAULT_GROUP: &str = "default";

/// The options as blocks; their secrets are masked already.
fn blocks(json: &Json) -> Vec<Block> {
    let mut groups = Groups::default();
    match json {
        Json::Object(_) => groups.table("", json),
        Json::Null => {}
        other => groups.table("", &serde_json::json!({ "value": other })),
    }
    if groups.0.is_empty() {
        return vec![Block::paragraph("no options")];
    }
    let blocks = groups.0.into_iter().flat_map(|(name, fields)| {
        let name = if name.is_empty() { DEFAULT_GROUP.to_owned() } else { name };
        [Block::heading(1, name), Block::fields(fields)]
    });
    blocks.collect()
}

/// The options found so far, by the path of their table.
#[derive(Default)]
struct Groups(Vec<(String, Vec<Field>)>);

impl Groups {
    /// A table's own options, then its tables.
    fn table(&mut self, path: &str, json: &Json) {
        let Json::Object(entries) = json else { return };
        let (nested, own): (Vec<_>, Vec<_>) = entries.iter().partition(|(_, value)| is_nested(value));
        let fields: Vec<Field> =
            own.iter().map(|(key, json)| Field::new((*key).clone(), value(json))).collect();
        if !fields.is_empty() {
            self.0.push((path.to_owned(), fields));
        }
        for (key, value) in nested {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            match value {
                Json::Array(items) => {
                    for (at, item) in items.iter().enumerate() {
                        self.element(&format!("{path}[{at}]"), item);
                    }
                }
                value => self.table(&path, value),
            }
        }
    }

    /// An element of a list that holds tables or lists.
    fn element(&mut self, path: &str, item: &Json) {
        match item {
            Json::Object(_) => self.table(path, item),
            item => self.0.push((path.to_owned(), vec![Field::new("value", value(item))])),
        }
    }
}

fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::None,
        Json::Bool(flag) => Value::Flag(*flag),
        Json::Number(number) => flatten::number(number),
        Json::String(text) if text == MASK => Value::Redacted,
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::List(items.iter().map(value).collect()),
        Json::Object(_) => Value::from("{}"),
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::path::PathBuf;

    use gmr_report::format::text;

    use super::*;

    #[track_caller]
    fn check(options: impl Serialize, expected: &str) {
        let section = Configuration::fixed(&options).section(&Secrets::default(), Instant::now());
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
  credentials = *** (3 entries)
  passwords = ***
  tokens = ***
  urls = [redis://:***@h]

db:
  password = ***
  url = postgres://u:***@h/d
  use_password = true",
        );
    }

    #[test]
    fn values_that_are_no_tables_are_shown_all_the_same() {
        check(serde_json::json!(["a", "b"]), "\ndefault:\n  value = [a, b]");
        check(Json::Null, "no options");
        check(serde_json::json!({}), "no options");
    }

    #[test]
    fn a_value_that_cannot_be_shown_costs_itself_alone() {
        #[derive(Serialize)]
        struct Options {
            listen: &'static str,
            rate: f64,
            files: PathBuf,
            limits: BTreeMap<Option<u8>, u128>,
        }
        let options = Options {
            listen: "0.0.0.0:80",
            rate: f64::NAN,
            files: PathBuf::from(OsStr::from_bytes(b"/srv/\xff")),
            limits: BTreeMap::from([(None, u128::MAX)]),
        };
        check(
            options,
            "
default:
  files = cannot be shown: path contains invalid UTF-8 characters
  listen = 0.0.0.0:80
  rate = NaN

limits:
  null = 340282366920938463463374607431768211455",
        );
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
