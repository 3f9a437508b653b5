//! One look at all threads over one snapshot of the modules.

use super::naming::RawStack;
use super::running::Inquiry;
use super::signal::{self, NotInstalled};
use super::sleeping::{self, Look};
use super::task_files::TaskFiles;
use super::{Draft, facts, own, own_id};
use crate::threads::{Method, Missing, Options, State, Thread};
use crate::unwind::{CodeMap, Copied, End, Live, Registers, Unwinder, Walk};
use rustix::io::Errno;
use std::time::Instant;

pub(super) struct Round<'m> {
    files: Option<&'m TaskFiles>,
    unwinder: Unwinder<'m>,
    live: Live,
    deadline: Instant,
    /// Which snapshot it is, for those who name the frames.
    map: usize,
}

impl<'m> Round<'m> {
    pub fn new(map: &'m CodeMap, files: Option<&'m TaskFiles>, deadline: Instant) -> Round<'m> {
        Round { files, unwinder: Unwinder::new(map), live: Live::default(), deadline, map: 0 }
    }

    /// Every thread.
    pub fn first(mut self, threads: &mut [Thread], options: &Options, notes: &mut Vec<String>) -> Vec<Draft> {
        let mut drafts: Vec<Draft> = threads.iter_mut().map(|thread| self.look(thread)).collect();
        self.ask(threads, &mut drafts, options, notes);
        drafts
    }

    /// Those that were in unknown code, with the modules as they are now.
    pub fn again(
        mut self,
        threads: &mut [Thread],
        drafts: &mut [Draft],
        options: &Options,
        notes: &mut Vec<String>,
    ) {
        self.map = 1;
        let mut wanted = false;
        for (thread, draft) in threads.iter_mut().zip(&mut *drafts) {
            if matches!(draft, Draft::Again(_)) {
                *draft = self.look(thread);
                wanted |= matches!(draft, Draft::Wanted(_));
            }
        }
        if wanted {
            self.ask(threads, drafts, options, notes);
        }
    }

    /// What can be learnt without a signal.
    pub fn look(&mut self, thread: &mut Thread) -> Draft {
        if thread.id == own_id() {
            let walk = own::walk(&mut self.unwinder, &mut self.live);
            return Draft::Done(self.raw(walk, Method::Own));
        }
        let Some(files) = self.files else {
            return Draft::Missing(Missing::Refused("no /proc/self/task".into()));
        };
        if self.is_over() {
            return Draft::Missing(Missing::OutOfTime);
        }
        match sleeping::look(files, thread.id, &mut self.unwinder, &mut self.live) {
            Look::Still { activity, walk } => {
                facts::note_activity(thread, &activity);
                self.sleeping_stack(walk)
            }
            Look::NoUserStack { activity } => {
                facts::note_activity(thread, &activity);
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

    fn sleeping_stack(&self, mut walk: Walk) -> Draft {
        if walk.end == End::Root {
            return Draft::Done(self.raw(walk, Method::Sleeping));
        }
        // What rests on a recovered frame pointer counts only if it leads to the root.
        let guessed = walk.certain.is_some();
        if let Some(certain) = walk.certain {
            walk.frames.truncate(certain);
        }
        let end = walk.end;
        let raw = self.raw(walk, Method::Sleeping);
        match end {
            End::UnknownCode => Draft::Again(raw),
            End::UnknownRegister(_) | End::NoTables => Draft::Wanted(Some(raw)),
            _ if guessed => Draft::Wanted(Some(raw)),
            _ => Draft::Done(raw),
        }
    }

    /// The stack that a signalled thread left.
    pub fn unwind(&mut self, registers: Registers, ranges: &[(u64, &[u8])]) -> RawStack {
        let walk = self.unwinder.walk(registers, &mut Copied(ranges), false);
        self.raw(walk, Method::Signal)
    }

    fn raw(&self, walk: Walk, method: Method) -> RawStack {
        RawStack { walk, method, reason: None, map: self.map }
    }

    pub fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }

    pub fn files(&self) -> Option<&'m TaskFiles> {
        self.files
    }

    /// Sends the signal to those who cannot be told otherwise.
    fn ask(self, threads: &mut [Thread], drafts: &mut [Draft], options: &Options, notes: &mut Vec<String>) {
        if !drafts.iter().any(|draft| matches!(draft, Draft::Wanted(_))) {
            return;
        }
        let deadline = self.deadline;
        let refusal = match options.signal.map(|signal| (signal, signal::install(signal))) {
            None => Missing::NoSignal,
            Some((signal, Ok(()))) => {
                return signal::ask(signal, deadline, &mut Inquiry::new(self, signal, threads, drafts));
            }
            Some((signal, Err(NotInstalled::Unsuitable))) => {
                notes.push(format!("signal {signal} cannot serve to ask running threads for their stacks"));
                Missing::NoSignal
            }
            Some((signal, Err(NotInstalled::Taken))) => {
                notes.push(format!("another handler for signal {signal} has been installed over this one's"));
                Missing::SignalTaken
            }
            Some((_, Err(NotInstalled::Refused(errno)))) => {
                Missing::Refused(std::io::Error::from_raw_os_error(errno).to_string())
            }
        };
        for draft in drafts {
            give_up(draft, &refusal);
        }
    }
}

/// No signal can be used: what is certain of the stack is all there is.
pub(super) fn give_up(draft: &mut Draft, missing: &Missing) {
    if let Draft::Wanted(partial) = draft {
        *draft = match partial.take().filter(|raw| !raw.walk.frames.is_empty()) {
            Some(raw) => Draft::Done(raw),
            None => Draft::Missing(missing.clone()),
        };
    }
}
