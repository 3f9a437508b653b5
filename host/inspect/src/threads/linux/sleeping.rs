//! The stack of a sleeping thread, read from outside so that the thread notices nothing.
//!
//! Only its stack pointer and program counter are known. It may wake at any moment: what was read counts
//! only if the kernel says afterwards that it has not been on a processor since.

use super::cpu_clock;
use super::task_directory::{TaskDirectory, TaskFile};
use crate::proc::syscall::{self, Activity};
use crate::threads::evidence;
use crate::unwind::{Live, Registers, StackMemory as _, Unwinder, Walk};
use rustix::io::Errno;
use std::time::Duration;

/// What the look came to.
pub(super) enum Look {
    /// It did not run while its stack was read.
    Still {
        activity: Activity,
        walk: Walk,
        /// Its CPU time, where that clock can be read.
        clock: Option<Duration>,
    },
    /// It is running, or ran each time.
    Running,
    /// A thread of the kernel's own that serves this process.
    NoUserStack { activity: Activity },
    /// The thread has ended.
    Ended,
    /// The kernel does not show what is needed.
    Refused(Errno),
}

/// Whether the live stack is copied, too: [`Live::copied`] has it then, if the thread did not run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stack {
    Unwound,
    Copied,
}

/// A thread that does a little work now and then is caught asleep at the second or third attempt.
const ATTEMPTS: usize = 3;

pub(super) fn look(
    directory: &TaskDirectory,
    id: u32,
    unwinder: &mut Unwinder<'_>,
    memory: &mut Live,
    stack: Stack,
) -> Look {
    match attempts(directory, id, unwinder, memory, stack) {
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
    stack: Stack,
) -> Result<Look, Errno> {
    let activity_file = directory.file(id, "syscall")?;
    let (progress, mut before) = Progress::of(directory, id)?;
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            before = progress.mark()?;
        }
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
        if let (Stack::Copied, Some(pointer)) = (stack, registers.stack_pointer()) {
            // So that the first piece that is read begins there, and is the only one of most stacks.
            memory.word(pointer & !7);
        }
        // Interrupted at any instruction, a function may be in its epilogue, where its prologue says
        // nothing of the stack.
        let walk = unwinder.walk(registers, memory, in_call);
        if let (Stack::Copied, Some((start, length))) = (stack, evidence::live_range(&walk.trail)) {
            memory.copy(start, length);
        }
        // A count of switches is written when a thread leaves its processor: that it is on one now shows in
        // its activity alone.
        let runs_now =
            || Ok(matches!(before, Mark::Switches(_)) && read_activity(&activity_file)? != activity);
        if !runs_now()? && progress.mark()? == before {
            let clock = match before {
                Mark::Time(time) => Some(time),
                Mark::Switches(_) => None,
            };
            return Ok(Look::Still { activity, walk, clock });
        }
        unwinder.take_back(walk);
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
    /// How to tell whether it has changed, and what it is now.
    fn of(directory: &TaskDirectory, id: u32) -> Result<(Progress, Mark), Errno> {
        if let Some(time) = cpu_clock::read(id) {
            return Ok((Progress::Clock(id), Mark::Time(time)));
        }
        let progress = Progress::Status(directory.file(id, "status")?);
        let mark = progress.mark()?;
        Ok((progress, mark))
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
