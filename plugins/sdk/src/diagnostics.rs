//! What the plugin says to its author. No grant is needed.

use crate::imports;

/// Adds a line that is shown with the section if it fails, and by `gmr plugin run`. Beyond the host's limit it is cut.
pub fn print(line: &str) {
    imports::diagnostics::print(line);
}
