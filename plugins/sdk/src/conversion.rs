//! Conversions between the interface's types and the report's, which host and plugins have in common.

use crate::bindings::gmr::plugin::document;

gmr_report::wit_conversions!(document);
