//! tokio's task ids as numbers: tokio itself gives them as text only.

#[cfg(target_os = "linux")]
use std::fmt::Debug;

#[cfg(target_os = "linux")]
use tokio::task::JoinHandle;

/// Of the task that is being polled; `None` outside of tokio's tasks, and with tokio before 1.41.
pub(crate) fn current() -> Option<u64> {
    // Where tokio has a function of this name it goes before the one below: names are looked for from the inside out.
    #[allow(unused_imports, reason = "tokio may have none")]
    use tokio::task::*;
    try_id().and_then(|id| id.to_string().parse().ok())
}

#[allow(dead_code, reason = "newer versions have it")]
fn try_id() -> Option<u64> {
    None
}

/// Of a spawned task; 0 if it is not known. In the oldest versions only its handle's debug text has it:
/// `JoinHandle { id: Id(7) }`.
#[cfg(target_os = "linux")]
pub(crate) fn of<T: Debug>(handle: &JoinHandle<T>) -> u64 {
    let text = format!("{handle:?}");
    let number = text.split_once("Id(").and_then(|(_, rest)| rest.split_once(')'));
    number.and_then(|(number, _)| number.parse().ok()).unwrap_or(0)
}
