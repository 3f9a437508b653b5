//! JSON as named values, by the rules that the interface gives for facts and settings.

use serde_json::Value as Json;

use crate::{Field, Scalar, Value};

/// The fields of a value that has this name; of a nameless one if it is empty.
pub fn fields(name: &str, value: &Json) -> Vec<Field> {
    let mut fields = Vec::new();
    match value {
        // A fact's own name does not stand before the names in it.
        Json::Object(members) => {
            members.iter().for_each(|(key, value)| flatten(key.clone(), value, &mut fields));
        }
        _ => flatten(name.to_owned(), value, &mut fields),
    }
    fields
}

fn flatten(name: String, value: &Json, fields: &mut Vec<Field>) {
    match value {
        Json::Object(members) => {
            members.iter().for_each(|(key, value)| flatten(format!("{name}.{key}"), value, fields));
        }
        Json::Array(elements) => match elements.iter().map(scalar).collect() {
            Some(scalars) => fields.push(Field { key: name, value: Value::List(scalars) }),
            None => {
                let numbered = elements.iter().enumerate();
                numbered.for_each(|(at, value)| flatten(format!("{name}.{at}"), value, fields));
            }
        },
        _ => fields.extend(scalar(value).map(|scalar| Field { key: name, value: scalar.into() })),
    }
}

fn scalar(value: &Json) -> Option<Scalar> {
    Some(match value {
        Json::Null => Scalar::None,
        Json::Bool(flag) => Scalar::Flag(*flag),
        Json::String(text) => Scalar::Text(text.clone()),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => Scalar::Integer(number),
            (None, Some(fraction)) if number.is_f64() => Scalar::Number(fraction),
            _ => Scalar::Text(number.to_string()),
        },
        Json::Array(_) | Json::Object(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_are_joined_by_dots_and_lists_of_objects_are_numbered() {
        let check = |value: Json, expected: &[&str]| {
            let fields = fields("fact", &value);
            let lines: Vec<_> =
                fields.iter().map(|field| format!("{} = {}", field.key, field.value)).collect();
            assert_eq!(lines, expected, "{value}");
        };
        check(json!(3), &["fact = 3"]);
        check(json!(null), &["fact = -"]);
        check(json!([1, "a", null]), &["fact = [1, a, -]"]);
        check(json!({"a": {"b": true}, "c": 0.5}), &["a.b = true", "c = 0.5"]);
        check(json!([{"a": 1}, 2, [3]]), &["fact.0.a = 1", "fact.1 = 2", "fact.2 = [3]"]);
        check(json!(u64::MAX), &["fact = 18446744073709551615"]);
        check(json!({}), &[]);
    }
}
