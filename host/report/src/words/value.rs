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
        Value::Number(number) => self::number(*number),
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

/// A number in as many digits as tell it from all others; one with more than sixteen before the point, or that begins with
/// more than four zeros after it, with its power of ten.
fn number(number: f64) -> String {
    match number.abs() {
        size if size == 0.0 || (1e-5..1e16).contains(&size) || !size.is_finite() => number.to_string(),
        _ => format!("{number:e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let check = |number: f64, expected: &str| assert_eq!(value(&Value::Number(number)), expected);
        check(0.0, "0");
        check(-0.5, "-0.5");
        check(1234.5, "1234.5");
        check(0.1 + 0.2, "0.30000000000000004");
        check(1e15, "1000000000000000");
        check(1e16, "1e16");
        check(-1.5e300, "-1.5e300");
        check(1e308, "1e308");
        check(f64::MAX, "1.7976931348623157e308");
        check(0.00001, "0.00001");
        check(0.000_002_5, "2.5e-6");
        check(5e-324, "5e-324");
        check(f64::NAN, "NaN");
        check(f64::INFINITY, "inf");
    }
}
