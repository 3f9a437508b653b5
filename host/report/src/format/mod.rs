//! Output formats: text for people, JSON for programs. Pure functions of a report: no clock, no file, no environment, no
//! lock. The same report always gives the same characters.

pub mod emergency;
pub mod json;
pub mod text;

use std::str::FromStr;

use crate::model::{Report, Section};

/// How a report is written.
///
/// ```
/// use gmr_report::Format;
///
/// assert_eq!("json".parse(), Ok(Format::Json));
/// assert_eq!(Format::Text.extension(), "txt");
/// assert_eq!("html".parse::<Format>(), Err("must be one of text, json, not `html`".to_owned()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// For people.
    Text,
    /// For programs: one document.
    Json,
}

impl Format {
    /// All of them, in the order in which they are named to users.
    pub const ALL: &[Format] = &[Format::Text, Format::Json];

    /// What settings and the command line call it.
    pub fn name(self) -> &'static str {
        match self {
            Format::Text => "text",
            Format::Json => "json",
        }
    }

    /// The ending of a report's file name.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Text => "txt",
            Format::Json => "json",
        }
    }

    /// Whom it is for, in a few words.
    pub fn summary(self) -> &'static str {
        match self {
            Format::Text => "For people",
            Format::Json => "For programs",
        }
    }

    /// The report as one whole document of this format, with a line feed at its end.
    pub fn render(self, report: &Report) -> String {
        match self {
            Format::Text => text::report(report),
            Format::Json => json::report(report),
        }
    }

    /// One section alone, with a line feed at its end.
    pub fn render_section(self, section: &Section) -> String {
        match self {
            Format::Text => text::section(section),
            Format::Json => json::section(section),
        }
    }
}

/// # Errors
///
/// A sentence that names the formats there are, to follow the name of an option.
impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Format, String> {
        let found = Format::ALL.iter().copied().find(|format| format.name() == name);
        found.ok_or_else(|| {
            let known: Vec<&str> = Format::ALL.iter().map(|format| format.name()).collect();
            format!("must be one of {}, not `{name}`", known.join(", "))
        })
    }
}
