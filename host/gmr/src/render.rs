//! Pure functions of a report: no clock, no file, no environment, no lock. The same report always gives
//! the same characters.

pub mod json;
pub mod text;

use crate::report::Report;
use crate::settings::Format;

/// The report as one whole document of this format, with a line feed at its end.
pub fn whole(report: &Report, format: Format) -> String {
    match format {
        Format::Text => text::report(report),
        Format::Json => json::report(report),
    }
}
