//! The kind of a registered future: what all futures of one type have in common.

use std::any::type_name;
use std::pin::Pin;
use std::task::{Context, Poll};

/// What all futures of one type have in common.
#[derive(Debug)]
pub(crate) struct Kind {
    /// The compiler's name of the type.
    pub(crate) type_name: fn() -> &'static str,
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "chains are read on Linux only"))]
    /// The code of its `poll`, by which the debug information knows the type.
    pub(crate) poll: *const (),
}

impl Kind {
    pub(crate) const fn of<F: Future>() -> Self {
        let poll: fn(Pin<&mut F>, &mut Context<'_>) -> Poll<F::Output> = F::poll;
        Kind { type_name: type_name::<F>, poll: poll as *const () }
    }
}

// SAFETY: `poll` is the address of code, made by `Kind::of` alone; nothing writes or dereferences it, it is compared only.
unsafe impl Sync for Kind {}
