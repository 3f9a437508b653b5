//! The last step of every section on its way into a report: its secrets are masked.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gmr_report::Section;
use gmr_report::mask::Secrets;

use crate::bounded_call::words_of_panic;

/// The section without the secrets in it. A fault of the mask costs the section, since nothing may pass it.
pub(crate) fn masked(secrets: &Secrets, mut section: Section) -> Section {
    let empty = Section::new(section.name.as_str(), section.title.as_str(), section.origin.clone());
    let mask = || {
        secrets.section(&mut section);
        section
    };
    catch_unwind(AssertUnwindSafe(mask)).unwrap_or_else(|panic| {
        empty.failed(format!("a fault in gmr's mask, please report it: {}", words_of_panic(&*panic)))
    })
}
