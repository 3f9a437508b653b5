//! What the report has collected until now: the native sections, threads and tasks with their frames among them.
//!
//! Granted by `report`.

pub use crate::bindings::gmr::plugin::report::{ReportError, SectionHead};
use crate::{Block, Denial, imports};

/// How many blocks are asked for at a time: few enough to hold in a small memory when each is the trace of hundreds
/// of tasks, enough that ten thousand different stacks stay within a budget of some hundred calls.
const PAGE: u32 = 64;

/// The sections that are ready, in the order in which they are shown.
///
/// # Errors
///
/// Without the grant `report`.
pub fn sections() -> Result<Vec<SectionHead>, Denial> {
    imports::report::sections()
}

/// The blocks of one section, fetched a few at a time.
///
/// # Errors
///
/// An item is an error, and the last one, without the grant `report` or when there is no section of this name.
pub fn blocks(section: &str) -> impl Iterator<Item = Result<Block, ReportError>> {
    let (mut first, mut done) = (0, false);
    let pages = std::iter::from_fn(move || {
        if done {
            return None;
        }
        let page = imports::report::blocks(section, first, PAGE);
        let count = page.as_ref().map_or(0, |blocks| blocks.len() as u32);
        first += count;
        // The host may give less than was asked for before the end: only nothing is the end.
        done = count == 0;
        Some(match page {
            Ok(blocks) => blocks.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        })
    });
    pages.flatten()
}
