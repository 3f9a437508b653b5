//! Values in words, as people say them: sizes, lengths of time, points in time, paths, details, reasons, waits. Each is said in
//! one way, whatever prints it.

mod count;
mod detail;
mod duration;
mod function;
mod graph;
mod moment;
mod path;
mod reason;
mod size;
mod value;

pub use count::counted;
pub(crate) use duration::InWords;
pub use duration::duration;
pub use function::short_function;
pub use graph::{deadlock, node, party, place};
pub(crate) use graph::{node_type, shown, variable};
pub use moment::moment;
pub use path::{file_name, short_path};
pub use size::bytes;
pub use value::value;
