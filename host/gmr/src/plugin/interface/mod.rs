//! The Rust side of `wit/`: what a plugin can call, and what its values become.

pub mod bindings;
mod conversion;
pub mod facts;
pub mod functions;
#[cfg(test)]
mod fuzz;
pub mod grants;
pub mod output_limits;
pub mod request;
pub mod schema;
pub mod single_files;
pub mod state;
pub mod subject;
pub mod wasi;
pub mod wasi_files;
