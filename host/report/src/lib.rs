//! What a Guru Meditation Report is, as plain values: the document model, text and JSON, and what in it is a secret.
//!
//! Values only. A report can be kept, compared, sent elsewhere and printed again; nothing in it refers to the process
//! that it speaks of, and nothing here asks a clock, a file or the system.
//!
//! ```
//! use gmr_report::{Block, Field, Origin, Section, Value};
//! use gmr_report::format::text;
//!
//! let memory = Field::new("memory", Value::Bytes(1_288_490_189));
//! let section = Section::new("pool", "Pool", Origin::Application).with_blocks([Block::fields([memory])]);
//! assert!(text::section(&section).contains("memory = 1.2 GiB"));
//! ```

pub mod diff;
pub mod format;
pub mod mask;
mod model;
pub mod resolve;
pub mod words;

pub use format::Format;
pub use model::*;
