//! Where results and errors go. A reader that has seen enough (`| head`) is no failure.

use std::io::{ErrorKind, Write};

use anyhow::{Context, Result};
use clap::ValueEnum;
use gmr::report::format::text::escape;

/// How a report is written.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

impl From<Format> for gmr::Format {
    fn from(format: Format) -> gmr::Format {
        match format {
            Format::Text => gmr::Format::Text,
            Format::Json => gmr::Format::Json,
        }
    }
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
