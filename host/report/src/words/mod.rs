//! Values in words, as people say them: sizes, lengths of time, points in time, paths. Each is said in one way, by
//! whoever prints it.

mod duration;
mod moment;
mod path;
mod size;

pub use duration::duration;
pub use moment::moment;
pub use path::{file_name, short_path};
pub use size::bytes;
