//! What a thread or task waits for, by the names of its frames and by what the report says of it.

use gmr_plugin::{Call, Frame, Member, Trace, TraceKind, Value};

/// A kind of wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    Lock,
    Semaphore,
    Channel,
    Condition,
    Timer,
    Input,
    Join,
    Process,
    /// The first of several things that are awaited at once.
    Several,
    /// A task that could go on.
    Worker,
    /// Asleep where no signal interrupts it.
    Kernel,
    /// Asleep, on what its names do not tell.
    Unknown,
    /// Not asleep.
    Running,
}

impl Wait {
    pub fn words(self) -> &'static str {
        match self {
            Wait::Lock => "a lock",
            Wait::Semaphore => "a semaphore",
            Wait::Channel => "a channel",
            Wait::Condition => "a condition or wake-up",
            Wait::Timer => "a time to pass",
            Wait::Input => "input or output",
            Wait::Join => "a thread or task to end",
            Wait::Process => "another process",
            Wait::Several => "the first of several things",
            Wait::Worker => "a worker, ready to go on",
            Wait::Kernel => "the kernel, not interruptible",
            Wait::Unknown => "something unknown",
            Wait::Running => "nothing: running",
        }
    }

    /// Whether what waits for it contends for it, in contrast to waiting for work.
    pub fn is_contended(self) -> bool {
        matches!(self, Wait::Lock | Wait::Semaphore)
    }
}

/// Parts of function names, each in lower case and without generic arguments, and what waits there. The first that fits
/// decides, so the more special come first. From the sources of std (`sys/sync`), parking_lot, crossbeam-channel, tokio,
/// futures and glibc.
const NAMES: &[(Wait, &[&str])] = &[
    (Wait::Condition, &["condvar", "pthread_cond", "notified", "::notify::"]),
    (Wait::Lock, &["lock_contended", "lock_slow", "lock_shared_slow", "lock_exclusive_slow"]),
    (
        Wait::Lock,
        &["read_contended", "write_contended", "mutexlockfuture", "sync::mutex::mutex", "sync::rwlock"],
    ),
    (Wait::Lock, &["lll_lock_wait", "pthread_mutex_lock", "pthread_rwlock"]),
    (Wait::Lock, &["mutex::lock", "rwlock::read", "rwlock::write", "once::call", "oncecell", "once_lock"]),
    (Wait::Semaphore, &["semaphore", "sem_wait"]),
    (Wait::Channel, &["mpsc", "mpmc", "oneshot", "broadcast", "sync::watch"]),
    (Wait::Channel, &["crossbeam_channel", "flume::", "async_channel"]),
    (Wait::Join, &["joinhandle", "join_set", "thread::join", "pthread_join", "pthread_clockjoin"]),
    (Wait::Timer, &["nanosleep", "thread::sleep", "time::sleep", "time::interval"]),
    (Wait::Process, &["waitpid", "wait4", "waitid"]),
    (Wait::Condition, &["park"]),
    (Wait::Input, &["tokio::io::", "tokio::net::"]),
];

/// Functions of the C library that wait for input or output, whole names: as parts of names they are too common.
const INPUT: &[&str] = &[
    "read",
    "write",
    "readv",
    "writev",
    "pread64",
    "pwrite64",
    "recv",
    "recvfrom",
    "recvmsg",
    "send",
    "sendto",
    "sendmsg",
    "accept",
    "accept4",
    "connect",
    "poll",
    "ppoll",
    "select",
    "epoll_wait",
    "epoll_pwait",
    "fsync",
    "fdatasync",
];

/// The beginnings of names whose frames are on the way to a wait, not the place that waits.
const MACHINERY: &[&str] = &[
    "std::",
    "core::",
    "alloc::",
    "tokio::",
    "futures",
    "parking_lot",
    "lock_api::",
    "crossbeam",
    "flume::",
    "async_channel::",
    "async_lock::",
    "event_listener::",
    "mio::",
    "rustix::",
    "libc::",
    "__",
    "syscall",
    "pthread_",
    "sem_",
    "futex",
    "sigtimedwait",
    "clock_nanosleep",
    "nanosleep",
    "usleep",
    "epoll_",
    "wait4",
    "waitpid",
    "waitid",
];

/// The beginnings of states that say all there is to say, as the report's sections word them.
const STATES: &[(&str, Wait)] = &[
    ("running", Wait::Running),
    ("woken", Wait::Worker),
    ("not polled", Wait::Worker),
    ("asleep in the kernel", Wait::Kernel),
];

/// A function on the way to a wait; `None` where its name is not known.
#[derive(Clone, Copy)]
struct Step<'t> {
    call: Option<&'t Call>,
    folded: bool,
}

/// The functions of a trace from the wait outwards. Of awaits at once, what they have in common.
pub struct Place<'t> {
    steps: Vec<Step<'t>>,
    named: Option<Wait>,
}

impl<'t> Place<'t> {
    pub fn of(trace: &'t Trace) -> Place<'t> {
        let mut paths = match trace.kind {
            TraceKind::Stack => vec![trace.frames.iter().collect()],
            TraceKind::AwaitChain => paths(&trace.frames),
        };
        match paths.len() {
            0 | 1 => {
                let steps = steps(&paths.pop().unwrap_or_default());
                Place { named: named(&steps), steps }
            }
            _ => {
                let named_of = |path: &Vec<&Frame>| named(&steps(path));
                let first = named_of(&paths[0]);
                let same = paths.iter().all(|path| named_of(path) == first);
                Place { steps: steps(&common(&paths)), named: if same { first } else { Some(Wait::Several) } }
            }
        }
    }

    /// What this thread or task, which stands here, waits for.
    pub fn wait(&self, member: &Member) -> Wait {
        let state = text(member, "state").unwrap_or_default();
        let state = STATES.iter().find(|(start, _)| state.starts_with(start)).map(|(_, wait)| *wait);
        match (state, self.named) {
            // Before it sleeps, a lock is tried again and again.
            (_, Some(Wait::Lock)) if member.fields.iter().any(|field| field.key == "futex") => Wait::Lock,
            (Some(state), _) => state,
            (None, Some(named)) => named,
            (None, None) => text(member, "system_call").and_then(of_function).unwrap_or(Wait::Unknown),
        }
    }

    /// Whether each waiter sleeps on an address of its own: parking_lot parks a thread on a futex of that thread.
    pub fn parks(&self) -> bool {
        let machinery = self.steps.iter().take_while(|step| !is_own(step));
        machinery.filter_map(|step| step.call).any(|call| call.function.contains("parking_lot"))
    }

    /// The function that waits: the innermost of the application's own.
    pub fn name(&self) -> String {
        let own = self.steps.iter().find(|step| is_own(step)).or(self.steps.first());
        let Some(step) = own else { return "no frames".to_owned() };
        let Some(call) = step.call else { return "unknown function".to_owned() };
        match (&call.file, call.line) {
            (Some(file), Some(line)) => format!("{} {}:{line}", call.function, short(file)),
            _ => call.function.clone(),
        }
    }
}

/// The end of an absolute path, enough to find the file in its project: `/build/api/src/pool/wait.rs` is
/// `src/pool/wait.rs`. A relative one is short already.
fn short(file: &str) -> &str {
    match file.rmatch_indices('/').nth(2) {
        Some((slash, _)) if file.starts_with('/') => &file[slash + 1..],
        _ => file,
    }
}

/// Whether it is the thread that makes the report: it is only there because of it.
pub fn is_reporter(member: &Member) -> bool {
    text(member, "method") == Some("own")
}

/// The lock that a thread waits for: waiters on one lock sleep on one address.
pub fn futex(member: &Member) -> Option<u64> {
    member.fields.iter().find_map(|field| match field.value {
        Value::Address(address) if field.key == "futex" => Some(address),
        _ => None,
    })
}

/// The semaphore that a task waits for, which is what tokio's locks are made of too.
pub fn semaphore(member: &Member) -> Option<u64> {
    member.fields.iter().find_map(|field| match field.value {
        Value::Address(address) if field.key.ends_with(" semaphore") => Some(address),
        _ => None,
    })
}

fn text<'m>(member: &'m Member, key: &str) -> Option<&'m str> {
    member.fields.iter().find_map(|field| match &field.value {
        Value::Text(text) if field.key == key => Some(text.as_str()),
        _ => None,
    })
}

/// Each way from an innermost await outwards. A frame awaits the ones that are one deeper and follow it.
fn paths(frames: &[Frame]) -> Vec<Vec<&Frame>> {
    let mut above: Vec<&Frame> = Vec::new();
    let mut paths = Vec::new();
    for (at, frame) in frames.iter().enumerate() {
        above.truncate(usize::from(frame.depth));
        above.push(frame);
        if frames.get(at + 1).is_none_or(|next| next.depth <= frame.depth) {
            paths.push(above.iter().rev().copied().collect());
        }
    }
    paths
}

/// What all of these ways lead through, from the wait outwards.
fn common<'t>(paths: &[Vec<&'t Frame>]) -> Vec<&'t Frame> {
    let outermost_first = |path: &Vec<&'t Frame>| path.iter().rev().copied().collect::<Vec<_>>();
    let mut shared = outermost_first(&paths[0]);
    for path in &paths[1..] {
        let same =
            shared.iter().zip(outermost_first(path)).take_while(|(one, other)| std::ptr::eq(**one, *other));
        let count = same.count();
        shared.truncate(count);
    }
    shared.reverse();
    shared
}

/// The functions of these frames.
fn steps<'t>(frames: &[&'t Frame]) -> Vec<Step<'t>> {
    let steps = frames.iter().flat_map(|frame| {
        let unknown = frame.calls.is_empty().then_some(Step { call: None, folded: frame.folded });
        let step = |call: &'t Call| Step { call: Some(call), folded: frame.folded || call.folded };
        unknown.into_iter().chain(frame.calls.iter().map(step))
    });
    steps.collect()
}

/// What the machinery around the wait is called. The application may call its own functions what it likes, and what
/// lies further out only leads there.
fn named(steps: &[Step<'_>]) -> Option<Wait> {
    let machinery = steps.iter().take_while(|step| !is_own(step));
    machinery.filter_map(|step| step.call).find_map(|call| of_function(&call.function))
}

fn of_function(function: &str) -> Option<Wait> {
    if is_input(function) {
        return Some(Wait::Input);
    }
    let name = plain(function);
    NAMES.iter().find(|(_, parts)| parts.iter().any(|part| name.contains(part))).map(|(wait, _)| *wait)
}

/// A name in lower case without generic arguments and without brackets around a type: compilers since 1.97 write
/// `<std::sync::Once>::call` and `<lock::Mutex<u8>>::lock`.
fn plain(function: &str) -> String {
    let (mut plain, mut depth, mut last) = (String::new(), 0_usize, ' ');
    for c in function.chars() {
        match c {
            // After a name or `::` come arguments; elsewhere a bracket begins a path.
            '<' if depth > 0 || last.is_alphanumeric() || matches!(last, '_' | ':') => depth += 1,
            '>' if last != '-' => depth = depth.saturating_sub(1),
            '<' => {}
            _ if depth == 0 => plain.extend(c.to_lowercase()),
            _ => {}
        }
        last = c;
    }
    plain
}

/// Whether it is one of [`INPUT`], whose names glibc has in several spellings: `__libc_read`, `read@@GLIBC_2.2.5`.
fn is_input(function: &str) -> bool {
    let name = function.trim_start_matches('_').trim_start_matches("libc_");
    INPUT.contains(&name.split('@').next().unwrap_or(name))
}

fn is_own(step: &Step<'_>) -> bool {
    let Some(call) = step.call else { return false };
    // `<std::fs::File as std::io::Read>::read` belongs to its type's crate.
    let name = call.function.trim_start_matches(['<', '&']);
    !step.folded && !MACHINERY.iter().any(|start| name.starts_with(start)) && !is_input(name)
}
