//! From a captured thread to the report's values: frames, members, reasons, notes.

use std::borrow::Cow;

use gmr_inspect::symbols::Limit;
use gmr_inspect::threads::{
    self as seen, Capture, Incomplete, Method, Missing, Note, Quality, Resource, Stack, Symbol, Thread,
};
use gmr_report::{
    Call, Detail, Field, Frame, IncompleteStack, Member, NoStack, Operation, Reason, SymbolLimit,
    SystemError, ThreadsNote, Value, fold_start,
};

use super::super::memory::memory_shortage;
use super::summary::{state_of_thread, system_call};

/// The frames of a stack, and why there are none or too few.
pub(super) fn stack(stack: &Stack) -> (Vec<Frame>, Option<Reason>) {
    match stack {
        Stack::Captured { frames, method, quality } => (self::frames(frames, *method), doubt(quality)),
        Stack::Missing(missing) => (Vec::new(), Some(Reason::NoStack(no_stack(missing)))),
    }
}

/// A report's frames of a captured stack.
///
/// The reporter's own stack stands there because of the report: all of it is folded.
pub(crate) fn frames(captured: &[seen::Frame], method: Method) -> Vec<Frame> {
    let mut frames: Vec<Frame> =
        captured.iter().enumerate().map(|(depth, captured)| frame(depth, captured)).collect();
    match method {
        Method::Own => frames.iter_mut().for_each(|frame| frame.folded = !frame.unverified),
        _ => fold_start(&mut frames),
    }
    frames
}

fn frame(depth: usize, captured: &seen::Frame) -> Frame {
    let mut frame = Frame::default();
    frame.calls = captured.symbols.iter().map(call).collect();
    frame.address = Some(captured.address.value());
    frame.module = captured.module.as_ref().map(|module| module.path.display().to_string());
    frame.offset = captured.offset;
    frame.interrupted = depth > 0 && captured.address.is_instruction();
    frame.unverified = !captured.verified;
    if captured.omitted > 0 {
        frame.details.push(Detail::FramesOmitted(captured.omitted));
    }
    frame
}

fn call(symbol: &Symbol) -> Call {
    let mut call = Call::of(symbol.function.as_str());
    call.file = symbol.file.as_ref().map(|file| file.display().to_string());
    call.line = symbol.line;
    call.column = symbol.column;
    call
}

/// A thread, with all that is known of it alone.
pub(super) fn member(thread: &Thread) -> Member {
    /// As many as there may be: a list that grew would take twice the memory, for each of thousands of threads.
    const MOST: usize = 10;
    let mut fields = Vec::with_capacity(MOST);
    fields.push(Field::new("state", state_of_thread(thread.state)));
    if let Some(on_cpu) = thread.on_cpu {
        fields.push(Field::new("on_cpu", on_cpu));
    }
    fields.push(Field::new("cpu_user", thread.cpu_user));
    fields.push(Field::new("cpu_system", thread.cpu_system));
    if let Some(age) = thread.age {
        fields.push(Field::new("age", age));
    }
    if let Some(wait) = &thread.wait {
        fields.push(Field::new("system_call", system_call(wait)));
        match &wait.resource {
            Some(Resource::Futex(address)) => fields.push(Field::new("futex", Value::Address(*address))),
            Some(Resource::Descriptor { number, target }) => {
                fields.push(Field::new("descriptor", i64::from(*number)));
                fields.extend(target.as_ref().map(|target| Field::new("target", target.as_str())));
            }
            Some(Resource::Time(time)) => fields.push(Field::new("for", *time)),
            _ => {}
        }
    }
    match &thread.stack {
        Stack::Captured { method, quality, .. } => {
            fields.push(Field::new("method", Cow::Borrowed(method_in_words(*method))));
            fields.push(Field::new("quality", Cow::Borrowed(quality_in_words(quality))));
        }
        Stack::Missing(missing) => fields.push(Field::new("no_stack", no_stack(missing).to_string())),
    }
    let mut member = Member::new(thread.id.into());
    member.name = Some(thread.name.clone());
    member.fields = fields;
    member
}

fn method_in_words(method: Method) -> &'static str {
    match method {
        Method::Own => "own",
        Method::Sleeping => "sleeping",
        Method::Signal => "signal",
        _ => "unknown",
    }
}

fn quality_in_words(quality: &Quality) -> &'static str {
    match quality {
        Quality::Verified => "verified",
        Quality::Unverified => "unverified",
        Quality::Incomplete(_) => "incomplete",
        _ => "unknown",
    }
}

fn doubt(quality: &Quality) -> Option<Reason> {
    match quality {
        Quality::Verified => None,
        Quality::Unverified => Some(Reason::StackUnverified),
        Quality::Incomplete(reason) => Some(Reason::StackIncomplete(incomplete(*reason))),
        other => Some(Reason::Text(format!("{other:?}"))),
    }
}

pub(crate) fn incomplete(reason: Incomplete) -> IncompleteStack {
    match reason {
        Incomplete::UnknownCode => IncompleteStack::UnknownCode,
        Incomplete::NoTables => IncompleteStack::NoTables,
        Incomplete::UnknownRegister(number) => IncompleteStack::UnknownRegister(number),
        Incomplete::Unreadable(address) => IncompleteStack::Unreadable(address),
        Incomplete::Inconsistent => IncompleteStack::Inconsistent,
        Incomplete::StartFromUnknownCode => IncompleteStack::StartFromUnknownCode,
        Incomplete::TooManyFrames(most) => IncompleteStack::TooManyFrames(most as u64),
        Incomplete::DeeperThanCopied => IncompleteStack::DeeperThanCopied,
        Incomplete::SystemUnwinder => IncompleteStack::SystemUnwinder,
        other => IncompleteStack::Text(format!("{other:?}")),
    }
}

/// Why a thread has no stack.
pub(crate) fn no_stack(missing: &Missing) -> NoStack {
    match missing {
        Missing::Ended => NoStack::Ended,
        Missing::NoSignal => NoStack::NoSignal,
        Missing::SignalBlocked => NoStack::SignalBlocked,
        Missing::SignalTaken => NoStack::SignalTaken,
        Missing::Uninterruptible(place) => NoStack::Uninterruptible { place: place.clone() },
        Missing::Stopped => NoStack::Stopped,
        Missing::OutOfTime => NoStack::OutOfTime,
        Missing::NoUserStack => NoStack::NoUserStack,
        Missing::Refused { operation, errno } => {
            NoStack::Refused { operation: self::operation(*operation), error: SystemError::Errno(*errno) }
        }
        Missing::Unsupported => NoStack::Unsupported,
        other => NoStack::Text(format!("{other:?}")),
    }
}

fn operation(refused: seen::Operation) -> Operation {
    match refused {
        seen::Operation::OpenTaskDirectory => Operation::OpenTaskDirectory,
        seen::Operation::ReadTaskFile => Operation::ReadTaskFile,
        seen::Operation::ReadMemory => Operation::ReadMemory,
        seen::Operation::InstallHandler => Operation::InstallHandler,
        seen::Operation::SendSignal => Operation::SendSignal,
        other => Operation::from(format!("{other:?}")),
    }
}

/// What limited the capture as a whole.
pub(super) fn notes(capture: &Capture) -> Vec<Reason> {
    capture.notes.iter().map(|note| Reason::Threads(self::note(note))).collect()
}

fn note(note: &Note) -> ThreadsNote {
    match note {
        Note::ThreadsNotListed { errno } => {
            ThreadsNote::ThreadsNotListed { error: SystemError::Errno(*errno) }
        }
        Note::MemoryNotReadable { errno } => {
            ThreadsNote::MemoryNotReadable { error: SystemError::Errno(*errno) }
        }
        Note::MemoryCallRefused { errno } => {
            ThreadsNote::MemoryCallRefused { error: SystemError::Errno(*errno) }
        }
        Note::SignalUnsuitable { signal } => ThreadsNote::SignalUnsuitable { signal: *signal },
        Note::SignalTaken { signal } => ThreadsNote::SignalTaken { signal: *signal },
        Note::OnlyCallingThread => ThreadsNote::OnlyCallingThread,
        Note::EvidenceNotKept(shortage) => ThreadsNote::EvidenceNotKept(memory_shortage(shortage)),
        Note::Symbols(note) => ThreadsNote::Symbols {
            module: note.module.path.display().to_string(),
            limit: symbol_limit(&note.limit),
        },
        other => ThreadsNote::Text(format!("{other:?}")),
    }
}

fn symbol_limit(limit: &Limit) -> SymbolLimit {
    match limit {
        Limit::OutOfTime { addresses } => SymbolLimit::OutOfTime { addresses: *addresses as u64 },
        Limit::TooLarge { bytes, budget_bytes } => {
            SymbolLimit::TooLarge { bytes: *bytes, budget_bytes: *budget_bytes }
        }
        Limit::NoMemory(shortage) => SymbolLimit::NoMemory(memory_shortage(shortage)),
        Limit::Damaged(damage) => SymbolLimit::Damaged(damage.to_string()),
        Limit::Failed => SymbolLimit::Failed,
        other => SymbolLimit::Text(format!("{other:?}")),
    }
}
