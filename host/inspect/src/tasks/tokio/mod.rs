//! All that is known of tokio: what its types look like in memory and what its functions are called.

#[cfg(target_os = "linux")]
pub(super) mod canary;
#[cfg(target_os = "linux")]
pub(super) mod current_task;
#[cfg(target_os = "linux")]
pub(super) mod layout;
pub(super) mod metrics;
#[cfg(target_os = "linux")]
pub(super) mod owned_tasks;
#[cfg(target_os = "linux")]
pub(super) mod task_kind;
#[cfg(target_os = "linux")]
pub(super) mod workers;
