//! Typed values, in one line of words.

use super::{bytes, duration, moment};
use crate::mask::MASK;
use crate::model::Value;

/// A value as every text shows it, not escaped.
///
/// ```
/// use gmr_report::{Value, words};
///
/// let list = Value::List(vec!["a".into(), Value::Bytes(2048), Value::Redacted]);
/// assert_eq!(words::value(&list), "[a, 2.0 KiB, ***]");
/// ```
pub fn value(value: &Value) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Bytes(size) => bytes(*size),
        Value::Duration(time) => duration(*time),
        Value::Moment(moment) => self::moment(*moment),
        Value::Address(address) => format!("{address:#x}"),
        Value::Flag(flag) => flag.to_string(),
        Value::List(values) => {
            let values: Vec<String> = values.iter().map(self::value).collect();
            format!("[{}]", values.join(", "))
        }
        Value::Redacted => MASK.to_owned(),
        Value::None => "none".to_owned(),
        Value::Unknown(unknown) => unknown.to_string(),
    }
}
