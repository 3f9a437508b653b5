//! The queue of threads that are asked by signal: in which order, and what becomes of their answers.

use super::draft::Draft;
use super::pass::Pass;
use super::signal::{self, Answer, Asker, NotInstalled, Outcome, Request};
use super::task_directory::TaskDirectory;
use crate::threads::{Incomplete, Missing, Note, Operation, Options, State, Thread};
use crate::unwind::{End, Registers};
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// Sends the signal to the threads of which only that can tell more.
pub(super) fn ask(
    pass: Pass<'_>,
    threads: &mut [Thread],
    drafts: &mut [Draft],
    options: &Options,
    notes: &mut Vec<Note>,
) {
    if !drafts.iter().any(|draft| matches!(draft, Draft::Wanted(_))) {
        return;
    }
    let refusal = match options.signal.map(|signal| (signal, signal::install(signal))) {
        None => Missing::NoSignal,
        Some((signal, Ok(()))) => {
            let deadline = pass.deadline();
            return signal::ask(signal, deadline, &mut SignalQueue::new(pass, signal, threads, drafts));
        }
        Some((signal, Err(NotInstalled::Unsuitable))) => {
            notes.push(Note::SignalUnsuitable { signal });
            Missing::NoSignal
        }
        Some((signal, Err(NotInstalled::Taken))) => {
            notes.push(Note::SignalTaken { signal });
            Missing::SignalTaken
        }
        Some((_, Err(NotInstalled::Refused(errno)))) => refused(Operation::InstallHandler, errno),
    };
    for draft in drafts {
        draft.give_up(&refusal);
    }
}

struct SignalQueue<'m, 't> {
    pass: Pass<'m>,
    signal: i32,
    threads: &'t mut [Thread],
    drafts: &'t mut [Draft],
    queue: VecDeque<Request>,
    /// How often each thread had got a processor when it was asked.
    runs: HashMap<u32, u64>,
    /// Those that block the signal for now, and how long each had run when that was first seen.
    blocked: Vec<(Request, Duration)>,
    retry: Instant,
}

/// Threads block signals for moments: in a handler (ours, of the capture before), or while they start
/// another thread. A thread that still blocks one after running for this long does so on purpose.
const PASSING: Duration = Duration::from_millis(1);

/// Tables read a few words below the one that they failed at.
const SECOND_BELOW: u64 = 256;

impl<'m, 't> SignalQueue<'m, 't> {
    pub fn new(
        pass: Pass<'m>,
        signal: i32,
        threads: &'t mut [Thread],
        drafts: &'t mut [Draft],
    ) -> SignalQueue<'m, 't> {
        let request = |(key, thread): (usize, &Thread)| Request { key, thread: thread.id, second: None };
        let wanted = |running: bool| {
            let fits = move |draft: &Draft| match draft {
                Draft::Wanted(partial) => partial.is_none() == running,
                _ => false,
            };
            threads
                .iter()
                .enumerate()
                .zip(&*drafts)
                .filter(move |(_, draft)| fits(draft))
                .map(|(thread, _)| thread)
        };
        // Those that run answer at once; those that sleep have to be woken first.
        let queue = wanted(true).chain(wanted(false)).map(request).collect();
        SignalQueue {
            pass,
            signal,
            threads,
            drafts,
            queue,
            runs: HashMap::new(),
            blocked: Vec::new(),
            retry: Instant::now(),
        }
    }

    /// Why the thread must not be signalled, if so. A signal that it blocks would stay pending, and might
    /// be taken by a `sigwait` that waits for something else.
    fn objection(&self, id: u32) -> Option<Missing> {
        let directory = self.pass.directory()?;
        match directory.stat(id).map(|stat| stat.state) {
            Err(_) | Ok(State::Dead) if directory.has_ended(id) => return Some(Missing::Ended),
            Err(errno) => return Some(refused(Operation::ReadTaskFile, errno.raw_os_error())),
            Ok(State::Stopped) => return Some(Missing::Stopped),
            Ok(State::Uninterruptible) => {
                return Some(Missing::Uninterruptible(directory.kernel_function(id)));
            }
            Ok(_) => {}
        }
        match directory.blocked_signals(id) {
            Ok(mask) if mask >> (self.signal - 1) & 1 == 1 => Some(Missing::SignalBlocked),
            Ok(_) => None,
            Err(errno) => Some(refused(Operation::ReadTaskFile, errno.raw_os_error())),
        }
    }

    /// Whether a thread that blocks the signal might let it in soon; it is asked again then.
    fn may_pass(&mut self, request: Request) -> bool {
        let known = self.blocked.iter().position(|(blocked, _)| blocked.key == request.key);
        let runs_now = |directory: &TaskDirectory| {
            directory.stat(request.thread).is_ok_and(|stat| stat.state == State::Running)
        };
        // A thread that was asleep may have been woken meanwhile, for example by the signal of another
        // capture.
        let running = matches!(self.drafts.get(request.key), Some(Draft::Wanted(None)))
            || self.pass.directory().is_some_and(runs_now);
        let ran = self.pass.directory().and_then(|directory| directory.time_on_processors(request.thread));
        match (ran, known) {
            (Some(ran), None) if running && !self.pass.is_over() => {
                self.blocked.push((request, ran));
                true
            }
            (Some(ran), Some(at)) if running && !self.pass.is_over() => {
                let passed = self.blocked.get(at).is_some_and(|(_, before)| ran >= *before + PASSING);
                if passed {
                    self.blocked.swap_remove(at);
                }
                !passed
            }
            (_, Some(at)) => {
                self.blocked.swap_remove(at);
                false
            }
            (_, None) => false,
        }
    }

    fn answered(&mut self, request: Request, answer: &Answer<'_>) {
        let raw = self.pass.unwind(Registers::of_all(answer.registers), answer);
        let end = raw.end;
        let Some(draft) = self.drafts.get_mut(request.key) else { return };
        match end {
            // The stack goes on elsewhere: below a fiber, or an alternate signal stack.
            End::Unreadable(address) if request.second.is_none() && !answer.ends_before(address) => {
                let second = Some(address.saturating_sub(SECOND_BELOW).max(1) & !7);
                draft.want_more(raw);
                self.queue.push_back(Request { second, ..request });
            }
            End::UnknownCode => *draft = Draft::Again(raw),
            _ => {
                let mut raw = raw;
                if matches!(end, End::Unreadable(_)) && answer.cut {
                    raw.reason = Some(Incomplete::DeeperThanCopied);
                }
                draft.improve(raw);
            }
        }
        // It cannot have answered without a processor, so it had one all the time.
        if let Some(thread) = self.threads.get_mut(request.key)
            && let Some(before) = self.runs.get(&thread.id)
            && self.pass.directory().and_then(|directory| directory.runs(thread.id)) == Some(*before)
        {
            thread.on_cpu = Some(true);
            thread.state = State::Running;
        }
    }
}

fn refused(operation: Operation, errno: i32) -> Missing {
    Missing::Refused { operation, errno }
}

impl Asker for SignalQueue<'_, '_> {
    fn next(&mut self) -> Option<Request> {
        // Not while others are to be asked first: a thread that stands in the queue already would be asked
        // twice, and of two signals of one number that are pending it takes one.
        if self.queue.is_empty() && !self.blocked.is_empty() && Instant::now() >= self.retry {
            self.retry = Instant::now() + PASSING;
            self.queue.extend(self.blocked.iter().map(|(request, _)| *request));
        }
        loop {
            let request = self.queue.pop_front()?;
            if request.second.is_some() {
                return Some(request);
            }
            let thread = self.threads.get_mut(request.key)?;
            let draft = self.drafts.get_mut(request.key)?;
            // It may sleep by now: then it need not be disturbed.
            if matches!(draft, Draft::Wanted(None)) && !self.pass.is_over() {
                *draft = self.pass.look(thread);
                if !matches!(draft, Draft::Wanted(_)) {
                    self.blocked.retain(|(blocked, _)| blocked.key != request.key);
                    continue;
                }
            }
            if let Some(missing) = self.objection(request.thread) {
                if missing == Missing::SignalBlocked && self.may_pass(request) {
                    continue;
                }
                self.blocked.retain(|(blocked, _)| blocked.key != request.key);
                self.drafts.get_mut(request.key)?.give_up(&missing);
                continue;
            }
            self.blocked.retain(|(blocked, _)| blocked.key != request.key);
            if let Some(runs) = self.pass.directory().and_then(|directory| directory.runs(request.thread)) {
                self.runs.insert(request.thread, runs);
            }
            return Some(request);
        }
    }

    fn take(&mut self, request: Request, outcome: Outcome<'_>) {
        let missing = match outcome {
            Outcome::Answer(answer) => return self.answered(request, &answer),
            Outcome::Ended => Missing::Ended,
            Outcome::OutOfTime => Missing::OutOfTime,
            Outcome::Refused(errno) => refused(Operation::SendSignal, errno),
        };
        if let Some(draft) = self.drafts.get_mut(request.key) {
            draft.give_up(&missing);
        }
    }

    fn is_waiting(&self) -> bool {
        !self.blocked.is_empty()
    }

    fn has_ended(&self, thread: u32) -> bool {
        self.pass.directory().is_some_and(|directory| directory.has_ended(thread))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{current_thread, status};
    use super::*;
    use crate::modules;
    use crate::signals::block_all_in_this_thread;
    use crate::threads::Listing;
    use crate::unwind::CodeMap;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// A thread that runs all the time and blocks every signal until it is told to let them in.
    fn blocking(step: &AtomicU32) {
        // SAFETY: an empty set is all zeros.
        let mut before: libc::sigset_t = unsafe { std::mem::zeroed() };
        // SAFETY: reads this thread's mask into the set.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), &mut before) };
        block_all_in_this_thread();
        step.store(1, Ordering::SeqCst);
        while step.load(Ordering::SeqCst) < 2 {}
        // SAFETY: the mask that the thread had.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut()) };
        step.store(3, Ordering::SeqCst);
        while step.load(Ordering::SeqCst) < 4 {}
    }

    #[test]
    fn a_thread_that_blocked_the_signal_for_a_moment_is_asked_once_however_long_the_others_take() {
        let (step, id) = (AtomicU32::new(0), AtomicU32::new(0));
        let reach = |wanted| {
            while step.load(Ordering::SeqCst) != wanted {
                std::thread::yield_now();
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                id.store(current_thread::id(), Ordering::SeqCst);
                blocking(&step);
            });
            reach(1);
            let id = id.load(Ordering::SeqCst);
            let map = Arc::new(CodeMap::new(modules::snapshot()));
            let directory = Arc::new(TaskDirectory::open(&Listing::default()).unwrap());
            let mut threads = [status::of(id, None, current_thread::id())];
            let mut drafts = [Draft::Wanted(None)];
            let pass = Pass::new(&map, Ok(&directory), Instant::now() + Duration::from_secs(60), None);
            let mut queue = SignalQueue::new(pass, libc::SIGURG, &mut threads, &mut drafts);
            // Two threads that are to be asked in any case.
            let other = |key| Request { key, thread: id, second: Some(8) };
            queue.queue.extend([other(1), other(2)]);

            let mut next = || {
                queue.retry = Instant::now();
                queue.next().map(|request| request.key)
            };
            let first = next();
            step.store(2, Ordering::SeqCst);
            reach(3);
            let all = [first, next(), next(), next()];
            step.store(4, Ordering::SeqCst);
            assert_eq!(all, [Some(1), Some(2), Some(0), None]);
        });
    }
}
