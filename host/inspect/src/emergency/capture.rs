//! One emergency capture: which threads there are, and what the kernel shows of each.

use super::modules::{LoadedModules, ModuleReader};
use super::proc_files::ProcFiles;
use super::unwind::Unwinder;
use super::{Frames, Module, Resource, Stack, Thread, Wait};
use crate::proc::stat::{self, StatLine, State};
use crate::proc::syscall::{self, Activity};
use crate::threads::linux::cpu_clock;
use crate::threads::linux::system_call::{self, Awaited};
use crate::threads::{Incomplete, Missing, Operation};
use crate::unwind::Registers;
use rustix::io::Errno;
use std::io;
use std::time::Duration;

/// As many as Linux gives by default (`pid_max`); each takes four bytes.
const MOST_THREADS: usize = 32 << 10;

/// Linux's longest path.
const TARGET: usize = 4096;

/// A thread that does a little work now and then is caught asleep at the second or third attempt.
const ATTEMPTS: usize = 3;

/// Looks at every thread with memory that was taken by [`Capture::prepare`].
///
/// ```
/// use gmr_inspect::emergency::{Capture, Stack};
///
/// # #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))] {
/// let mut capture = Capture::prepare()?;
/// // ... and when nothing else answers:
/// capture.begin();
/// for at in 0..capture.ids().len() {
///     let thread = capture.thread(capture.ids()[at]);
///     if let Stack::Captured { frames, .. } = &thread.stack {
///         assert!(frames.iter().next().is_some());
///     }
/// }
/// # }
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Capture {
    files: ProcFiles,
    reader: ModuleReader,
    modules: LoadedModules,
    unwinder: Unwinder,
    ids: Vec<u32>,
    ids_left_out: usize,
    stat: Box<[u8]>,
    target: Box<[u8]>,
}

impl std::fmt::Debug for Capture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Capture").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Capture {
    /// Takes all that a capture needs: some 400 KiB of memory, and two descriptors, of `/proc/self`. Nothing is taken
    /// later, and neither is anything given back before it is dropped.
    ///
    /// # Errors
    ///
    /// If `/proc/self` cannot be opened, or where stacks cannot be read ([`io::ErrorKind::Unsupported`]).
    pub fn prepare() -> io::Result<Capture> {
        // Filled, so that their memory is there when it is needed.
        let buffer = |length| vec![0xff; length].into_boxed_slice();
        let mut ids = vec![u32::MAX; MOST_THREADS];
        ids.clear();
        Ok(Capture {
            files: ProcFiles::open()?,
            reader: ModuleReader::new(),
            modules: LoadedModules::new(),
            unwinder: Unwinder::new(),
            ids,
            ids_left_out: 0,
            stat: buffer(1024),
            target: buffer(TARGET),
        })
    }

    /// Begins: reads which threads and which modules there are now. Where the kernel shows none there are none.
    pub fn begin(&mut self) {
        let Capture { files, reader, modules, unwinder, ids, ids_left_out, .. } = self;
        files.begin();
        unwinder.begin();
        reader.read(files, modules);
        ids.clear();
        *ids_left_out = 0;
        // What was read before a refusal counts.
        let _ = files.threads(|id| {
            if ids.len() < MOST_THREADS {
                ids.push(id);
            } else {
                *ids_left_out += 1;
            }
        });
    }

    /// The kernel's id of the calling thread.
    pub fn current_thread() -> u32 {
        rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned()
    }

    /// The files that are loaded, by address.
    pub fn modules(&self) -> impl Iterator<Item = Module<'_>> {
        self.modules.iter()
    }

    /// How many mappings of code had no room in the tables, which have 512 files and 1,024 mappings.
    pub fn modules_left_out(&self) -> usize {
        self.modules.left_out()
    }

    /// The ids of the threads, those that were started first before the others.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// How many threads there are beyond the 32,768 that have room in the list.
    pub fn ids_left_out(&self) -> usize {
        self.ids_left_out
    }

    /// Looks at one thread: usually some tens of microseconds. Of the calling thread it has no stack.
    pub fn thread(&mut self, id: u32) -> Thread<'_> {
        let Capture { files, modules, unwinder, stat, target, .. } = self;
        let (wait, stack) = look(files, modules, unwinder, id);
        let line = files.read_of_thread(id, "stat", stat).ok().and_then(stat::parse_line);
        let wait = wait.map(|(number, arguments)| {
            let name = system_call::name(number);
            let resource = name.and_then(|name| system_call::awaited(name, &arguments));
            let resource = resource.map(|awaited| match awaited {
                Awaited::Futex(address) => Resource::Futex(address),
                Awaited::Time(time) => Resource::Time(time),
                Awaited::Descriptor(number) => {
                    Resource::Descriptor { number, target: files.target_of_descriptor(number, target) }
                }
            });
            Wait { number, name, resource }
        });
        let stack = match stack {
            Ok(incomplete) => {
                Stack::Captured { frames: Frames { frames: unwinder.frames(), modules }, incomplete }
            }
            Err(missing) => Stack::Missing(missing),
        };
        let StatLine { name, state, cpu_user, cpu_system, .. } = line.unwrap_or(StatLine {
            name: b"",
            state: State::Unknown,
            cpu_user: Duration::ZERO,
            cpu_system: Duration::ZERO,
            started: Duration::ZERO,
        });
        Thread { id, name, state, cpu_user, cpu_system, wait, stack }
    }
}

/// The system call that the thread is in, as number and arguments, if it is in one.
type Call = Option<(u64, [u64; 6])>;

/// Unwinds a thread that does not run meanwhile. What it left is in the unwinder's frames.
fn look(
    files: &mut ProcFiles,
    modules: &LoadedModules,
    unwinder: &mut Unwinder,
    id: u32,
) -> (Call, Result<Option<Incomplete>, Missing>) {
    for _ in 0..ATTEMPTS {
        let before = cpu_clock::read(id);
        let activity = match read_activity(files, id) {
            Ok(activity) => activity,
            Err(Errno::NOENT | Errno::SRCH) => return (None, Err(Missing::Ended)),
            Err(errno) => {
                let (operation, errno) = (Operation::ReadTaskFile, errno.raw_os_error());
                return (None, Err(Missing::Refused { operation, errno }));
            }
        };
        let (call, registers) = match activity {
            Activity::Running => return (None, Err(Missing::NoSignal)),
            Activity::InCall { stack_pointer: 0, program_counter: 0, number, arguments } => {
                return (Some((number, arguments)), Err(Missing::NoUserStack));
            }
            Activity::Outside { stack_pointer: 0, program_counter: 0 } => {
                return (None, Err(Missing::NoUserStack));
            }
            Activity::InCall { number, arguments, stack_pointer, program_counter } => (
                Some((number, arguments)),
                Registers::of_system_call(arguments, program_counter, stack_pointer),
            ),
            Activity::Outside { stack_pointer, program_counter } => {
                (None, Registers::of_code_and_stack(program_counter, stack_pointer))
            }
        };
        let incomplete = unwinder.walk(modules, registers, call.is_some());
        // Where the clock is refused, that it stands at the same place must do.
        let mut unmoved = || read_activity(files, id).is_ok_and(|now| now == activity);
        if cpu_clock::read(id) == before && (before.is_some() || unmoved()) {
            return (call, Ok(incomplete));
        }
    }
    (None, Err(Missing::NoSignal))
}

fn read_activity(files: &mut ProcFiles, id: u32) -> Result<Activity, Errno> {
    let mut bytes = [0; 256];
    syscall::parse(files.read_of_thread(id, "syscall", &mut bytes)?).ok_or(Errno::INVAL)
}
