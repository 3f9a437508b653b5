//! Tables of options: each row is a key and how its value is taken over. A key without a row is refused with
//! the nearest one that has a row.

use toml::Spanned;
use toml::de::DeTable;

use super::item::{Item, Source};
use crate::error::Error;

/// One option of a `T`.
pub(super) struct Row<T> {
    pub(super) key: &'static str,
    /// Takes the value over; `None` for an option that only other builds have.
    pub(super) set: Option<Set<T>>,
}

pub(super) type Set<T> = fn(&mut T, &Item<'_>) -> Result<(), Error>;

impl<T> Row<T> {
    pub(super) const fn new(key: &'static str, set: Set<T>) -> Row<T> {
        Row { key, set: Some(set) }
    }
}

/// A TOML table and its path, `gmr` or `gmr.plugins.process`.
pub(super) struct Table<'a> {
    source: Source<'a>,
    path: String,
    table: &'a DeTable<'a>,
}

impl<'a> Table<'a> {
    pub(super) fn new(source: Source<'a>, path: impl Into<String>, table: &'a DeTable<'a>) -> Table<'a> {
        Table { source, path: path.into(), table }
    }

    /// The keys and their values.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a str, Item<'a>)> {
        self.table.iter().map(|(key, value)| {
            let path = format!("{}.{}", self.path, key.get_ref());
            (key.get_ref().as_ref(), Item::new(self.source, path, value))
        })
    }

    /// Takes every value over.
    ///
    /// # Errors
    ///
    /// For a value that its row refuses, and for a key without a row.
    pub(super) fn read<T>(&self, rows: &[Row<T>], target: &mut T) -> Result<(), Error> {
        for (key, item) in self.entries() {
            let row = rows.iter().find(|row| row.key == key).ok_or_else(|| self.unknown(key, rows))?;
            let Some(set) = row.set else {
                return Err(
                    item.error("has no meaning: this executable was built without gmr's feature `plugin`")
                );
            };
            set(target, &item)?;
        }
        Ok(())
    }

    fn unknown<T>(&self, key: &str, rows: &[Row<T>]) -> Error {
        let known: Vec<_> = rows.iter().map(|row| row.key).collect();
        let hint = match nearest(key, &known) {
            Some(known) => format!("did you mean `{known}`?"),
            None => format!("known are {}", known.join(", ")),
        };
        let span = self.table.get_key_value(key).map(|(key, _)| Spanned::span(key)).unwrap_or_default();
        self.source.error(span, format!("unknown option `{}.{key}`; {hint}", self.path))
    }
}

/// The known word that is so near to `word` that a slip of the keyboard explains the difference.
pub(crate) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let plain = |word: &str| word.to_ascii_lowercase().replace('-', "_");
    let distance = |known: &&&str| (strsim::jaro_winkler(&plain(word), &plain(known)) * 1000.0) as u32;
    // Jaro-Winkler of unrelated option names lies below 0.7, of mistyped ones above 0.85.
    known.iter().filter(|known| distance(known) > 800).max_by_key(distance).copied()
}
