//! JSON: a report as one document that reads back to an equal report.
//!
//! # The document
//!
//! An object with `schema`, which is `guru-meditation-report`, `schema_version`, `header` and `sections`. Blocks, values,
//! details and reasons are objects whose `type` names their kind; all but blocks have their content in `value`. Origins,
//! triggers and kinds of trace are words. Lengths of time are whole nanoseconds, sizes bytes, addresses and offsets
//! texts such as `"0x1f"` (others round whole numbers beyond 2^53), moments RFC 3339 in UTC. Members that would be empty,
//! absent or false are left out.
//!
//! # Versions
//!
//! [`SCHEMA_VERSION`] is raised when a document could be misread by a reader of the version before: a member that every
//! reader needs goes, or means something else. Such a document is refused ([`ReadError::is_newer`]). Additions keep the
//! version, and a reader that is older than the document does this:
//!
//! - A member that it does not know is skipped, and left out if it writes the report again.
//! - A kind of block, value, detail or reason that it does not know, or whose content it cannot read, is kept as it is,
//!   shown by its kind and content, and written back unchanged ([`Unknown`](crate::Unknown)).
//! - So is a word for an origin, a trigger or a kind of trace. What is a word today stays one.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::{Report, Section};

/// The version of the document's layout.
pub const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    schema_version: u32,
    #[serde(flatten)]
    report: &'a Report,
}

#[derive(Deserialize)]
struct Version {
    schema_version: u32,
}

pub(super) const SCHEMA: &str = "guru-meditation-report";

/// The report as a document. Control characters in texts are escaped, as JSON demands, and so are those
/// that a terminal would obey although JSON allows them (U+007F to U+009F).
pub fn report(report: &Report) -> String {
    written(&Document { schema: SCHEMA, schema_version: SCHEMA_VERSION, report })
}

/// One section alone, escaped in the same way.
pub fn section(section: &Section) -> String {
    written(section)
}

fn written(value: &impl Serialize) -> String {
    let plain = serde_json::to_string_pretty(value).unwrap_or_else(|error| {
        // The model has no map with keys that are no texts and no value that refuses to be written.
        unreachable!("a report is always JSON: {error}")
    });
    let mut escaped = String::with_capacity(plain.len() + 1);
    for c in plain.chars() {
        match c {
            '\u{7f}'..='\u{9f}' => escaped.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => escaped.push(c),
        }
    }
    escaped.push('\n');
    escaped
}

/// Reads a report back.
///
/// # Errors
///
/// If the text is no such document, or one of a newer schema version.
///
/// ```no_run
/// let text = std::fs::read_to_string("shop_gurumeditation_20261122T140307Z_8675_1.json")?;
/// let report = gmr_report::format::json::read(&text)?;
/// println!("{}", report.header.service);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read(text: &str) -> Result<Report, ReadError> {
    let not_a_report = |error| ReadError { cause: Cause::NotAReport(error) };
    let version: Version = serde_json::from_str(text).map_err(not_a_report)?;
    if version.schema_version > SCHEMA_VERSION {
        return Err(ReadError { cause: Cause::Newer(version.schema_version) });
    }
    serde_json::from_str(text).map_err(not_a_report)
}

/// Why a text is no report that this version can read.
#[derive(Debug)]
pub struct ReadError {
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    NotAReport(serde_json::Error),
    Newer(u32),
}

impl ReadError {
    /// Whether a newer version wrote the document, in a layout that this one does not know.
    pub fn is_newer(&self) -> bool {
        matches!(self.cause, Cause::Newer(_))
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::NotAReport(error) => write!(f, "not a Guru Meditation Report in JSON: {error}"),
            Cause::Newer(version) => write!(
                f,
                "written by a newer version: its schema version is {version}, and this program reads up to \
                 {SCHEMA_VERSION}"
            ),
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.cause {
            Cause::NotAReport(error) => Some(error),
            Cause::Newer(_) => None,
        }
    }
}
