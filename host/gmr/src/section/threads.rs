//! The Threads section: every thread, those with the same stack together.

pub(crate) mod fold;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use gmr_inspect::threads::{
    self as seen, Capture, Frame, Method, Missing, Quality, Resource, Stack, State, Thread,
};

use super::thread_reasons::{call, incomplete, note, refused};
use crate::report::words::duration;
use crate::report::{Block, Field, Member, Section, Trace, TraceKind, Value};

/// The section of a capture.
pub(crate) fn section(capture: &Capture) -> Section {
    let mut section = Section::native("threads", "Threads");
    if capture.threads.is_empty() {
        let reason = if capture.notes.is_empty() { "no thread was found" } else { "" };
        let notes: Vec<String> = capture.notes.iter().map(note).collect();
        return section.failed(format!("{reason}{}", notes.join("; ")));
    }
    let groups = groups(&capture.threads);
    section.blocks.push(Block::Paragraph { text: headline(capture, &groups) });
    section.remarks = locks(&groups);
    section.remarks.extend(without_stack(&capture.threads));
    section.blocks.extend(groups.iter().map(|group| Block::Trace(group.trace())));
    section.blocks.extend(modules(&groups).into_iter().flatten());
    section
}

/// Threads that stand in the same place in the same state.
struct Group<'c> {
    threads: Vec<&'c Thread>,
}

/// The largest groups first; the reporter's own thread, which is only there because of the report, last.
fn groups(threads: &[Thread]) -> Vec<Group<'_>> {
    let mut at: HashMap<(State, Vec<u64>), usize> = HashMap::new();
    // Most threads share their frames with another one, so that these need not be compared.
    let mut shared: HashMap<(State, *const Frame), usize> = HashMap::new();
    let mut groups: Vec<Group<'_>> = Vec::new();
    for thread in threads {
        let mut add = || {
            groups.push(Group { threads: Vec::new() });
            groups.len() - 1
        };
        let group = match &thread.stack {
            Stack::Captured { frames, .. } => {
                let compare = || {
                    let addresses = frames.iter().map(|frame| frame.address.value()).collect();
                    *at.entry((thread.state, addresses)).or_insert_with(&mut add)
                };
                *shared.entry((thread.state, frames.as_ptr())).or_insert_with(compare)
            }
            // Each for itself: their lines tell one thread's state.
            Stack::Missing(_) => add(),
        };
        groups[group].threads.push(thread);
    }
    groups.sort_by_key(|group| (group.is_own(), std::cmp::Reverse(group.threads.len())));
    groups
}

impl Group<'_> {
    fn is_own(&self) -> bool {
        self.threads.iter().any(|thread| matches!(thread.stack, Stack::Captured { method: Method::Own, .. }))
    }

    /// The same frames, so that one thread tells it of all.
    fn frames(&self) -> &[Frame] {
        match &self.threads[0].stack {
            Stack::Captured { frames, .. } => frames,
            Stack::Missing(_) => &[],
        }
    }

    fn waits_for_lock(&self) -> bool {
        let mut symbols = self.frames().iter().flat_map(|frame| frame.symbols.iter()).take(8);
        symbols.any(|symbol| waits_for_lock(&symbol.function))
    }

    fn trace(&self) -> Trace {
        let first = self.threads[0];
        let (frames, doubt) = match &first.stack {
            Stack::Captured { frames, quality, method } => (fold::frames(frames, *method), doubt(quality)),
            Stack::Missing(missing) => (Vec::new(), Some(format!("no stack: {}", why(missing)))),
        };
        Trace {
            kind: TraceKind::Stack,
            title: self.title(),
            summary: vec![self.summary()],
            members: self.threads.iter().map(|thread| member(thread)).collect(),
            frames,
            doubt,
        }
    }

    /// `12 threads, worker-0 to worker-11`, or `8692  "compactor"`.
    fn title(&self) -> String {
        if let [thread] = self.threads[..] {
            let own = if self.is_own() { ", the reporter's own" } else { "" };
            return format!("{}  \"{}\"{own}", thread.id, thread.name);
        }
        let mut names: Vec<&str> = self.threads.iter().map(|thread| thread.name.as_str()).collect();
        names.sort_by_key(|name| (name.trim_end_matches(|c: char| c.is_ascii_digit()), number_at_end(name)));
        names.dedup();
        let names = match names[..] {
            [one] => format!("all named \"{one}\""),
            [one, other] => format!("\"{one}\" and \"{other}\""),
            _ if same_stem(&names) => format!("{} to {}", names[0], names[names.len() - 1]),
            _ => format!("\"{}\", \"{}\" and {} more names", names[0], names[1], names.len() - 2),
        };
        format!("{} threads, {names}", self.threads.len())
    }

    /// `asleep in futex on 0x55d0c8e8, 0.1 to 0.4 s of CPU time each`.
    fn summary(&self) -> String {
        let first = self.threads[0];
        let mut resources: Vec<String> =
            self.threads.iter().filter_map(|thread| thread.wait.as_ref().map(wait)).collect();
        resources.sort();
        resources.dedup();
        let waits = match &resources[..] {
            [] => String::new(),
            [one] => format!(" in {one}"),
            many => {
                let call = first.wait.as_ref().map(call).unwrap_or_default();
                format!(" in {call} on {} different things", many.len())
            }
        };
        let cpu = self.threads.iter().map(|thread| thread.cpu_user + thread.cpu_system);
        let (least, most) =
            cpu.fold((Duration::MAX, Duration::ZERO), |(least, most), cpu| (least.min(cpu), most.max(cpu)));
        let cpu = match (self.threads.len(), duration(least), duration(most)) {
            (1, _, most) => format!("{most} of CPU time"),
            (_, least, most) if least == most => format!("{most} of CPU time each"),
            (_, least, most) => format!("{least} to {most} of CPU time each"),
        };
        format!("{}{waits}, {cpu}", state(first.state))
    }
}

fn number_at_end(name: &str) -> u64 {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    name[stem.len()..].parse().unwrap_or(0)
}

fn same_stem(names: &[&str]) -> bool {
    let stem = |name: &str| name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    names.iter().all(|name| {
        let length = stem(name);
        length < name.len() && name[..length] == names[0][..stem(names[0])]
    })
}

fn headline(capture: &Capture, groups: &[Group<'_>]) -> String {
    let count =
        |test: fn(&Stack) -> bool| capture.threads.iter().filter(|thread| test(&thread.stack)).count();
    let stacks = count(|stack| matches!(stack, Stack::Captured { .. }));
    let different =
        groups.iter().filter(|group| !matches!(group.threads[0].stack, Stack::Missing(_))).count();
    let unsignalled =
        count(|stack| matches!(stack, Stack::Captured { method: Method::Sleeping | Method::Own, .. }));
    let mut text = format!(
        "{}: {}, {different} of them different; {unsignalled} read without a signal",
        counted(capture.threads.len(), "thread"),
        counted(stacks, "stack"),
    );
    let doubtful = count(|stack| {
        matches!(stack, Stack::Captured { quality: Quality::Unverified | Quality::Incomplete(_), .. })
    });
    if doubtful > 0 {
        text.push_str(&format!("; {doubtful} unverified or incomplete"));
    }
    for words in capture.notes.iter().map(note) {
        text.push_str(&format!("\n{words}"));
    }
    text
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Threads that stand in the function that waits for a lock, by the address they wait on. A condition or
/// an idle pool also sleeps in a futex and is no reason to look.
fn locks(groups: &[Group<'_>]) -> Vec<String> {
    let mut waiters: BTreeMap<u64, usize> = BTreeMap::new();
    for thread in groups.iter().filter(|group| group.waits_for_lock()).flat_map(|group| &group.threads) {
        if let Some(Resource::Futex(address)) = thread.wait.as_ref().and_then(|wait| wait.resource.as_ref()) {
            *waiters.entry(*address).or_default() += 1;
        }
    }
    let mut waiters: Vec<_> = waiters.into_iter().filter(|(_, count)| *count > 1).collect();
    waiters.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    waiters
        .into_iter()
        .map(|(address, count)| format!("{count} threads wait for the lock at {address:#x}"))
        .collect()
}

fn waits_for_lock(function: &str) -> bool {
    [
        "lock_contended",
        "read_contended",
        "write_contended",
        "lock_slow",
        "lll_lock_wait",
        "rwlock_rdlock",
        "rwlock_wrlock",
        "pthread_mutex_lock",
    ]
    .iter()
    .any(|name| function.contains(name))
}

/// Threads of the application that have no stack. The reporter's own ones, which begin with `gmr` and let
/// no signal in, are no reason to look.
fn without_stack(threads: &[Thread]) -> Option<String> {
    let is_own = |thread: &Thread| thread.name == "gmr" || thread.name.starts_with("gmr-");
    let without = |thread: &&Thread| match &thread.stack {
        Stack::Missing(Missing::Ended | Missing::NoUserStack) | Stack::Captured { .. } => false,
        Stack::Missing(_) => !is_own(thread),
    };
    match threads.iter().filter(without).count() {
        0 => None,
        1 => Some("1 thread has no stack; its reason stands with it".to_owned()),
        count => Some(format!("{count} threads have no stack; the reasons stand with them")),
    }
}

fn member(thread: &Thread) -> Member {
    /// As many as there may be: a list that grew would take twice the memory, for each of thousands of threads.
    const MOST: usize = 10;
    let mut fields = Vec::with_capacity(MOST);
    fields.push(Field::new("state", state(thread.state)));
    if let Some(on_cpu) = thread.on_cpu {
        fields.push(Field::new("on_cpu", on_cpu));
    }
    fields.push(Field::new("cpu_user", thread.cpu_user));
    fields.push(Field::new("cpu_system", thread.cpu_system));
    if let Some(age) = thread.age {
        fields.push(Field::new("age", age));
    }
    if let Some(wait) = &thread.wait {
        fields.push(Field::new("system_call", call(wait)));
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
            let method = match method {
                Method::Own => "own",
                Method::Sleeping => "sleeping",
                Method::Signal => "signal",
                _ => "another way",
            };
            let quality = match quality {
                Quality::Verified => "verified",
                Quality::Unverified => "unverified",
                Quality::Incomplete(_) => "incomplete",
                _ => "unknown",
            };
            fields.push(Field::new("method", Cow::Borrowed(method)));
            fields.push(Field::new("quality", Cow::Borrowed(quality)));
        }
        Stack::Missing(missing) => fields.push(Field::new("no_stack", why(missing))),
    }
    Member { id: thread.id.into(), name: Some(thread.name.clone()), fields }
}

fn state(state: State) -> Cow<'static, str> {
    let words = match state {
        State::Running => "running",
        State::Sleeping => "asleep",
        State::Uninterruptible => "asleep in the kernel and not interruptible",
        State::Stopped => "stopped",
        State::Dead => "ended",
        State::Other(letter) => return format!("in state {letter}").into(),
        _ => "in an unknown state",
    };
    words.into()
}

fn wait(wait: &seen::Wait) -> String {
    let name = call(wait);
    match &wait.resource {
        Some(Resource::Futex(address)) => format!("{name} on {address:#x}"),
        Some(Resource::Descriptor { number, target: None }) => format!("{name} on descriptor {number}"),
        Some(Resource::Descriptor { number, target: Some(target) }) => {
            format!("{name} on descriptor {number}, {target}")
        }
        Some(Resource::Time(time)) => format!("{name} for {}", duration(*time)),
        _ => name.into_owned(),
    }
}

fn doubt(quality: &Quality) -> Option<String> {
    match quality {
        Quality::Verified => None,
        Quality::Unverified => {
            Some("the frames marked unverified rest on frame pointers and may be wrong".to_owned())
        }
        Quality::Incomplete(reason) => {
            Some(format!("the stack does not reach the thread's start: {}", incomplete(reason)))
        }
        other => Some(format!("{other:?}")),
    }
}

pub(crate) fn why(missing: &Missing) -> String {
    match missing {
        Missing::Ended => "the thread ended while the report was made".to_owned(),
        Missing::NoSignal => "it runs, and no signal may be used to ask it (thread_signal = none)".to_owned(),
        Missing::SignalBlocked => "it runs, and its mask blocks the signal that would ask it".to_owned(),
        Missing::SignalTaken => "it runs, and the program has given the signal another handler".to_owned(),
        Missing::Uninterruptible(None) => "asleep in the kernel and not interruptible (state D)".to_owned(),
        Missing::Uninterruptible(Some(place)) => {
            format!("asleep in the kernel and not interruptible (state D), waits in {place}")
        }
        Missing::Stopped => "it is stopped, by a signal or a debugger".to_owned(),
        Missing::OutOfTime => "it did not answer in time".to_owned(),
        Missing::NoUserStack => "it runs inside the kernel only".to_owned(),
        Missing::Refused { operation, errno } => {
            format!("the kernel refused: {}", refused(*operation, *errno))
        }
        Missing::Unsupported => "this platform gives no way to read it".to_owned(),
        other => format!("{other:?}"),
    }
}

/// The files that frames lie in: with the build ids, another machine can look their
/// offsets up.
fn modules(groups: &[Group<'_>]) -> Option<[Block; 2]> {
    let modules: BTreeMap<_, _> = groups
        .iter()
        .flat_map(Group::frames)
        .filter_map(|frame| frame.module.as_ref())
        .map(|module| (&module.path, &module.build_id))
        .collect();
    let rows: Vec<Vec<Value>> = modules
        .into_iter()
        .map(|(path, build_id)| vec![path.display().to_string().into(), build_id.clone().into()])
        .collect();
    let columns = vec!["module".to_owned(), "build id".to_owned()];
    let heading = Block::Heading { level: 1, text: "modules of these frames".to_owned() };
    (!rows.is_empty()).then_some([heading, Block::Table { columns, rows }])
}
