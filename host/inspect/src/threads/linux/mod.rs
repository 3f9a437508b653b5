//! The ladder on Linux: own stack, sleeping threads from outside, running ones by signal, facts alone.

mod cpu_clock;
mod current_thread;
mod naming;
mod pass;
mod signal;
mod signal_queue;
mod sleeping;
mod status;
mod system_call;
mod task_directory;

use super::{Capture, Missing, Note, Operation, Options, PrepareError, Stack, Thread, system_unwinder};
use crate::memory;
use crate::modules;
use crate::symbols::Symbolizer;
use crate::unwind::CodeMap;
use naming::{Named, RawStack};
use pass::Pass;
use std::time::{Duration, Instant};
use task_directory::TaskFiles;

/// What is known of a thread's stack so far.
enum Draft {
    /// Unwound, as far as that goes.
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

pub(super) fn capture(options: &Options, symbolizer: &mut Symbolizer) -> Capture {
    let started = Instant::now();
    let deadline = started.checked_add(options.deadline).unwrap_or(started);
    let mut notes = Vec::new();
    let files = TaskFiles::open();
    let ids = files.as_ref().map_err(|errno| *errno).and_then(TaskFiles::ids).unwrap_or_else(|errno| {
        notes.push(Note::ThreadsNotListed { errno: errno.raw_os_error() });
        vec![own_id()]
    });
    let own = own_id();
    let mut threads: Vec<Thread> = ids.into_iter().map(|id| status::of(id, None, own)).collect();

    let mut maps = vec![CodeMap::new(modules::snapshot())];
    let mut drafts = Vec::new();
    match memory::probe() {
        Ok(()) => {
            drafts = Pass::new(&maps[0], files.as_ref().map_err(|errno| *errno), deadline).first(
                &mut threads,
                options,
                &mut notes,
            );
            if drafts.iter().any(|draft| matches!(draft, Draft::Again(_))) {
                // Once is enough: whoever opens libraries all the time is not to hold up the report.
                maps.push(CodeMap::new(modules::snapshot()));
                if let [_, map] = &maps[..] {
                    Pass::new(map, files.as_ref().map_err(|errno| *errno), deadline).again(
                        &mut threads,
                        &mut drafts,
                        options,
                        &mut notes,
                    );
                }
            }
        }
        Err(error) => {
            let errno = error.raw_os_error().unwrap_or_default();
            notes.push(Note::MemoryNotReadable { errno });
            for thread in &mut threads {
                let stat = files.as_ref().ok().and_then(|files| files.stat(thread.id).ok());
                *thread = status::of(thread.id, stat, own);
                drafts.push(if thread.id == own {
                    Draft::Library(system_unwinder::stack(options.symbols))
                } else {
                    Draft::Missing(Missing::Refused { operation: Operation::ReadMemory, errno })
                });
            }
        }
    }
    let took = started.elapsed();
    let symbolizer = options.symbols.then_some(symbolizer);
    let until = started.checked_add(options.symbol_deadline).unwrap_or(deadline);
    name(&mut threads, &drafts, &maps, symbolizer, until, &mut notes);
    Capture { threads, notes, took }
}

/// Turns drafts into stacks, once every thread is free again.
fn name(
    threads: &mut [Thread],
    drafts: &[Draft],
    maps: &[CodeMap],
    mut symbolizer: Option<&mut Symbolizer>,
    until: Instant,
    notes: &mut Vec<Note>,
) {
    let named: Vec<Named<'_>> = maps
        .iter()
        .enumerate()
        .map(|(index, map)| {
            let stacks = drafts.iter().filter_map(raw).filter(|raw| raw.map == index);
            Named::of(&map.snapshot, stacks, symbolizer.as_deref_mut(), until)
        })
        .collect();
    for (thread, draft) in threads.iter_mut().zip(drafts) {
        thread.stack = match draft {
            Draft::Missing(missing) => Stack::Missing(missing.clone()),
            Draft::Library(stack) => stack.clone(),
            draft => match raw(draft).and_then(|raw| Some((raw, named.get(raw.map)?))) {
                Some((raw, named)) => named.stack(raw),
                None => Stack::Missing(Missing::OutOfTime),
            },
        };
    }
    notes.extend(symbolizer.map(Symbolizer::take_notes).unwrap_or_default().into_iter().map(Note::Symbols));
}

fn raw(draft: &Draft) -> Option<&RawStack> {
    match draft {
        Draft::Done(raw) | Draft::Wanted(Some(raw)) | Draft::Again(raw) => Some(raw),
        Draft::Missing(_) | Draft::Wanted(None) | Draft::Library(_) => None,
    }
}

/// The calling thread's kernel id.
fn own_id() -> u32 {
    rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned()
}

pub(super) fn prepare(options: &Options) -> Result<Option<i32>, PrepareError> {
    let Some(signal) = options.signal else { return Ok(None) };
    match signal::prepare(signal) {
        Ok(()) => Ok(Some(signal)),
        Err(signal::NotInstalled::Unsuitable) => Err(PrepareError::Unsuitable(signal)),
        Err(signal::NotInstalled::Taken) => Err(PrepareError::Taken(signal)),
        Err(signal::NotInstalled::Refused(errno)) => {
            Err(PrepareError::Refused(signal, std::io::Error::from_raw_os_error(errno)))
        }
    }
}

pub(super) fn restore(signal: i32) {
    // A capture that is under way is done within its own deadline; if it is not, the handler stays, which
    // does no harm.
    const PATIENCE: Duration = Duration::from_millis(100);
    signal::uninstall(signal, Instant::now() + PATIENCE);
}
