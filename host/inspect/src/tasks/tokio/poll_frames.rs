//! tokio's functions that poll a task, and those of its schedulers, which call them: what is outside of them is the runtime
//! and the start of its thread.

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

/// Whether a stack frame of this function is one of tokio's schedulers, which call the polls of tasks.
///
/// One that only has a scheduler's type among its arguments is none: that has every poll, and also that of the blocking job
/// which each worker is.
///
/// ```
/// use gmr_inspect::tasks::tokio::is_scheduler_frame;
///
/// assert!(is_scheduler_frame("<tokio::runtime::scheduler::current_thread::Context>::run_task::<()>"));
/// assert!(!is_scheduler_frame("<tokio::runtime::task::core::Core<F, tokio::runtime::scheduler::S>>::poll"));
/// ```
pub fn is_scheduler_frame(function: &str) -> bool {
    // In brackets by the mangling that is the default since Rust 1.97.
    function.trim_start_matches('<').starts_with("tokio::runtime::scheduler::")
}
