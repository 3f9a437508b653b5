//! The Rust side of `wit/`: what a plugin can call, and what its values become.

pub mod bindings;
pub mod facts;
pub mod from_wit;
pub mod functions;
pub mod grants;
pub mod to_wit;
