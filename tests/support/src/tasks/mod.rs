//! Tasks whose chains of awaits are known.

pub mod crowd;
pub mod golden;
// There, since a line more in it would move all lines that the golden files have.
#[expect(clippy::manual_async_fn, reason = "what a block captures is laid out in another way than arguments")]
pub mod shapes;
