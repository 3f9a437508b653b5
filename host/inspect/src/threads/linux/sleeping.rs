//! The stack of a sleeping thread, read from outside so that the thread notices nothing.
//!
//! Only its stack pointer and program counter are known. It may wake at any moment: what was read counts
//! only if the kernel says afterwards that it has not been on a processor since.

use super::cpu_clock;
use super::task_directory::{TaskDirectory, TaskFile};
use crate::proc::syscall::{self, Activity};
use crate::unwind::{Live, Registers, Unwinder, Walk};
use rustix::io::Errno;
use std::time::Duration;

/// What the look came to.
pub(super) enum Look {
    /// It did not run while its stack was read.
    Still { activity: Activity, walk: Walk },
    /// It is running, or ran each time.
    Running,
    /// A thread of the kernel's own that serves this process.
    NoUserStack { activity: Activity },
    /// The thread has ended.
    Ended,
    /// The kernel does not show what is needed.
    Refused(Errno),
}

/// A thread that does a little work now and then is caught asleep at the second or third attempt.
const ATTEMPTS: usize = 3;

pub(super) fn look(
    directory: &TaskDirectory,
    id: u32,
    unwinder: &mut Unwinder<'_>,
    memory: &mut Live,
) -> Look {
    match attempts(directory, id, unwinder, memory) {
        Ok(look) => look,
        Err(_) if directory.has_ended(id) => Look::Ended,
        Err(errno) => Look::Refused(errno),
    }
}

fn attempts(
    directory: &TaskDirectory,
    id: u32,
    unwinder: &mut Unwinder<'_>,
    memory: &mut Live,
) -> Result<Look, Errno> {
    let activity_file = directory.file(id, "syscall")?;
    let progress = Progress::of(directory, id)?;
    for _ in 0..ATTEMPTS {
        let before = progress.mark()?;
        let activity = read_activity(&activity_file)?;
        let (registers, in_call) = match activity {
            Activity::Running => return Ok(Look::Running),
            Activity::InCall { stack_pointer: 0, program_counter: 0, .. }
            | Activity::Outside { stack_pointer: 0, program_counter: 0 } => {
                return Ok(Look::NoUserStack { activity });
            }
            Activity::InCall { arguments, stack_pointer, program_counter, .. } => {
                (Registers::of_system_call(arguments, program_counter, stack_pointer), true)
            }
            Activity::Outside { stack_pointer, program_counter } => {
                (Registers::of_code_and_stack(program_counter, stack_pointer), false)
            }
        };
        memory.clear();
        // Interrupted at any instruction, a function may be in its epilogue, where its prologue says
        // nothing of the stack.
        let walk = unwinder.walk(registers, memory, in_call);
        // A count of switches is written when a thread leaves its processor: that it is on one now shows in
        // its activity alone.
        let runs_now =
            || Ok(matches!(before, Mark::Switches(_)) && read_activity(&activity_file)? != activity);
        if !runs_now()? && progress.mark()? == before {
            return Ok(Look::Still { activity, walk });
        }
    }
    Ok(Look::Running)
}

fn read_activity(file: &TaskFile) -> Result<Activity, Errno> {
    let mut bytes = [0; 256];
    syscall::parse(file.read(&mut bytes)?).ok_or(Errno::INVAL)
}

/// Something that changes whenever the thread gets a processor.
enum Progress {
    /// Its CPU time, to the nanosecond.
    Clock(u32),
    /// `status`, whose last lines count switches: where the clock is refused.
    Status(TaskFile),
}

/// What [`Progress`] was at one moment.
#[derive(PartialEq, Eq)]
enum Mark {
    Time(Duration),
    Switches(Vec<u8>),
}

impl Progress {
    fn of(directory: &TaskDirectory, id: u32) -> Result<Progress, Errno> {
        match cpu_clock::read(id) {
            Some(_) => Ok(Progress::Clock(id)),
            None => Ok(Progress::Status(directory.file(id, "status")?)),
        }
    }

    fn mark(&self) -> Result<Mark, Errno> {
        let file = match self {
            // It was there before, so the thread has ended.
            Progress::Clock(id) => return cpu_clock::read(*id).map(Mark::Time).ok_or(Errno::SRCH),
            Progress::Status(file) => file,
        };
        let mut bytes = [0; 4096];
        let lines = file.read(&mut bytes)?.split(|byte| *byte == b'\n');
        let of_switches = lines.filter(|line| line.windows(13).any(|part| part == b"ctxt_switches"));
        Ok(Mark::Switches(of_switches.collect::<Vec<_>>().concat()))
    }
}
