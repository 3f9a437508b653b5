//! What a trace waits for, by the names of its frames.

use gmr_plugin::{Frame, Trace, TraceKind};

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
            Wait::Unknown => "something unknown",
            Wait::Running => "nothing: running",
        }
    }
}

/// Parts of function names, each in lower case, and what waits there. The first that fits decides, so the more special
/// come first. From the sources of std (`sys/sync`), parking_lot, crossbeam-channel, tokio, futures and glibc.
const NAMES: &[(Wait, &[&str])] = &[
    (Wait::Condition, &["condvar", "pthread_cond", "notified", "::notify::"]),
    (Wait::Lock, &["lock_contended", "lock_slow", "lock_shared_slow", "lock_exclusive_slow"]),
    (
        Wait::Lock,
        &["read_contended", "write_contended", "mutexlockfuture", "sync::mutex::mutex", "sync::rwlock"],
    ),
    (Wait::Lock, &["lll_lock_wait", "pthread_mutex_lock", "pthread_rwlock"]),
    (Wait::Lock, &["mutex::lock", "mutex<t>::lock", "rwlock::read", "rwlock::write"]),
    (Wait::Lock, &["rwlock<t>::read", "rwlock<t>::write", "once::call", "oncecell", "once_lock"]),
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

/// What a trace waits for.
pub fn wait(trace: &Trace) -> Wait {
    // A stack's innermost frame is its first; of a chain it is the last.
    let frames: Vec<&Frame> = innermost_first(trace);
    // Only the machinery around the wait tells: the application may call its own functions what it likes.
    let near = frames.iter().position(|frame| is_place(frame)).unwrap_or(frames.len());
    let named = frames[..near].iter().find_map(|frame| of_function(frame.function.as_deref()?));
    named.unwrap_or_else(|| by_state(trace))
}

fn of_function(function: &str) -> Option<Wait> {
    if is_input(function) {
        return Some(Wait::Input);
    }
    let name = function.to_lowercase();
    NAMES.iter().find(|(_, parts)| parts.iter().any(|part| name.contains(part))).map(|(wait, _)| *wait)
}

/// Whether it is one of [`INPUT`], whose names glibc has in several spellings: `__libc_read`, `read@@GLIBC_2.2.5`.
fn is_input(function: &str) -> bool {
    let name = function.trim_start_matches('_').trim_start_matches("libc_");
    INPUT.contains(&name.split('@').next().unwrap_or(name))
}

/// What the report says of those who stand in the trace: a state, a system call.
fn by_state(trace: &Trace) -> Wait {
    let says = |word: &str| texts(trace).any(|text| text.to_lowercase().contains(word));
    let running = says("running") || says("on a processor");
    let asleep = trace.kind == TraceKind::AwaitChain || says("asleep") || says("sleep");
    match (running, asleep) {
        (true, _) => Wait::Running,
        (false, true) if says("epoll") || says("poll") || says("recv") || says("read") => Wait::Input,
        _ => Wait::Unknown,
    }
}

/// What is said of all members together, and of the first.
fn texts(trace: &Trace) -> impl Iterator<Item = &str> {
    let fields = trace.members.first().into_iter().flat_map(|member| &member.fields);
    let fields = fields.filter_map(|field| match &field.value {
        gmr_plugin::Value::Text(text) => Some(text.as_str()),
        _ => None,
    });
    trace.summary.iter().map(String::as_str).chain(fields)
}

/// The lock's address, if the report tells of a futex: waiters on one lock share it.
pub fn futex(trace: &Trace) -> Option<&str> {
    texts(trace).find_map(|text| {
        let address = &text[text.find("futex")?..];
        let address = &address[address.find("0x")?..];
        let end =
            address[2..].find(|digit: char| !digit.is_ascii_hexdigit()).map_or(address.len(), |end| end + 2);
        (end > 2).then_some(&address[..end])
    })
}

/// The function that waits: the innermost of the application's own.
pub fn place(trace: &Trace) -> String {
    let frames = innermost_first(trace);
    let own = frames.iter().find(|frame| is_place(frame)).or(frames.first());
    let Some(frame) = own else {
        return trace.doubt.clone().unwrap_or_else(|| "no frames".into());
    };
    let function = frame.function.as_deref().unwrap_or("unknown function");
    match (&frame.file, frame.line) {
        (Some(file), Some(line)) => format!("{function} {file}:{line}"),
        _ => function.to_owned(),
    }
}

fn innermost_first(trace: &Trace) -> Vec<&Frame> {
    match trace.kind {
        TraceKind::Stack => trace.frames.iter().collect(),
        TraceKind::AwaitChain => trace.frames.iter().rev().collect(),
    }
}

fn is_place(frame: &Frame) -> bool {
    let own = |function: &str| {
        // `<std::fs::File as std::io::Read>::read` belongs to whom its type belongs.
        let name = function.trim_start_matches(['<', '&']);
        !MACHINERY.iter().any(|start| name.starts_with(start)) && !is_input(name)
    };
    !frame.folded && frame.function.as_deref().is_some_and(own)
}
