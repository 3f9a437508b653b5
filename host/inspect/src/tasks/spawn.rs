//! `tokio::spawn` with registration.

use std::panic::Location;

use tokio::task::JoinHandle;

use super::tracked::Tracked;

/// As [`tokio::spawn`], and registers the task without a name.
///
/// # Panics
///
/// Outside of a tokio runtime, as [`tokio::spawn`] does.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// let task = gmr_inspect::tasks::spawn(async { 42 });
/// assert_eq!(task.await.unwrap(), 42);
/// # });
/// ```
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(Tracked::register(future, None, Location::caller()))
}
