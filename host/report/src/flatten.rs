//! JSON as named values: how facts and settings, which nest, become the flat fields of a section.
//!
//! Tables and lists of tables are followed, names joined by dots and elements numbered from 0. A list of plain values is
//! one value. What is empty is kept, so that it is not lost.

use serde_json::{Number, Value as Json};

use crate::model::{Field, Value};

/// The fields of a value that has this name: those of a table under their own names, anything else under `name`.
///
/// ```
/// use gmr_report::flatten;
///
/// let lines = |name, json| {
///     let fields = flatten::fields(name, &json);
///     let line = |field: &gmr_report::Field| format!("{} = {}", field.key, gmr_report::words::value(&field.value));
///     fields.iter().map(line).collect::<Vec<_>>()
/// };
/// let pool = serde_json::json!({"size": 8, "busy": {"now": 3}, "nodes": ["a", "b"], "shards": [{"id": 1}]});
/// assert_eq!(lines("pool", pool), ["busy.now = 3", "nodes = [a, b]", "shards.0.id = 1", "size = 8"]);
/// assert_eq!(lines("build", serde_json::json!("5118daf")), ["build = 5118daf"]);
/// ```
pub fn fields(name: &str, json: &Json) -> Vec<Field> {
    let mut fields = Vec::new();
    match json {
        Json::Object(entries) => {
            entries.iter().for_each(|(key, json)| follow(key.clone(), json, &mut fields))
        }
        json => follow(name.to_owned(), json, &mut fields),
    }
    fields
}

fn follow(name: String, json: &Json, fields: &mut Vec<Field>) {
    match json {
        Json::Object(entries) if !entries.is_empty() => {
            entries.iter().for_each(|(key, json)| follow(format!("{name}.{key}"), json, fields));
        }
        Json::Array(elements) if elements.iter().any(is_nested) => {
            let numbered = elements.iter().enumerate();
            numbered.for_each(|(at, json)| follow(format!("{name}.{at}"), json, fields));
        }
        json => fields.push(Field::new(name, value(json).unwrap_or(Value::None))),
    }
}

fn is_nested(json: &Json) -> bool {
    json.is_object() || json.is_array()
}

/// The entry of a table that has this name, or that the dots in it lead to.
///
/// ```
/// use gmr_report::flatten::find;
///
/// let settings = serde_json::json!({"nodes": [{"host": "a"}], "a.b": 1});
/// assert_eq!(find(&settings, "nodes.0.host"), Some(&serde_json::json!("a")));
/// assert_eq!(find(&settings, "a.b"), Some(&serde_json::json!(1)));
/// assert_eq!(find(&settings, "nodes.1"), None);
/// ```
pub fn find<'j>(table: &'j Json, key: &str) -> Option<&'j Json> {
    let by_dots = || {
        key.split('.').try_fold(table, |json, part| match json {
            Json::Array(elements) => elements.get(part.parse::<usize>().ok()?),
            json => json.get(part),
        })
    };
    table.get(key).or_else(by_dots)
}

/// What is no table and holds none, as one value.
///
/// ```
/// use gmr_report::{Value, flatten};
///
/// assert_eq!(flatten::value(&serde_json::json!([1, null])), Some(Value::List(vec![1_i64.into(), Value::None])));
/// assert_eq!(flatten::value(&serde_json::json!([[1]])), None);
/// ```
pub fn value(json: &Json) -> Option<Value> {
    match json {
        Json::Array(elements) => elements.iter().map(plain).collect::<Option<Vec<_>>>().map(Value::List),
        json => plain(json),
    }
}

fn plain(json: &Json) -> Option<Value> {
    Some(match json {
        Json::Null => Value::None,
        Json::Bool(flag) => Value::Flag(*flag),
        Json::Number(number) => self::number(number),
        Json::String(text) => text.as_str().into(),
        Json::Array(_) | Json::Object(_) => return None,
    })
}

/// A number; whole ones beyond the range of [`Value::Integer`] stay exact as words.
pub fn number(number: &Number) -> Value {
    match (number.as_i64(), number.as_u64(), number.as_f64()) {
        (Some(number), ..) => Value::Integer(number),
        (None, Some(number), _) => Value::from(number),
        (None, None, Some(fraction)) if number.is_f64() => Value::from(fraction),
        _ => number.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(json: Json, expected: &str) {
        let line = |field: &Field| format!("{}={:?}", field.key, field.value);
        let lines: Vec<String> = fields("f", &json).iter().map(line).collect();
        assert_eq!(lines.join(" "), expected);
    }

    #[test]
    fn names_are_joined_by_dots_and_lists_of_tables_are_numbered() {
        check(json!({"a": {"b": true}, "c": null}), "a.b=Flag(true) c=None");
        check(json!([{"a": 1}, 2, [3]]), "f.0.a=Integer(1) f.1=Integer(2) f.2=List([Integer(3)])");
        check(json!([1, "x"]), r#"f=List([Integer(1), Text("x")])"#);
    }

    #[test]
    fn what_is_empty_is_kept() {
        check(json!({"a": {}, "b": [], "c": [{}]}), "a=None b=List([]) c.0=None");
        check(json!([]), "f=List([])");
        check(json!({}), "");
    }

    #[test]
    fn numbers_stay_exact() {
        check(json!(3), "f=Integer(3)");
        check(json!(1.5), "f=Number(1.5)");
        check(json!(u64::MAX), r#"f=Text("18446744073709551615")"#);
        check(json!(i64::MIN), "f=Integer(-9223372036854775808)");
    }

    #[test]
    fn a_key_is_looked_up_as_it_is_and_then_by_its_dots() {
        let table = json!({"a": {"b": 1}, "a.b": 2, "list": [{"x": 3}]});
        assert_eq!(find(&table, "a.b"), Some(&json!(2)));
        assert_eq!(find(&table, "list.0.x"), Some(&json!(3)));
        assert_eq!(find(&table, "list.x"), None);
        assert_eq!(find(&table, "a.c"), None);
    }
}
