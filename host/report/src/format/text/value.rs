//! A value on a line of text.

use super::escape::escape;
use crate::mask::MASK;
use crate::model::Value;
use crate::words;

/// A value as every text shows it, escaped.
pub fn value(value: &Value) -> String {
    match value {
        Value::Text(text) => escape(text),
        Value::Integer(number) => number.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Bytes(size) => words::bytes(*size),
        Value::Duration(time) => words::duration(*time),
        Value::Moment(moment) => words::moment(*moment),
        Value::Address(address) => format!("{address:#x}"),
        Value::Flag(flag) => flag.to_string(),
        Value::List(values) => {
            let values: Vec<String> = values.iter().map(self::value).collect();
            format!("[{}]", values.join(", "))
        }
        Value::Redacted => MASK.to_owned(),
        Value::None => "none".to_owned(),
    }
}
