//! The capture on Linux, as a ladder of ways to a stack: the calling thread's own, sleeping threads from
//! outside, running ones by signal, and of the others the scheduler's figures alone.
//!
//! A stack that was read from outside counts only if its thread has not had a processor meanwhile, which its CPU clock
//! tells to the nanosecond for the price of one small call. Files in `/proc` cost ten times as much, so two of them, not
//! four, are opened for each thread.

pub(crate) mod cpu_clock;
mod current_thread;
mod draft;
mod naming;
mod pass;
mod signal;
mod signal_queue;
mod sleeping;
mod standard_name;
mod status;
pub(crate) mod system_call;
mod task_directory;

use super::evidence::{AllEvidence, Collection};
use super::{
    Capture, Incomplete, Listing, Method, Missing, Note, Operation, Options, PrepareError, Stack, Thread,
    system_unwinder,
};
use crate::memory;
use crate::modules;
use crate::proc_self;
use crate::symbols::Symbolizer;
use crate::unwind::{CodeMap, End, RawFrame};
use draft::{Draft, RawStack};
use naming::Named;
use pass::Pass;
use rustix::io::Errno;
use std::sync::Arc;
use std::time::{Duration, Instant};
use task_directory::TaskDirectory;

pub(super) fn list() -> Listing {
    TaskDirectory::list().unwrap_or_else(|errno| Listing::failed(errno.raw_os_error()))
}

pub(super) fn capture(listing: &Listing, options: &Options, symbolizer: &mut Symbolizer) -> Capture {
    let started = Instant::now();
    let deadline = started.checked_add(options.deadline).unwrap_or(started);
    let mut notes = Vec::new();
    notes.extend(listing.fault().map(|errno| Note::ThreadsNotListed { errno }));
    let own = current_thread::id();
    let mut ids = listing.ids().to_vec();
    if let Err(place) = ids.binary_search(&own) {
        ids.insert(place, own);
    }
    let directory = TaskDirectory::open(listing).map(Arc::new);
    let directory = directory.as_ref().map_err(|errno| *errno);
    let mut threads: Vec<Thread> = ids.into_iter().map(|id| status::of(id, None, own)).collect();

    let collection = options.evidence.then(|| Collection::claim(threads.len())).transpose();
    let collection = collection.unwrap_or_else(|shortage| {
        notes.push(Note::EvidenceNotKept(shortage));
        None
    });
    let mut maps = vec![Arc::new(CodeMap::new(modules::snapshot()))];
    let drafts = match memory::probe() {
        Ok(()) => {
            let drafts = stacks(
                &mut threads,
                directory,
                deadline,
                options,
                collection.as_ref(),
                &mut maps,
                &mut notes,
            );
            notes.extend(memory::refusal().map(|errno| Note::MemoryCallRefused { errno }));
            drafts
        }
        Err(error) => {
            let errno = error.raw_os_error().unwrap_or_default();
            notes.push(Note::MemoryNotReadable { errno });
            without_memory(&mut threads, directory, errno)
        }
    };
    if Instant::now() < deadline {
        standard_name::complete(&mut threads);
    }
    let took = started.elapsed();
    let symbolizer = options.symbols.then_some(symbolizer);
    let until = started.checked_add(options.symbol_deadline).unwrap_or(deadline);
    name(&mut threads, &drafts, &maps, symbolizer, until, &mut notes);
    proc_self::refill();
    let kept = threads.iter().zip(&drafts);
    let kept = kept.filter_map(|(thread, draft)| Some((thread.id, draft.raw()?.evidence?)));
    let evidence = collection.map_or_else(AllEvidence::default, |collection| collection.finish(kept));
    Capture { threads, notes, took, evidence, listing: Some(listing.clone()) }
}

/// Reads every thread's stack over the first of `maps`; a second one is added for stacks that stand in code
/// which is not in the first.
fn stacks(
    threads: &mut [Thread],
    directory: Result<&Arc<TaskDirectory>, Errno>,
    deadline: Instant,
    options: &Options,
    collection: Option<&Arc<Collection>>,
    maps: &mut Vec<Arc<CodeMap>>,
    notes: &mut Vec<Note>,
) -> Vec<Draft> {
    let mut pass = Pass::new(&maps[0], directory, deadline, collection.cloned());
    let mut drafts = pass.first(threads);
    signal_queue::ask(pass, threads, &mut drafts, options, notes);
    if drafts.iter().any(|draft| matches!(draft, Draft::Again(_))) {
        // Once is enough: a program that opens libraries all the time must not hold up the report.
        maps.push(Arc::new(CodeMap::new(modules::snapshot())));
        if let [_, map] = &maps[..] {
            let mut pass = Pass::new(map, directory, deadline, collection.cloned());
            if pass.again(threads, &mut drafts) {
                signal_queue::ask(pass, threads, &mut drafts, options, notes);
            }
        }
    }
    drafts
}

/// Of the calling thread alone there is a stack then, by the system's own unwinder.
fn without_memory(
    threads: &mut [Thread],
    directory: Result<&Arc<TaskDirectory>, Errno>,
    errno: i32,
) -> Vec<Draft> {
    let own = current_thread::id();
    let draft = |thread: &mut Thread| {
        *thread =
            status::of(thread.id, directory.ok().and_then(|directory| directory.stat(thread.id).ok()), own);
        if thread.id == own {
            Draft::Done(by_system_unwinder())
        } else {
            Draft::Missing(Missing::Refused { operation: Operation::ReadMemory, errno })
        }
    };
    threads.iter_mut().map(draft).collect()
}

fn by_system_unwinder() -> RawStack {
    let frames = system_unwinder::addresses().into_iter().map(|address| RawFrame {
        address,
        verified: true,
        omitted: 0,
    });
    let reason = Some(Incomplete::SystemUnwinder);
    RawStack {
        frames: frames.collect(),
        end: End::NoTables,
        method: Method::Own,
        reason,
        map: 0,
        evidence: None,
    }
}

/// Turns drafts into stacks, once every thread is free again.
fn name(
    threads: &mut [Thread],
    drafts: &[Draft],
    maps: &[Arc<CodeMap>],
    mut symbolizer: Option<&mut Symbolizer>,
    until: Instant,
    notes: &mut Vec<Note>,
) {
    let named: Vec<Named<'_>> = maps
        .iter()
        .enumerate()
        .map(|(index, map)| {
            let stacks = drafts.iter().filter_map(Draft::raw).filter(|raw| raw.map == index);
            Named::of(&map.snapshot, stacks, symbolizer.as_deref_mut(), until)
        })
        .collect();
    for (thread, draft) in threads.iter_mut().zip(drafts) {
        thread.stack = match draft {
            Draft::Missing(missing) => Stack::Missing(missing.clone()),
            draft => match draft.raw().and_then(|raw| Some((raw, named.get(raw.map)?))) {
                Some((raw, named)) => named.stack(raw),
                None => Stack::Missing(Missing::OutOfTime),
            },
        };
    }
    notes.extend(symbolizer.map(Symbolizer::take_notes).unwrap_or_default().into_iter().map(Note::Symbols));
}

/// For how long the thread has had a processor.
pub(super) fn cpu_time(id: u32) -> Option<Duration> {
    cpu_clock::read(id)
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
    signal::release(signal, Instant::now() + PATIENCE);
}
