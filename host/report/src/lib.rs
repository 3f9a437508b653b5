//! What a Guru Meditation Report is, as plain values: the document model, text and JSON, and what in it is a secret.
//!
//! Values only. A report can be kept, compared, sent elsewhere and printed again; nothing in it refers to the process
//! that it speaks of, and nothing here asks a clock, a file or the system.
//!
//! ```
//! use gmr_report::{Block, Field, Section, Value};
//! use gmr_report::format::text;
//!
//! let mut section = Section::native("pool", "Pool");
//! let used = Field::new("memory", Value::Bytes(1_288_490_189));
//! section.blocks.push(Block::Fields { fields: vec![used] });
//! assert!(text::section(&section).contains("memory = 1.2 GiB"));
//! ```

pub mod format;
pub mod mask;
mod model;
pub mod words;

pub use format::Format;
pub use model::*;
