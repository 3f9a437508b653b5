//! Environment variables of the process, as they were when plugins were started.

use crate::{Denial, imports};

/// A variable's value; `None` if it is not set. Bytes that are no UTF-8 are replaced.
///
/// # Errors
///
/// Without the grant `env:NAME`.
pub fn variable(name: &str) -> Result<Option<String>, Denial> {
    imports::environment::variable(name)
}
