//! The ladder on Linux: own stack, sleeping threads from outside, running ones by signal, facts alone.

mod calls;
mod naming;
mod own;
mod sleeping;
mod task_files;

use super::{Capture, Method, Missing, Options, Stack, State, Thread, own_by_library};
use crate::memory;
use crate::modules;
use crate::symbols::Symbolizer;
use crate::unwind::{CodeMap, End, Live, Unwinder, Walk};
use naming::{Names, RawStack};
use rustix::io::Errno;
use sleeping::Look;
use std::time::{Duration, Instant};
use task_files::{Activity, Stat, TaskFiles};

/// What is known of a thread's stack so far.
enum Draft {
    /// Unwound.
    Done(RawStack),
    /// Decided: there is none.
    Missing(Missing),
    /// Only a signal can tell; until then the frames that are certain, if there are any.
    Wanted(Option<RawStack>),
    /// In code that the snapshot of the modules does not know: a library may have been opened since.
    Again(RawStack),
    /// By the system's unwinder, named already.
    Library(Stack),
}

pub(super) fn capture(options: &Options) -> Capture {
    let started = Instant::now();
    let deadline = started.checked_add(options.deadline).unwrap_or(started);
    let mut notes = Vec::new();
    let map = CodeMap::new(modules::snapshot());
    let mut unwinder = Unwinder::new(&map);
    let mut live = Live::default();
    let readable = memory::probe();
    if let Err(error) = &readable {
        notes.push(format!(
            "this process may not read its own memory ({error}): no stacks but the calling thread's"
        ));
    }

    let own = own_id();
    let files = TaskFiles::open();
    let ids = files.as_ref().map_err(|errno| *errno).and_then(TaskFiles::ids);
    let ids = ids.unwrap_or_else(|errno| {
        notes.push(format!("/proc/self/task cannot be read ({errno}): only the calling thread is listed"));
        vec![own]
    });
    let mut threads = Vec::with_capacity(ids.len());
    let mut drafts = Vec::with_capacity(ids.len());
    for id in ids {
        let stat = files.as_ref().ok().and_then(|files| files.stat(id).ok());
        let mut thread = facts(id, stat);
        let draft = match (&readable, &files) {
            (Ok(()), _) if id == own => own_stack(&mut unwinder, &mut live),
            (Err(_), _) if id == own => Draft::Library(own_by_library::stack(options.symbols)),
            (Err(error), _) => Draft::Missing(Missing::Refused(error.to_string())),
            (Ok(()), Err(errno)) => Draft::Missing(Missing::Refused(errno.to_string())),
            (Ok(()), Ok(_)) if Instant::now() >= deadline => Draft::Missing(Missing::OutOfTime),
            (Ok(()), Ok(files)) => outside(files, &mut thread, &mut unwinder, &mut live),
        };
        if id == own {
            thread.on_cpu = Some(true);
        }
        threads.push(thread);
        drafts.push(draft);
    }

    let took = started.elapsed();
    let mut symbolizer = Symbolizer::new(options.symbol_budget_bytes);
    let stacks = drafts.iter().filter_map(|draft| match draft {
        Draft::Done(raw) | Draft::Wanted(Some(raw)) | Draft::Again(raw) => Some(raw),
        Draft::Missing(_) | Draft::Wanted(None) | Draft::Library(_) => None,
    });
    let names = match options.symbols {
        true => Names::look_up(&map.snapshot, stacks, &mut symbolizer),
        false => Names::none(),
    };
    for (thread, draft) in threads.iter_mut().zip(drafts) {
        thread.stack = match draft {
            Draft::Done(raw) | Draft::Wanted(Some(raw)) | Draft::Again(raw) => {
                naming::stack(&map.snapshot, &names, &raw)
            }
            Draft::Missing(missing) => Stack::Missing(missing),
            Draft::Wanted(None) => Stack::Missing(Missing::NoSignal),
            Draft::Library(stack) => stack,
        };
    }
    notes.extend_from_slice(symbolizer.notes());
    Capture { threads, notes, took }
}

fn own_id() -> u32 {
    rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned()
}

fn own_stack(unwinder: &mut Unwinder<'_>, live: &mut Live) -> Draft {
    Draft::Done(RawStack { walk: own::walk(unwinder, live), method: Method::Own, reason: None })
}

/// What can be learnt of another thread without its noticing.
fn outside(files: &TaskFiles, thread: &mut Thread, unwinder: &mut Unwinder<'_>, live: &mut Live) -> Draft {
    match sleeping::look(files, thread.id, unwinder, live) {
        Look::Still { activity, walk } => {
            note_activity(thread, &activity);
            sleeping_stack(walk)
        }
        Look::NoUserStack { activity } => {
            note_activity(thread, &activity);
            Draft::Missing(Missing::NoUserStack)
        }
        Look::Ended => {
            thread.state = State::Dead;
            Draft::Missing(Missing::Ended)
        }
        Look::Refused(Errno::PERM | Errno::ACCESS) | Look::Running => Draft::Wanted(None),
        Look::Refused(errno) => Draft::Missing(Missing::Refused(errno.to_string())),
    }
}

fn sleeping_stack(mut walk: Walk) -> Draft {
    let raw = |walk| RawStack { walk, method: Method::Sleeping, reason: None };
    if walk.end == End::Root {
        return Draft::Done(raw(walk));
    }
    // What rests on a recovered frame pointer counts only if it leads to the root.
    let guessed = walk.certain.is_some();
    if let Some(certain) = walk.certain {
        walk.frames.truncate(certain);
    }
    match walk.end {
        End::UnknownCode => Draft::Again(raw(walk)),
        End::UnknownRegister(_) | End::NoTables => Draft::Wanted(Some(raw(walk))),
        _ if guessed => Draft::Wanted(Some(raw(walk))),
        _ => Draft::Done(raw(walk)),
    }
}

fn note_activity(thread: &mut Thread, activity: &Activity) {
    thread.on_cpu = Some(false);
    if let Activity::InCall { number, arguments, .. } = activity {
        thread.wait = Some(calls::wait(*number, arguments));
    }
}

/// A thread with what `stat` says of it; without `stat` it has ended, or nothing is known.
fn facts(id: u32, stat: Option<Stat>) -> Thread {
    let age = stat.as_ref().and_then(|stat| since_boot().checked_sub(stat.started));
    let stat = stat.unwrap_or(Stat {
        name: String::new(),
        state: State::Unknown,
        cpu_user: Duration::ZERO,
        cpu_system: Duration::ZERO,
        started: Duration::ZERO,
    });
    Thread {
        id,
        name: stat.name,
        state: stat.state,
        on_cpu: None,
        cpu_user: stat.cpu_user,
        cpu_system: stat.cpu_system,
        age,
        wait: None,
        stack: Stack::Missing(Missing::OutOfTime),
    }
}

/// The clock that thread start times are counted by.
fn since_boot() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}
