//! Reads a TOML table key by key, so that every refusal names the file, the line and the nearest known
//! key. It knows no option by itself.

use std::cell::Cell;
use std::ops::Range;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::Error;

/// A text that options come from, and what to call it in an error.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    text: &'a str,
    name: &'a str,
    lines: Lines,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lines {
    Numbered,
    One,
}

impl<'a> Source<'a> {
    pub(crate) fn file(text: &'a str, name: &'a str) -> Source<'a> {
        Source { text, name, lines: Lines::Numbered }
    }

    /// A text of one line, whose number says nothing.
    pub(crate) fn line(text: &'a str, name: &'a str) -> Source<'a> {
        Source { text, name, lines: Lines::One }
    }

    /// `name:line: message`.
    pub(crate) fn error(&self, span: Range<usize>, message: impl AsRef<str>) -> Error {
        if self.lines == Lines::One {
            return Error::settings(format!("{}: {}", self.name, message.as_ref()));
        }
        let before = &self.text.as_bytes()[..span.start.min(self.text.len())];
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        Error::settings(format!("{}:{line}: {}", self.name, message.as_ref()))
    }
}

/// A table whose keys are taken one after the other; what is left at the end is unknown.
pub(crate) struct Table<'a> {
    source: Source<'a>,
    /// `gmr`, or `gmr.plugins.process`.
    path: String,
    entries: Vec<Entry<'a>>,
    known: Vec<&'static str>,
}

struct Entry<'a> {
    key: &'a Spanned<toml::de::DeString<'a>>,
    value: &'a Spanned<DeValue<'a>>,
    taken: Cell<bool>,
}

impl<'a> Table<'a> {
    pub(crate) fn new(source: Source<'a>, path: impl Into<String>, table: &'a DeTable<'a>) -> Table<'a> {
        let entry = |(key, value)| Entry { key, value, taken: Cell::new(false) };
        Table { source, path: path.into(), entries: table.iter().map(entry).collect(), known: Vec::new() }
    }

    /// The value of `key`, if it is set.
    pub(crate) fn take(&mut self, key: &'static str) -> Option<Item<'a>> {
        self.known.push(key);
        let entry = self.entries.iter().find(|entry| entry.key.get_ref() == key)?;
        entry.taken.set(true);
        Some(self.item(entry))
    }

    /// All values of a table whose keys are names that the operator chose.
    pub(crate) fn take_all(&mut self) -> Vec<(&'a str, Item<'a>)> {
        let take = |entry: &Entry<'a>| {
            entry.taken.set(true);
            (entry.key.get_ref().as_ref(), self.item(entry))
        };
        self.entries.iter().map(take).collect()
    }

    fn item(&self, entry: &Entry<'a>) -> Item<'a> {
        let path = format!("{}.{}", self.path, entry.key.get_ref());
        Item { source: self.source, path, value: entry.value }
    }

    /// # Errors
    ///
    /// For the first key that nobody took.
    pub(crate) fn finish(self) -> Result<(), Error> {
        let Some(entry) = self.entries.iter().find(|entry| !entry.taken.get()) else { return Ok(()) };
        let key = entry.key.get_ref().as_ref();
        let mut message = format!("unknown option `{}.{key}`", self.path);
        message.push_str(&match nearest(key, &self.known) {
            Some(known) => format!("; did you mean `{known}`?"),
            None => format!("; known are {}", self.known.join(", ")),
        });
        Err(self.source.error(entry.key.span(), message))
    }
}

/// The known word that is so near to `word` that a slip of the keyboard explains the difference.
pub(crate) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let plain = |word: &str| word.to_ascii_lowercase().replace('-', "_");
    let distance = |known: &&&str| (strsim::jaro_winkler(&plain(word), &plain(known)) * 1000.0) as u32;
    // Jaro-Winkler of unrelated option names lies below 0.7, of mistyped ones above 0.85.
    known.iter().filter(|known| distance(known) > 800).max_by_key(distance).copied()
}

/// A value and where it stands.
pub(crate) struct Item<'a> {
    source: Source<'a>,
    path: String,
    value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Item<'a> {
    /// An error about this value.
    pub(crate) fn error(&self, message: impl AsRef<str>) -> Error {
        self.source.error(self.value.span(), format!("`{}` {}", self.path, message.as_ref()))
    }

    fn wrong_type(&self, expected: &str) -> Error {
        self.error(format!("must be {expected}, not {}", kind_of(self.value.get_ref())))
    }

    pub(crate) fn text(&self) -> Result<&'a str, Error> {
        match self.value.get_ref() {
            DeValue::String(text) if text.is_empty() => Err(self.error("must not be empty")),
            DeValue::String(text) => Ok(text),
            _ => Err(self.wrong_type("a string")),
        }
    }

    pub(crate) fn flag(&self) -> Result<bool, Error> {
        self.value.get_ref().as_bool().ok_or_else(|| self.wrong_type("true or false"))
    }

    /// A whole number of this range.
    pub(crate) fn integer(&self, range: std::ops::RangeInclusive<u64>) -> Result<u64, Error> {
        let DeValue::Integer(number) = self.value.get_ref() else {
            return Err(self.wrong_type("a whole number"));
        };
        let parsed = u64::from_str_radix(number.as_str(), number.radix()).ok();
        parsed.filter(|number| range.contains(number)).ok_or_else(|| {
            self.error(format!("must be from {} to {}, not {number}", range.start(), range.end()))
        })
    }

    /// Seconds as a number, or a text such as `250ms`.
    pub(crate) fn duration(&self) -> Result<Duration, Error> {
        match self.value.get_ref() {
            DeValue::Integer(number) => duration(number.as_str()),
            DeValue::Float(number) => duration(number.as_str()),
            DeValue::String(text) => duration(text),
            _ => return Err(self.wrong_type("a duration such as 1, 0.25 or \"250ms\"")),
        }
        .map_err(|message| self.error(message))
    }

    /// Bytes as a number, or a text such as `16 MiB`.
    pub(crate) fn size(&self) -> Result<u64, Error> {
        match self.value.get_ref() {
            DeValue::Integer(_) => self.integer(0..=i64::MAX as u64),
            DeValue::String(text) => size(text).map_err(|message| self.error(message)),
            _ => Err(self.wrong_type("a size such as 65536 or \"16 MiB\"")),
        }
    }

    /// The elements of a list; one value alone stands for a list of it.
    pub(crate) fn list(&self) -> Vec<Item<'a>> {
        let item = |value| Item { source: self.source, path: self.path.clone(), value };
        match self.value.get_ref() {
            DeValue::Array(array) => array.iter().map(item).collect(),
            _ => vec![item(self.value)],
        }
    }

    pub(crate) fn table(&self) -> Result<Table<'a>, Error> {
        match self.value.get_ref() {
            DeValue::Table(table) => Ok(Table::new(self.source, self.path.clone(), table)),
            _ => Err(self.wrong_type("a table")),
        }
    }

    /// A table as it stands, for whoever defines its meaning (a plugin's own settings).
    pub(crate) fn free_table(&self) -> Result<toml::Table, Error> {
        match plain(self.value.get_ref()) {
            toml::Value::Table(table) => Ok(table),
            _ => Err(self.wrong_type("a table")),
        }
    }

    /// A text, or a number as its digits.
    pub(crate) fn text_or_integer(&self) -> Result<String, Error> {
        match self.value.get_ref() {
            DeValue::Integer(number) => Ok(number.to_string()),
            _ => self.text().map(str::to_owned),
        }
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

fn plain(value: &DeValue<'_>) -> toml::Value {
    match value {
        DeValue::String(text) => toml::Value::String(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| toml::Value::String(number.to_string()), toml::Value::Integer),
        DeValue::Float(number) => number
            .as_str()
            .parse()
            .map_or_else(|_| toml::Value::String(number.to_string()), toml::Value::Float),
        DeValue::Boolean(flag) => toml::Value::Boolean(*flag),
        DeValue::Datetime(moment) => toml::Value::Datetime(*moment),
        DeValue::Array(array) => {
            toml::Value::Array(array.iter().map(|value| plain(value.get_ref())).collect())
        }
        DeValue::Table(table) => toml::Value::Table(
            table.iter().map(|(key, value)| (key.get_ref().to_string(), plain(value.get_ref()))).collect(),
        ),
    }
}

/// Reads `1`, `0.25` (seconds), `250ms`, `2s`, `1m` or `1h`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let refuse = || format!("must be a positive duration such as 1, 0.25 or \"250ms\", not `{text}`");
    let trimmed = text.trim();
    let digits = trimmed.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match trimmed[digits.len()..].trim() {
        "" | "s" => 1.0,
        "ms" => 1e-3,
        "us" => 1e-6,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(refuse()),
    };
    let number: f64 = digits.trim().parse().map_err(|_| refuse())?;
    let duration = Duration::try_from_secs_f64(number * factor).map_err(|_| refuse())?;
    match duration.is_zero() {
        true => Err(refuse()),
        false => Ok(duration),
    }
}

/// Reads `65536`, `64KiB`, `16 MiB`, `1GiB` (powers of 1024) or `64kB`, `16 MB`, `1GB` (of 1000).
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let refuse = || format!("must be a size such as 65536 or \"16 MiB\", not `{text}`");
    let trimmed = text.trim();
    let digits = trimmed.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match trimmed[digits.len()..].trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "kB" | "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return Err(refuse()),
    };
    let number: u64 = digits.trim().parse().map_err(|_| refuse())?;
    number.checked_mul(factor).ok_or_else(refuse)
}
