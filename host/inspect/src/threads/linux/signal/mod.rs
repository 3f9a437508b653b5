//! Directed signals: running threads are asked for their stacks, up to [`slots::COUNT`] of them at a time.

mod disposition;
mod handler;
mod main_stack;
mod slot_word;
mod slots;
mod turn;
mod turn_word;

/// What the words are made of, told to them here, so that a model checker can tell them its own.
mod atomics {
    pub(super) use std::sync::atomic::{AtomicU64, Ordering};
}

pub(super) use disposition::NotInstalled;

use crate::arch::registers::COUNT as REGISTER_COUNT;
use crate::memory::{self, held_file};
use rustix::thread::futex;
use rustix::time::Timespec;
use slots::{BELL, COPY_BYTES, LATE, LISTENING, Progress, RANGES, Slot, Ticket};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use turn::Turn;

/// Makes sure that our handler is in place.
pub(super) fn install(signal: i32) -> Result<(), NotInstalled> {
    disposition::install(signal, handler::handle)
}

/// As [`install`], ahead of the first capture and with what else the calling thread can do; until [`release`].
pub(super) fn prepare(signal: i32) -> Result<(), NotInstalled> {
    main_stack::keep();
    held_file::hold();
    disposition::hold(signal, handler::handle)
}

/// Takes back one [`prepare`]. After the last one puts back what was there before, unless a capture keeps being
/// under way until `deadline`, or a late signal of ours would find a disposition that ends the process.
pub(super) fn release(signal: i32, deadline: Instant) {
    if disposition::release(signal)
        && let Some(_turn) = Turn::take(deadline, slots::reset_all)
    {
        disposition::uninstall(signal, handler::handle);
    }
}

/// A thread to be asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    /// The number by which the asker knows it.
    pub key: usize,
    pub thread: u32,
    /// Where a second range of memory is wanted from.
    pub second: Option<u64>,
}

/// What a thread left: its registers, and the memory at its stack pointer.
#[derive(Debug)]
pub(super) struct Answer<'s> {
    pub registers: [u64; REGISTER_COUNT],
    /// Where each range begins, and its bytes.
    pub ranges: [(u64, &'s [u8]); RANGES],
    /// The first range filled all its room: there may be more of the stack.
    pub cut: bool,
}

impl Answer<'_> {
    /// Whether a stack that goes on at this address is the one that was copied first, and had no more room.
    /// Other memory may follow an alternate stack at once, so that a copy that is full tells nothing by
    /// itself.
    pub fn ends_before(&self, address: u64) -> bool {
        let (start, bytes) = self.ranges[0];
        let beyond = address.checked_sub(start.saturating_add(bytes.len() as u64));
        self.cut && beyond.is_some_and(|beyond| beyond < COPY_BYTES as u64)
    }
}

#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "passed once, on the stack; AArch64 has many registers")]
pub(super) enum Outcome<'s> {
    Answer(Answer<'s>),
    Ended,
    OutOfTime,
    /// The kernel's error number.
    Refused(i32),
}

/// Decides which threads are asked, and gets their answers.
pub(super) trait Asker {
    /// The next thread to be asked; called again after a `None` as long as answers are outstanding or
    /// [`Asker::is_waiting`].
    fn next(&mut self) -> Option<Request>;
    /// Whether there are threads that cannot be asked yet.
    fn is_waiting(&self) -> bool;
    /// What came of a request.
    fn take(&mut self, request: Request, outcome: Outcome<'_>);
    /// Whether the thread has ended.
    fn has_ended(&self, thread: u32) -> bool;
}

/// A thread that exits with the signal pending never answers: from this age on, requests are checked for it.
const CHECK_AFTER: Duration = Duration::from_millis(5);

/// How long a handler that has begun is waited for beyond the deadline.
const GRACE: Duration = Duration::from_millis(20);

static GENERATION: AtomicU32 = AtomicU32::new(0);

struct Outstanding {
    request: Request,
    ticket: Ticket,
    sent: Instant,
}

/// Asks every thread that `asker` names, with our handler in place for `signal`. Returns when all have
/// answered, or ended, or the deadline has passed.
pub(super) fn ask(signal: i32, deadline: Instant, asker: &mut impl Asker) {
    let Some(mut turn) = Turn::take(deadline, slots::reset_all) else {
        while let Some(request) = asker.next() {
            asker.take(request, Outcome::OutOfTime);
        }
        return;
    };
    if memory::refusal().is_some() {
        held_file::hold();
    }
    let mut outstanding: Vec<Outstanding> = Vec::with_capacity(slots::COUNT);
    loop {
        let bell = BELL.load(Ordering::SeqCst);
        fill(&mut turn, signal, deadline, asker, &mut outstanding);
        if outstanding.is_empty() && (!asker.is_waiting() || Instant::now() >= deadline) {
            break;
        }
        let before = outstanding.len();
        outstanding.retain(|one| !settle(&turn, one, deadline, asker));
        if outstanding.len() == before {
            wait(bell, deadline);
        }
    }
    slots::return_memory(&mut turn);
}

/// Sends as many requests as there are free slots.
fn fill(
    turn: &mut Turn,
    signal: i32,
    deadline: Instant,
    asker: &mut impl Asker,
    outstanding: &mut Vec<Outstanding>,
) {
    let generation = GENERATION.fetch_add(1, Ordering::Relaxed);
    for index in 0..slots::COUNT {
        if outstanding.iter().any(|one| one.ticket.index == index) || slots::SLOTS[index].is_busy() {
            continue;
        }
        let Some(request) = asker.next() else { return };
        if Instant::now() >= deadline {
            asker.take(request, Outcome::OutOfTime);
            continue;
        }
        let second = request.second.unwrap_or(0);
        let Some(ticket) = Slot::arm(turn, index, request.thread, generation, second) else {
            asker.take(request, Outcome::OutOfTime);
            continue;
        };
        slots::fill_memory(index);
        match send(signal, request.thread) {
            Ok(()) => outstanding.push(Outstanding { request, ticket, sent: Instant::now() }),
            Err(errno) => {
                ticket.cancel();
                // That there is no such thread may also mean that it is called otherwise in another namespace.
                let has_ended = errno == libc::ESRCH && asker.has_ended(request.thread);
                let outcome = if has_ended { Outcome::Ended } else { Outcome::Refused(errno) };
                asker.take(request, outcome);
            }
        }
    }
}

/// Whether the request is over; the asker has its outcome then.
fn settle(turn: &Turn, one: &Outstanding, deadline: Instant, asker: &mut impl Asker) -> bool {
    let now = Instant::now();
    match one.ticket.progress() {
        Progress::Done => {
            let outcome = answer(turn, one.ticket).map_or(Outcome::OutOfTime, Outcome::Answer);
            asker.take(one.request, outcome);
            one.ticket.release();
            true
        }
        Progress::Armed if now >= one.sent + CHECK_AFTER && asker.has_ended(one.request.thread) => {
            let given_up = one.ticket.cancel();
            if given_up {
                asker.take(one.request, Outcome::Ended);
            }
            given_up
        }
        Progress::Armed if now >= deadline => {
            let given_up = one.ticket.cancel();
            if given_up {
                LATE.fetch_add(1, Ordering::Relaxed);
                asker.take(one.request, Outcome::OutOfTime);
            }
            given_up
        }
        // Left to its handler: the slot becomes free when that one is done.
        Progress::Running if now >= deadline + GRACE => {
            asker.take(one.request, Outcome::OutOfTime);
            true
        }
        Progress::Armed | Progress::Running => false,
    }
}

fn answer(turn: &Turn, ticket: Ticket) -> Option<Answer<'_>> {
    let slot = ticket.slot()?;
    let bytes = slots::copied(turn, ticket)?;
    let registers = std::array::from_fn(|number| {
        slot.registers.get(number).map_or(0, |register| register.load(Ordering::Relaxed))
    });
    let second = slot.second.load(Ordering::Relaxed);
    let room = if second == 0 { COPY_BYTES } else { COPY_BYTES / RANGES };
    let length =
        |range: usize| slot.lengths.get(range).map_or(0, |length| length.load(Ordering::Relaxed)).min(room);
    let range = |range: usize| {
        let begin = range * (COPY_BYTES / RANGES);
        let start = slot.starts.get(range).map_or(0, |start| start.load(Ordering::Relaxed));
        (start, bytes.get(begin..begin + length(range)).unwrap_or_default())
    };
    let ranges = if second == 0 { [range(0), (0, &[][..])] } else { [range(0), range(1)] };
    Some(Answer { registers, ranges, cut: length(0) == room })
}

/// A running thread answers within this time. As long as the capture does not sleep on the bell, a handler
/// need not make the call that wakes it.
const AWAKE: Duration = Duration::from_micros(100);

/// Waits until a handler has rung the bell since `bell` was read, or it is time to look for other things.
fn wait(bell: u32, deadline: Instant) {
    let began = Instant::now();
    while began.elapsed() < AWAKE {
        if BELL.load(Ordering::SeqCst) != bell {
            return;
        }
        std::hint::spin_loop();
    }
    let left =
        deadline.saturating_duration_since(Instant::now()).clamp(Duration::from_millis(1), CHECK_AFTER);
    let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(left.subsec_nanos()) };
    LISTENING.store(1, Ordering::SeqCst);
    let _ = futex::wait(&BELL, futex::Flags::PRIVATE, bell, Some(&timeout));
    LISTENING.store(0, Ordering::SeqCst);
}

/// The beginning of `siginfo_t` as `rt_tgsigqueueinfo` reads it.
#[repr(C)]
struct Queued {
    signal: i32,
    errno: i32,
    code: i32,
    padding: i32,
    sender: i32,
    user: u32,
    value: usize,
    rest: [u64; 12],
}

const _: () = assert!(size_of::<Queued>() == size_of::<libc::siginfo_t>());

/// Sends the signal to one thread of this process, marked as ours if the kernel lets us.
fn send(signal: i32, thread: u32) -> Result<(), i32> {
    let own = rustix::process::getpid().as_raw_nonzero().get();
    let user = rustix::process::getuid().as_raw();
    let queued = Queued {
        signal,
        errno: 0,
        code: libc::SI_QUEUE,
        padding: 0,
        sender: own,
        user,
        value: handler::mark(),
        rest: [0; 12],
    };
    // SAFETY: `queued` has the size and layout of siginfo_t and outlives the call.
    let sent = unsafe { libc::syscall(libc::SYS_rt_tgsigqueueinfo, own, thread, signal, &raw const queued) };
    if sent == 0 {
        return Ok(());
    }
    if std::io::Error::last_os_error().raw_os_error() == Some(libc::ESRCH) {
        return Err(libc::ESRCH);
    }
    // A filter may refuse the one and allow the other.
    // SAFETY: takes integers alone.
    match unsafe { libc::syscall(libc::SYS_tgkill, own, thread, signal) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EPERM)),
    }
}
