//! Values, fields and tables from Rust's own types.

use std::time::Duration;

use crate::{Call, Field, Frame, Moment, Scalar, Table, Value};

impl Field {
    /// A field of this name and value.
    pub fn new(key: impl Into<String>, value: impl Into<Value>) -> Field {
        Field { key: key.into(), value: value.into() }
    }
}

impl<K: Into<String>, V: Into<Value>> From<(K, V)> for Field {
    fn from((key, value): (K, V)) -> Field {
        Field::new(key, value)
    }
}

impl Table {
    /// A table without rows, under these column titles.
    pub fn new<T: Into<String>>(columns: impl IntoIterator<Item = T>) -> Table {
        Table { columns: columns.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    /// Adds a row. A short one is filled with [`Value::None`]; one with more cells than there are columns is
    /// refused by the host.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Value>) -> &mut Table {
        self.rows.push(cells.into_iter().collect());
        self
    }
}

impl Call {
    /// A call of which nothing but its function is known.
    pub fn of(function: impl Into<String>) -> Call {
        Call { function: function.into(), file: None, line: None, column: None, folded: false }
    }
}

impl Frame {
    /// A frame of which nothing but its function is known.
    pub fn of(function: impl Into<String>) -> Frame {
        Frame { calls: vec![Call::of(function)], ..Frame::default() }
    }
}

impl Moment {
    /// A whole second, counted from 1970-01-01T00:00:00Z.
    pub fn at(seconds: i64) -> Moment {
        Moment { seconds, nanoseconds: 0 }
    }
}

impl Value {
    /// The number in an integer, a number, a size or a length of time (in nanoseconds); `None` for other cases.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Value::Integer(number) => Some(*number as f64),
            Value::Number(number) => Some(*number),
            Value::Bytes(number) | Value::Duration(number) => Some(*number as f64),
            _ => None,
        }
    }
}

/// `From` for types that are one case of both a value and a scalar. Not by way of the report's own values: that would take
/// the words of every case into each plugin, 80 KB.
macro_rules! case {
    ($($from:ty => $case:ident($name:ident) $into:expr;)*) => {$(
        impl From<$from> for Value {
            fn from($name: $from) -> Value {
                Value::$case($into)
            }
        }

        impl From<$from> for Scalar {
            fn from($name: $from) -> Scalar {
                Scalar::$case($into)
            }
        }
    )*};
}

case! {
    &str => Text(text) text.to_owned();
    String => Text(text) text;
    i32 => Integer(number) number.into();
    i64 => Integer(number) number;
    u8 => Integer(number) number.into();
    u16 => Integer(number) number.into();
    u32 => Integer(number) number.into();
    f64 => Number(number) number;
    bool => Flag(flag) flag;
    Moment => Moment(moment) moment;
    // 584 years fit; what is longer is shown as that.
    Duration => Duration(duration) u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
}

/// Beyond `i64::MAX` the digits become words, so that nothing has to round them.
impl From<u64> for Value {
    fn from(number: u64) -> Value {
        i64::try_from(number).map_or_else(|_| Value::Text(number.to_string()), Value::Integer)
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Value {
        Value::from(number as u64)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::None, Into::into)
    }
}

impl<T: Into<Scalar>> From<Vec<T>> for Value {
    fn from(values: Vec<T>) -> Value {
        Value::List(values.into_iter().map(Into::into).collect())
    }
}
