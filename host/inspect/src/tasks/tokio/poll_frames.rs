//! tokio's functions that poll a task: what called them is the runtime and the start of its thread.

/// Names are compared without regard to what stands around these: a type's path, generics, a hash.
const POLL_FUNCTIONS: [&str; 3] = [
    "tokio::runtime::task::core::Core<",
    "tokio::runtime::task::harness::poll_future",
    "tokio::runtime::task::raw::poll",
];

/// Whether a stack frame of this function is where tokio polls a task: all frames outside of it are tokio's own, and
/// the frames inside of it are the task's. Of several in one stack the innermost one is the task's.
///
/// ```
/// use gmr_inspect::tasks::tokio::is_poll_frame;
///
/// assert!(is_poll_frame("tokio::runtime::task::raw::poll"));
/// assert!(!is_poll_frame("shop::serve"));
/// ```
pub fn is_poll_frame(function: &str) -> bool {
    POLL_FUNCTIONS.iter().any(|poll| function.contains(poll))
}
