//! What the subjects of benchmarks do, ours and the peers': how long they are held up, and tasks by the thousand.

pub mod beat;
pub mod tasks;
