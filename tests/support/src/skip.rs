//! Checks that cannot be made on this machine.

use std::fmt::Display;

/// Set by `.ci/run`: there a check that is not made is a failure, since nobody would read of it.
const FORBIDDEN: &str = "GMR_TEST_NO_SKIP";

/// Says that a check is not made and why, for the test to return then: `return skip("no C++ compiler")`.
///
/// # Panics
///
/// If the variable `GMR_TEST_NO_SKIP` is set to anything but nothing.
#[track_caller]
pub fn skip(reason: impl Display) {
    skip_unless(std::env::var_os(FORBIDDEN).is_some_and(|value| !value.is_empty()), reason);
}

#[track_caller]
fn skip_unless(forbidden: bool, reason: impl Display) {
    assert!(!forbidden, "{FORBIDDEN} forbids to skip this: {reason}");
    eprintln!("skipped: {reason}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipping_is_allowed_by_default() {
        skip_unless(false, "no gdb");
    }

    #[test]
    #[should_panic(expected = "GMR_TEST_NO_SKIP forbids to skip this: no gdb")]
    fn a_skip_that_is_forbidden_fails_with_its_reason() {
        skip_unless(true, "no gdb");
    }
}
