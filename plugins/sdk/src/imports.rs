//! The host's functions: the real ones in a component, made-up ones elsewhere.

#[cfg(target_family = "wasm")]
pub use crate::bindings::gmr::plugin::{
    clock, diagnostics, environment, facts, files, grants, process, report, settings, state,
};

#[cfg(not(target_family = "wasm"))]
pub use crate::testing::imports::{
    clock, diagnostics, environment, facts, files, grants, process, report, settings, state,
};
