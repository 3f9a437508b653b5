//! Blocks: what a section's body consists of.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::graph::Graph;
use super::{Reason, Trace, Unknown, Value};

/// A piece of a section's body.
///
/// ```
/// use gmr_report::{Block, Field};
///
/// let blocks = [
///     Block::heading(1, "pool"),
///     Block::fields([Field::new("size", 8_u32), Field::new("idle", 3_u32)]),
///     Block::table(["peer", "state"], [vec!["db-1".into(), "up".into()]]),
/// ];
/// assert!(matches!(&blocks[1], Block::Fields { fields, .. } if fields.len() == 2));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Block {
    /// A heading within the section.
    #[non_exhaustive]
    Heading {
        /// From 1, the widest, to 3.
        level: u8,
        /// Its words.
        text: String,
    },
    /// Running text.
    #[non_exhaustive]
    Paragraph {
        /// Its words; line breaks are kept.
        text: String,
    },
    /// Named values.
    #[non_exhaustive]
    Fields {
        /// In the order in which they are shown.
        fields: Vec<Field>,
    },
    /// Rows under column titles.
    #[non_exhaustive]
    Table {
        /// The column titles.
        columns: Vec<String>,
        /// The rows; a short one is filled with [`Value::None`].
        rows: Vec<Vec<Value>>,
    },
    /// A stack or a chain of awaits, with everything that stands in it.
    Trace(Trace),
    /// Who waits for what, and who holds it.
    Graph(Graph),
    /// Text whose layout is kept.
    #[non_exhaustive]
    Preformatted {
        /// The text.
        text: String,
    },
    /// What limits the statements of the section, and why.
    #[non_exhaustive]
    Notes {
        /// A line each.
        notes: Vec<Reason>,
    },
    /// Of a kind that this version does not know.
    #[serde(untagged)]
    Unknown(Unknown),
}

impl Block {
    /// A heading; its level is from 1, the widest, to 3, and others are brought into that range.
    pub fn heading(level: u8, text: impl Into<String>) -> Block {
        Block::Heading { level: level.clamp(1, 3), text: text.into() }
    }

    /// Running text.
    pub fn paragraph(text: impl Into<String>) -> Block {
        Block::Paragraph { text: text.into() }
    }

    /// Named values.
    pub fn fields(fields: impl IntoIterator<Item = Field>) -> Block {
        Block::Fields { fields: fields.into_iter().collect() }
    }

    /// Rows under column titles.
    pub fn table<T: Into<String>>(
        columns: impl IntoIterator<Item = T>,
        rows: impl IntoIterator<Item = Vec<Value>>,
    ) -> Block {
        Block::Table {
            columns: columns.into_iter().map(Into::into).collect(),
            rows: rows.into_iter().collect(),
        }
    }

    /// Text whose layout is kept.
    pub fn preformatted(text: impl Into<String>) -> Block {
        Block::Preformatted { text: text.into() }
    }

    /// What limits the statements of the section.
    pub fn notes(notes: impl IntoIterator<Item = Reason>) -> Block {
        Block::Notes { notes: notes.into_iter().collect() }
    }
}

impl From<Trace> for Block {
    fn from(trace: Trace) -> Block {
        Block::Trace(trace)
    }
}

impl From<Graph> for Block {
    fn from(graph: Graph) -> Block {
        Block::Graph(graph)
    }
}

/// A named value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Field {
    /// Its name; thousands of threads and tasks share the reporter's own names.
    pub key: Cow<'static, str>,
    /// Its value.
    pub value: Value,
}

impl Field {
    /// A field of this name and value.
    pub fn new(key: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Field {
        Field { key: key.into(), value: value.into() }
    }
}
