//! The awaits of a chain: futures, with the lines that they are awaited at and what more is known of them.

use super::fact::Fact;

/// One await of a chain.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Await {
    /// How deep below the task's own future it is, from 0. An await that is not deeper than the one before it is
    /// another branch of a common ancestor.
    pub depth: u16,
    /// What its parent calls it (`value`, `0`, ...), where the parent awaits more than one thing.
    pub branch: Option<String>,
    /// The future: an async function's path, or the type of a hand-written future.
    pub future: String,
    /// The line of the `.await`; inside `select!` and `join!` the line of the function.
    pub location: Option<SourceLine>,
    /// What more is known of it and is the same for every task that waits here, as a semaphore's free permits. What
    /// is each task's own stands in [`Task::particulars`](super::Task::particulars).
    pub facts: Vec<Fact>,
}

impl Await {
    /// An await at this depth below the task's own future of which only its name is known.
    pub fn new(depth: u16, future: impl Into<String>) -> Self {
        Await { depth, branch: None, future: future.into(), location: None, facts: Vec::new() }
    }
}

/// What is known of one task's own await.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Particular {
    /// Which await of the chain, from 0.
    pub step: usize,
    /// When a timer fires, which task a `JoinHandle` waits for, the name that a part of the task was registered with.
    pub fact: Fact,
}

impl Particular {
    /// A fact about the await of that number, from 0.
    pub fn new(step: usize, fact: Fact) -> Self {
        Particular { step, fact }
    }
}

/// A line of source.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceLine {
    /// The file, as the debug information or the compiler names it.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
}

impl SourceLine {
    /// That line, from 1, of that file.
    pub fn new(file: impl Into<String>, line: u32) -> Self {
        SourceLine { file: file.into(), line }
    }
}
