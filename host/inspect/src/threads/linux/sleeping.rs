//! The stack of a thread that is not running, read without its noticing.
//!
//! Only its stack pointer and program counter are known. It may wake at any moment: what was read counts
//! only if the kernel says afterwards that it has not been on a processor since.

use super::task_files::{Activity, TaskFile, TaskFiles, parse_activity};
use crate::unwind::{Live, Registers, Unwinder, Walk};
use rustix::io::Errno;

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

pub(super) fn look(files: &TaskFiles, id: u32, unwinder: &mut Unwinder<'_>, memory: &mut Live) -> Look {
    match attempts(files, id, unwinder, memory) {
        Ok(look) => look,
        Err(Errno::NOENT | Errno::SRCH) => Look::Ended,
        Err(errno) => Look::Refused(errno),
    }
}

fn attempts(
    files: &TaskFiles,
    id: u32,
    unwinder: &mut Unwinder<'_>,
    memory: &mut Live,
) -> Result<Look, Errno> {
    let activity_file = files.file(id, "syscall")?;
    let progress = Progress::of(files, id)?;
    for _ in 0..ATTEMPTS {
        let runs_before = progress.read()?;
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
        if read_activity(&activity_file)? == activity && progress.read()? == runs_before {
            return Ok(Look::Still { activity, walk });
        }
    }
    Ok(Look::Running)
}

fn read_activity(file: &TaskFile) -> Result<Activity, Errno> {
    let mut bytes = [0; 256];
    parse_activity(file.read(&mut bytes)?).ok_or(Errno::INVAL)
}

/// Something that changes whenever the thread gets a processor.
struct Progress {
    file: TaskFile,
    fields: Fields,
}

enum Fields {
    /// `schedstat`: time on processors, time waiting for one, how often it got one.
    All,
    /// The lines of `status` that count switches: for kernels that keep no scheduler statistics.
    Switches,
}

impl Progress {
    fn of(files: &TaskFiles, id: u32) -> Result<Progress, Errno> {
        if let Ok(file) = files.file(id, "schedstat") {
            let mut bytes = [0; 128];
            // A thread that exists has run at least once.
            if file.read(&mut bytes).is_ok_and(|text| text.trim_ascii() != b"0 0 0") {
                return Ok(Progress { file, fields: Fields::All });
            }
        }
        Ok(Progress { file: files.file(id, "status")?, fields: Fields::Switches })
    }

    fn read(&self) -> Result<Vec<u8>, Errno> {
        let mut bytes = [0; 4096];
        let text = self.file.read(&mut bytes)?;
        Ok(match self.fields {
            Fields::All => text.to_vec(),
            Fields::Switches => text
                .split(|byte| *byte == b'\n')
                .filter(|line| line.windows(13).any(|part| part == b"ctxt_switches"))
                .collect::<Vec<_>>()
                .concat(),
        })
    }
}
