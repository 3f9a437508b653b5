//! Every thread of this process, with its stack, without stopping the process.

mod model;

pub use model::{
    Capture, Frame, Method, Missing, ModuleName, Options, Quality, Resource, Stack, State, Symbol, Thread,
    Wait,
};

/// Looks at every thread.
pub fn capture(_options: &Options) -> Capture {
    Capture::default()
}
