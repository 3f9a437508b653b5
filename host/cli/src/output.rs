//! Output: results to standard output, errors to standard error. A reader that has seen enough (`| head`) is no failure.

use std::io::{ErrorKind, Write};

use anyhow::{Context, Result};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use gmr::Format;
use gmr::report::format::text::escape;

/// The values of `--format`: the formats that there are.
pub fn formats() -> impl TypedValueParser<Value = Format> {
    let values = Format::ALL.iter().map(|format| PossibleValue::new(format.name()).help(format.summary()));
    PossibleValuesParser::new(values).try_map(|name| name.parse())
}

/// Writes a result to standard output.
pub fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to standard output"),
    }
}

/// Writes a line to standard error. It may hold names and messages from files that nobody has checked.
pub fn note(message: &str) {
    let lines: Vec<String> = message.lines().map(|line| escape(line.trim())).collect();
    // With standard error gone there is nobody left to tell.
    let _ = writeln!(std::io::stderr(), "gmr: {}", lines.join(" "));
}
