//! What the kernel says of a thread besides its stack: name, state, CPU time, age, and what it waits for.

use super::system_call;
use crate::proc::stat::{Stat, since_boot};
use crate::proc::syscall::Activity;
use crate::threads::{State, Thread};

/// A thread with what `stat` says of it; without `stat` it has ended, or nothing is known.
pub(super) fn of(id: u32, stat: Option<Stat>, own: u32) -> Thread {
    let age = stat.as_ref().and_then(|stat| stat.age(since_boot()));
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
