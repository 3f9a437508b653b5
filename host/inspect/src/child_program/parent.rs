//! The application's side of a child program: starts the supervisor and waits for it.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, FromRawFd as _, OwnedFd};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use memmap2::MmapMut;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{PidfdFlags, Resource, WaitId, WaitIdOptions, getpid, pidfd_open, waitid};
use syscalls::Sysno;

use super::supervisor::{LIMITS, Shared, TICK, supervise};
use super::{Ended, Limits, Program};

/// Descriptors that the supervisor moves to the lowest numbers come from above these.
const LOWEST: i32 = 10;

/// The supervisor and the program until it is executed run shallow code: some hundred bytes.
const STACK_BYTES: usize = 64 << 10;

/// How much longer than its program the supervisor may take.
const FAREWELL: Duration = Duration::from_secs(10);

/// What the supervisor uses: it stays where it is until that has ended.
struct Pieces {
    shared: Shared,
    /// Both stacks, the supervisor's first.
    stacks: MmapMut,
    /// What the pointers in `shared` lead to.
    _arguments: Vec<std::ffi::CString>,
    _pointers: [Vec<*const c_char>; 2],
    _descriptors: [OwnedFd; 4],
}

/// Pieces that are let go only once the supervisor has ended; else they stay for ever.
struct Held(Option<Box<Pieces>>);

impl Drop for Held {
    fn drop(&mut self) {
        std::mem::forget(self.0.take());
    }
}

pub(super) fn run(program: Program, limits: Limits, is_stopped: impl Fn() -> bool) -> io::Result<Ended> {
    // A kernel without descriptors of processes would clone without a word, and nobody could wait.
    drop(pidfd_open(getpid(), PidfdFlags::empty())?);
    let mut held = Held(Some(pieces(program, limits)?));
    let Some(pieces) = held.0.as_deref() else { return Err(io::ErrorKind::Other.into()) };
    let supervisor = start(pieces)?;
    let end = Instant::now() + limits.time.saturating_add(FAREWELL);
    loop {
        if is_stopped() {
            pieces.shared.stop.store(true, Ordering::Relaxed);
        }
        match poll(&mut [PollFd::new(&supervisor, PollFlags::IN)], Some(&TICK)) {
            Ok(0) | Err(rustix::io::Errno::INTR) if Instant::now() < end => {}
            Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(Ended::TimedOut),
            Ok(_) => break,
            Err(error) => return Err(error.into()),
        }
    }
    reap(&supervisor);
    // It has ended, and nobody else knows of them.
    let Some(pieces) = held.0.take() else { return Err(io::ErrorKind::Other.into()) };
    pieces.shared.outcome()
}

/// Also a child without an exit signal. If somebody else has waited for it, it is gone as well.
fn reap(supervisor: &OwnedFd) {
    let all = WaitIdOptions::from_bits_retain(libc::__WALL.cast_unsigned());
    let _ = waitid(WaitId::PidFd(supervisor.as_fd()), WaitIdOptions::EXITED | all);
}

fn pieces(program: Program, limits: Limits) -> io::Result<Box<Pieces>> {
    let Program { executable, arguments, input, output, errors } = program;
    let move_up = |descriptor: OwnedFd| rustix::io::fcntl_dupfd_cloexec(descriptor, LOWEST);
    let descriptors = [move_up(input)?, move_up(output)?, move_up(errors)?, move_up(executable)?];
    let stacks = MmapMut::map_anon(2 * STACK_BYTES)?;
    let end = |pointers: Vec<*const c_char>| [pointers, vec![std::ptr::null()]].concat();
    let pointers = [end(arguments.iter().map(|text| CStr::as_ptr(text)).collect()), end(Vec::new())];
    let ticks = |time: Duration| u32::try_from(time.as_millis() / 100).unwrap_or(u32::MAX).max(1);
    let niceness = if crate::process::system_calls_are_filtered() { 0 } else { limits.niceness };
    let limited: [(Resource, u64); LIMITS] = [
        (Resource::As, limits.address_space_bytes),
        (Resource::Cpu, limits.processor_time.as_secs().max(1)),
        (Resource::Fsize, limits.file_bytes),
        (Resource::Core, 0),
    ];
    let shared = Shared::new(
        descriptors.each_ref().map(|descriptor| descriptor.as_raw_fd()),
        [pointers[0].as_ptr(), pointers[1].as_ptr()],
        limited,
        top(&stacks, 2),
        (ticks(limits.time), ticks(limits.normal_priority), niceness),
    );
    Ok(Box::new(Pieces {
        shared,
        stacks,
        _arguments: arguments,
        _pointers: pointers,
        _descriptors: descriptors,
    }))
}

/// The upper end of the n-th stack.
fn top(stacks: &MmapMut, number: usize) -> *mut c_void {
    stacks.as_ptr().wrapping_add(number * STACK_BYTES).cast_mut().cast()
}

/// Starts the supervisor. Returns its process as a descriptor.
fn start(pieces: &Pieces) -> io::Result<OwnedFd> {
    let mut process: c_int = -1;
    let stack = top(&pieces.stacks, 1);
    let shared = (&raw const pieces.shared).cast_mut().cast::<c_void>();
    // No handler of the application may run in a process that shares its memory.
    let before = exchange_mask(u64::MAX)?;
    // Without an exit signal, which would be the lowest byte.
    let flags = libc::CLONE_VM | libc::CLONE_PIDFD;
    // SAFETY: `supervise` takes what `shared` points to, which stays where it is until it has ended and of which only
    // atomics are written, and runs on a stack of its own that stays as well. It shares all memory as a thread does, and thread-local variables with this very
    // thread: it touches none. The descriptor is written to `process` before the call returns.
    let started = unsafe { libc::clone(supervise, stack, flags, shared, &raw mut process) };
    let error = io::Error::last_os_error();
    let _ = exchange_mask(before);
    if started < 0 {
        return Err(error);
    }
    // SAFETY: the call that has succeeded has opened it for its caller alone.
    Ok(unsafe { OwnedFd::from_raw_fd(process) })
}

/// Sets the calling thread's mask of blocked signals, all 64 that the kernel knows; returns the one before. The C library's
/// function would leave out those that it uses itself.
fn exchange_mask(mask: u64) -> io::Result<u64> {
    let mut before = 0_u64;
    let (new, old) = (&raw const mask as usize, &raw mut before as usize);
    let how = libc::SIG_SETMASK.cast_unsigned() as usize;
    // SAFETY: reads one word and writes another, both as long as the kernel's masks, and concerns this thread alone.
    unsafe { syscalls::syscall4(Sysno::rt_sigprocmask, how, new, old, size_of::<u64>()) }
        .map_err(|error| io::Error::from_raw_os_error(error.into_raw()))?;
    Ok(before)
}
