//! Typed values, which each format prints its own way.

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Unknown, encoding};

/// A value that each format prints its own way: for people in text, exactly in JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Value {
    /// Words.
    Text(Cow<'static, str>),
    /// A whole number.
    Integer(i64),
    /// A finite number; build it with `Value::from`, which turns others into words.
    Number(f64),
    /// A size in bytes.
    Bytes(u64),
    /// A length of time, exact to the nanosecond, at most 584 years.
    Duration(#[serde(with = "encoding::nanoseconds")] Duration),
    /// A point in time.
    Moment(Timestamp),
    /// An address in memory.
    Address(#[serde(with = "encoding::hexadecimal")] u64),
    /// Yes or no.
    Flag(bool),
    /// Values in an order that matters; they are not lists themselves.
    List(Vec<Value>),
    /// A secret that was left out.
    Redacted,
    /// Nothing, known to be nothing.
    None,
    /// Of a kind that this version does not know.
    #[serde(untagged)]
    Unknown(Unknown),
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned().into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text.into())
    }
}

/// Words that are the program's own need no copy.
impl From<Cow<'static, str>> for Value {
    fn from(text: Cow<'static, str>) -> Value {
        Value::Text(text)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Value {
        Value::Flag(flag)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Integer(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Value {
        Value::Integer(number.into())
    }
}

/// Beyond `i64::MAX` the digits become words, so that no renderer has to round them.
impl From<u64> for Value {
    fn from(number: u64) -> Value {
        i64::try_from(number).map_or_else(|_| Value::Text(number.to_string().into()), Value::Integer)
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Value {
        Value::from(number as u64)
    }
}

/// JSON has no infinities and no "not a number": they become words.
impl From<f64> for Value {
    fn from(number: f64) -> Value {
        if number.is_finite() { Value::Number(number) } else { Value::Text(number.to_string().into()) }
    }
}

impl From<Duration> for Value {
    fn from(duration: Duration) -> Value {
        Value::Duration(duration)
    }
}

impl From<Timestamp> for Value {
    fn from(moment: Timestamp) -> Value {
        Value::Moment(moment)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::None, Into::into)
    }
}
