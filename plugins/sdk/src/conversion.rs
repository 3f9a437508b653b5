//! Conversions between the interface's types and the report's, which host and plugins have in common.

use crate::bindings::gmr::plugin::document;
#[cfg(not(target_family = "wasm"))]
use crate::bindings::gmr::plugin::settings;

gmr_report::wit_conversions!(document);
// The made-up host judges settings as the real one does.
#[cfg(not(target_family = "wasm"))]
gmr_report::wit_setting_conversion!(settings);
