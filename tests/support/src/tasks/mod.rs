//! Tasks whose chains of awaits are known.

pub mod crowd;
pub mod golden;
pub mod shapes;
