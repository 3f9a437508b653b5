//! A value of an option, and where it stands: a TOML value with its line, or an environment variable. Every
//! refusal names the place and the option.

#[cfg(feature = "plugin")]
use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};
use std::str::FromStr;
use std::time::Duration;

use toml::Spanned;
#[cfg(feature = "plugin")]
use toml::de::DeTable;
use toml::de::DeValue;

use super::quantity;
#[cfg(feature = "plugin")]
use super::table::Table;
use crate::error::Error;
#[cfg(feature = "plugin")]
use crate::plugin::Places;

/// What options are read from, as errors name it.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    /// A TOML text: errors have its name and the line.
    File { name: &'a str, text: &'a str },
    /// An environment variable: errors have its name.
    Variable(&'a str),
}

impl Source<'_> {
    /// `name:line: message`.
    pub(super) fn error(self, span: Range<usize>, message: impl AsRef<str>) -> Error {
        let message = message.as_ref();
        match self {
            Source::File { name, text } => {
                let (line, _) = place(text, &span);
                Error::settings(format!("{name}:{line}: {message}"))
            }
            Source::Variable(name) => Error::settings(format!("{name}: {message}")),
        }
    }
}

/// Line and column of a place, both from 1; the column in characters.
fn place(text: &str, span: &Range<usize>) -> (usize, usize) {
    let before = &text.as_bytes()[..span.start.min(text.len())];
    let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
    let start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
    (line, String::from_utf8_lossy(&before[start..]).chars().count() + 1)
}

/// The value of one option.
pub(super) struct Item<'a> {
    source: Source<'a>,
    /// `gmr.log_dir`
    path: String,
    value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Item<'a> {
    pub(super) fn new(source: Source<'a>, path: String, value: &'a Spanned<DeValue<'a>>) -> Item<'a> {
        Item { source, path, value }
    }

    /// An error about this value.
    pub(super) fn error(&self, message: impl AsRef<str>) -> Error {
        self.source.error(self.value.span(), format!("`{}` {}", self.path, message.as_ref()))
    }

    fn wrong_type(&self, expected: &str) -> Error {
        self.error(format!("must be {expected}, not {}", kind_of(self.value.get_ref())))
    }

    /// The text of a variable, which stands for numbers and lists too.
    fn variable(&self) -> Option<&'a str> {
        let DeValue::String(text) = self.value.get_ref() else { return None };
        matches!(self.source, Source::Variable(_)).then_some(text)
    }

    /// A text that is not empty.
    pub(super) fn text(&self) -> Result<&'a str, Error> {
        match self.value.get_ref() {
            DeValue::String(text) if text.is_empty() => Err(self.error("must not be empty")),
            DeValue::String(text) => Ok(text),
            _ => Err(self.wrong_type("a string")),
        }
    }

    /// A word that its type knows.
    pub(super) fn word<T: FromStr<Err = String>>(&self) -> Result<T, Error> {
        self.text()?.parse().map_err(|message: String| self.error(message))
    }

    /// As [`Item::word`], or a number in place of the word.
    pub(super) fn word_or_number<T: FromStr<Err = String>>(&self) -> Result<T, Error> {
        match self.value.get_ref() {
            DeValue::Integer(number) => {
                number.to_string().parse().map_err(|message: String| self.error(message))
            }
            _ => self.word(),
        }
    }

    /// Texts: a list, or one alone. A variable has them in one, divided by the separator.
    pub(super) fn texts<T: From<&'a str>>(&self, separator: char) -> Result<Vec<T>, Error> {
        if let Some(text) = self.variable() {
            let parts = text.split(separator).map(str::trim).filter(|part| !part.is_empty());
            return Ok(parts.map(T::from).collect());
        }
        let DeValue::Array(array) = self.value.get_ref() else { return Ok(vec![self.text()?.into()]) };
        let items = array.iter().map(|value| Item::new(self.source, self.path.clone(), value));
        items.map(|item| item.text().map(T::from)).collect()
    }

    /// `true` or `false`.
    #[cfg(feature = "plugin")]
    pub(super) fn flag(&self) -> Result<bool, Error> {
        let flag = match self.variable() {
            Some(text) => text.parse().ok(),
            None => self.value.get_ref().as_bool(),
        };
        flag.ok_or_else(|| self.wrong_type("true or false"))
    }

    /// A whole number of this range.
    pub(super) fn integer(&self, range: RangeInclusive<u64>) -> Result<u64, Error> {
        let (number, shown) = match (self.value.get_ref(), self.variable()) {
            (DeValue::Integer(number), _) => {
                (u64::from_str_radix(number.as_str(), number.radix()).ok(), number.to_string())
            }
            (_, Some(text)) if text.parse::<i64>().is_ok() => (text.parse().ok(), text.to_owned()),
            _ => return Err(self.wrong_type("a whole number")),
        };
        number.filter(|number| range.contains(number)).ok_or_else(|| {
            self.error(format!("must be from {} to {}, not {shown}", range.start(), range.end()))
        })
    }

    /// A whole number from 1.
    pub(super) fn count(&self) -> Result<u32, Error> {
        self.integer(1..=u32::MAX.into()).map(|count| u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// Seconds as a number, or a text such as `250ms`.
    pub(super) fn duration(&self, shortest: Duration) -> Result<Duration, Error> {
        let duration = match self.value.get_ref() {
            DeValue::Integer(number) => quantity::duration(number.as_str()),
            DeValue::Float(number) => quantity::duration(number.as_str()),
            DeValue::String(text) => quantity::duration(text),
            _ => return Err(self.wrong_type("a duration such as 1, 0.25 or \"250ms\"")),
        }
        .map_err(|message| self.error(message))?;
        if duration < shortest {
            return Err(self.error(format!("must be at least {} ms", shortest.as_millis())));
        }
        Ok(duration)
    }

    /// Bytes as a number, or a text such as `16 MiB`.
    #[cfg(feature = "plugin")]
    pub(super) fn size(&self) -> Result<u64, Error> {
        match self.value.get_ref() {
            DeValue::Integer(_) => self.integer(0..=i64::MAX as u64),
            DeValue::String(text) => quantity::size(text).map_err(|message| self.error(message)),
            _ => Err(self.wrong_type("a size such as 65536 or \"16 MiB\"")),
        }
    }

    /// A table of options.
    #[cfg(feature = "plugin")]
    pub(super) fn table(&self) -> Result<Table<'a>, Error> {
        match self.value.get_ref() {
            DeValue::Table(table) => Ok(Table::new(self.source, self.path.clone(), table)),
            _ => Err(self.wrong_type("a table")),
        }
    }

    /// A table as it stands, whose meaning is a plugin's own.
    #[cfg(feature = "plugin")]
    pub(super) fn free_table(&self) -> Result<toml::Table, Error> {
        use serde::Deserialize;

        if !self.value.get_ref().is_table() {
            return Err(self.wrong_type("a table"));
        }
        let deserializer = toml::de::ValueDeserializer::from(self.value.clone());
        toml::Table::deserialize(deserializer)
            .map_err(|error| self.error(format!("cannot be read: {}", error.message())))
    }

    /// Where the keys of the table are written; that of the table itself has no name.
    #[cfg(feature = "plugin")]
    pub(super) fn places(&self) -> Places {
        let (Source::File { name, text }, DeValue::Table(table)) = (self.source, self.value.get_ref()) else {
            return Places::default();
        };
        let mut keys = BTreeMap::from([(String::new(), place(text, &self.value.span()))]);
        note(text, "", table, &mut keys);
        Places { file: name.to_owned(), keys }
    }
}

/// Notes the places of a table's keys, and of the tables in it.
#[cfg(feature = "plugin")]
fn note(text: &str, path: &str, table: &DeTable<'_>, places: &mut BTreeMap<String, (usize, usize)>) {
    for (key, value) in table {
        let path = format!("{path}{}", key.get_ref());
        if let DeValue::Table(below) = value.get_ref() {
            note(text, &format!("{path}."), below, places);
        }
        places.insert(path, place(text, &key.span()));
    }
}

fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
