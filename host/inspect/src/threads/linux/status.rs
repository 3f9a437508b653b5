//! What is said of a thread besides its stack.

use super::system_call;
use super::task_directory::{Activity, Stat};
use crate::threads::{State, Thread};
use std::time::Duration;

/// A thread with what `stat` says of it; without `stat` it has ended, or nothing is known.
pub(super) fn of(id: u32, stat: Option<Stat>, own: u32) -> Thread {
    let age = stat.as_ref().and_then(|stat| since_boot().checked_sub(stat.started));
    let on_cpu = (id == own).then_some(true);
    let Some(stat) = stat else { return Thread { on_cpu, ..Thread::new(id, "") } };
    Thread {
        state: stat.state,
        on_cpu,
        cpu_user: stat.cpu_user,
        cpu_system: stat.cpu_system,
        age,
        ..Thread::new(id, stat.name)
    }
}

/// What a thread that is not running does.
pub(super) fn note_activity(thread: &mut Thread, activity: &Activity) {
    thread.on_cpu = Some(false);
    thread.wait = match activity {
        Activity::InCall { number, arguments, .. } => Some(system_call::wait(*number, arguments)),
        Activity::Running | Activity::Outside { .. } => None,
    };
    // It has gone to sleep since it was listed.
    if thread.state == State::Running {
        thread.state = State::Sleeping;
    }
}

/// The clock that thread start times are counted by.
fn since_boot() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}
