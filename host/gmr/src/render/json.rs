//! A report as one JSON document that reads back to an equal report.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::report::Report;

/// The version of the document's layout. Additions keep it; whatever breaks a reader raises it.
pub const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
struct Written<'a> {
    schema: &'static str,
    schema_version: u32,
    #[serde(flatten)]
    report: &'a Report,
}

#[derive(Deserialize)]
struct Version {
    schema_version: u32,
}

const SCHEMA: &str = "guru-meditation-report";

/// The report as a document. Control characters in texts are escaped, as JSON demands, and so are those
/// that a terminal would obey although JSON allows them (U+007F to U+009F).
pub fn report(report: &Report) -> String {
    let written = Written { schema: SCHEMA, schema_version: SCHEMA_VERSION, report };
    let plain = serde_json::to_string_pretty(&written).unwrap_or_else(|error| {
        // The model has no map with keys that are no texts and no value that refuses to be written.
        unreachable!("a report is always JSON: {error}")
    });
    let mut escaped = String::with_capacity(plain.len() + 1);
    for c in plain.chars() {
        match c {
            '\u{7f}'..='\u{9f}' => escaped.push_str(&format!("\\u{:04x}", c as u32)),
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
/// let report = gmr::render::json::read(&text)?;
/// println!("{}", report.header.service);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read(text: &str) -> Result<Report, Error> {
    let not_a_report = |error| Error::document("not a Guru Meditation Report in JSON", error);
    let version: Version = serde_json::from_str(text).map_err(not_a_report)?;
    if version.schema_version > SCHEMA_VERSION {
        return Err(Error::document(
            "written by a newer version",
            format!(
                "its schema version is {}, and this program reads up to {SCHEMA_VERSION}",
                version.schema_version
            ),
        ));
    }
    serde_json::from_str(text).map_err(not_a_report)
}
