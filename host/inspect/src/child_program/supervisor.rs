//! The supervisor of a child program, and the program until it is executed: processes that share the application's memory.
//!
//! # Async-signal-safety
//!
//! All that is called here are system calls, without the C library's functions but `clone`: no allocation, no lock, no
//! panic, no thread-local variable, for both processes have those of the thread that started them, which goes on. (`clone`
//! writes `errno` when it fails; that thread reads none meanwhile.)

use std::ffi::{c_char, c_int, c_void};
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{
    Pid, Resource, Rlimit, Signal, WaitId, WaitIdOptions, getpid, getppid, getrlimit, pidfd_send_signal,
    setpriority_process, setrlimit, setsid, waitid,
};
use syscalls::Sysno;

use super::Ended;

/// How often it is looked whether the program is to be stopped.
pub(super) const TICK: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// A killed program is gone at once, unless it hangs in the kernel: five seconds.
const FAREWELL_TICKS: u32 = 50;

pub(super) const LIMITS: usize = 4;

/// Where the executable is, after the three standard ones.
const EXECUTABLE: usize = 3;

/// What the three processes share.
pub(super) struct Shared {
    application: Option<Pid>,
    /// Input, output, errors, executable.
    descriptors: [c_int; 4],
    /// Arguments and environment, as `execve` takes them.
    lists: [*const *const c_char; 2],
    limits: [(Resource, u64); LIMITS],
    /// The upper end of the program's stack.
    stack: *mut c_void,
    /// In ticks: how long it may go on, how long at its parent's priority; and its niceness after that, if not 0.
    ticks: (u32, u32, i32),
    /// The supervisor's number, once it runs.
    supervisor: AtomicI32,
    /// Set by the application.
    pub(super) stop: AtomicBool,
    /// Why the program was not started; 0 if it was.
    error: AtomicI32,
    /// How it ended: the kind, and its value.
    ended: [AtomicI32; 2],
}

const EXITED: i32 = 1;
const SIGNAL: i32 = 2;
const TIMED_OUT: i32 = 3;
const STOPPED: i32 = 4;

impl Shared {
    pub(super) fn new(
        descriptors: [c_int; 4],
        lists: [*const *const c_char; 2],
        limits: [(Resource, u64); LIMITS],
        stack: *mut c_void,
        ticks: (u32, u32, i32),
    ) -> Shared {
        Shared {
            application: Some(getpid()),
            descriptors,
            lists,
            limits,
            stack,
            ticks,
            supervisor: AtomicI32::new(0),
            stop: AtomicBool::new(false),
            error: AtomicI32::new(0),
            ended: [AtomicI32::new(0), AtomicI32::new(0)],
        }
    }

    /// What came of the program, once the supervisor has ended.
    pub(super) fn outcome(&self) -> io::Result<Ended> {
        let error = self.error.load(Ordering::Acquire);
        if error != 0 {
            return Err(io::Error::from_raw_os_error(error));
        }
        let value = self.ended[1].load(Ordering::Acquire);
        match self.ended[0].load(Ordering::Acquire) {
            EXITED => Ok(Ended::Exited(value)),
            SIGNAL => Ok(Ended::Signal(value)),
            TIMED_OUT => Ok(Ended::TimedOut),
            STOPPED => Ok(Ended::Stopped),
            // Somebody has killed the supervisor, and the program with it.
            _ => Ok(Ended::Signal(libc::SIGKILL)),
        }
    }

    fn end(&self, kind: i32, value: i32) {
        self.ended[1].store(value, Ordering::Release);
        self.ended[0].store(kind, Ordering::Release);
    }
}

/// What the supervisor runs.
pub(super) extern "C" fn supervise(shared: *mut c_void) -> c_int {
    // SAFETY: `parent::start` passes what it holds until this process has ended; all that is written meanwhile is atomic.
    let shared = unsafe { &*shared.cast::<Shared>() };
    if let Err(error) = start(shared).and_then(|(process, program)| watch(shared, process, program)) {
        shared.error.store(error.raw_os_error(), Ordering::Release);
    }
    0
}

/// Starts the program. Returns its descriptor and its number.
fn start(shared: &Shared) -> Result<(BorrowedFd<'static>, Option<Pid>), Errno> {
    end_with(shared.application)?;
    shared.supervisor.store(getpid().as_raw_nonzero().get(), Ordering::Release);
    // A copy of the application's table, which would hold open what the application closes.
    for (number, descriptor) in shared.descriptors.iter().enumerate() {
        let flags = if number == EXECUTABLE { libc::O_CLOEXEC } else { 0 };
        let (from, flags) = (descriptor.cast_unsigned() as usize, flags.cast_unsigned() as usize);
        // SAFETY: concerns this process's own table, in which nobody owns the four lowest numbers.
        done(unsafe { syscalls::syscall3(Sysno::dup3, from, number, flags) })?;
    }
    // SAFETY: concerns this process's own table; nothing in it is used any more but what was put in place above.
    done(unsafe { syscalls::syscall3(Sysno::close_range, EXECUTABLE + 1, u32::MAX as usize, 0) })?;
    let mut process: c_int = -1;
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
    let passed = std::ptr::from_ref(shared).cast_mut().cast::<c_void>();
    // SAFETY: `program` takes the same as this function, runs on a stack of its own, and this process waits until it has
    // left that by executing the program or by ending.
    let started = unsafe { libc::clone(program, shared.stack, flags, passed, &raw mut process) };
    if started < 0 {
        return Err(io::Error::last_os_error().raw_os_error().map_or(Errno::AGAIN, Errno::from_raw_os_error));
    }
    // SAFETY: the call that has succeeded has opened it, and nothing in this process closes it.
    Ok((unsafe { BorrowedFd::borrow_raw(process) }, Pid::from_raw(started)))
}

/// Waits for the program's end, and holds it to its time.
fn watch(shared: &Shared, process: BorrowedFd<'_>, program: Option<Pid>) -> Result<(), Errno> {
    let (most, normal, niceness) = shared.ticks;
    let (mut ticks, mut killed) = (0_u32, 0_u32);
    let mut reason = None;
    loop {
        match poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&TICK)) {
            Ok(0) | Err(Errno::INTR) => ticks = ticks.saturating_add(1),
            Ok(_) => break,
            Err(error) => return Err(error),
        }
        if reason.is_none() {
            reason = if shared.stop.load(Ordering::Relaxed) {
                Some(STOPPED)
            } else if ticks >= most {
                Some(TIMED_OUT)
            } else {
                None
            };
            if ticks == normal && niceness != 0 {
                // Refused, it keeps its priority.
                let _ = setpriority_process(program, niceness);
            }
        } else {
            killed = killed.saturating_add(1);
            if killed > FAREWELL_TICKS {
                break;
            }
        }
        if reason.is_some() {
            let _ = pidfd_send_signal(process, Signal::KILL);
        }
    }
    let ended = waitid(WaitId::PidFd(process), WaitIdOptions::EXITED | WaitIdOptions::NOHANG).ok().flatten();
    match (reason, ended) {
        (Some(reason), _) => shared.end(reason, 0),
        (None, Some(status)) => match (status.exit_status(), status.terminating_signal()) {
            (Some(status), _) => shared.end(EXITED, status),
            (None, signal) => shared.end(SIGNAL, signal.unwrap_or(libc::SIGKILL)),
        },
        (None, None) => {}
    }
    Ok(())
}

/// What the child runs until the program takes its place.
extern "C" fn program(shared: *mut c_void) -> c_int {
    // SAFETY: the supervisor passes what it got, and waits until this process has left its memory.
    let shared = unsafe { &*shared.cast::<Shared>() };
    let error = match prepare(shared) {
        Ok(()) => execute(shared),
        Err(error) => error,
    };
    shared.error.store(error.raw_os_error(), Ordering::Release);
    1
}

/// Gives up what the application has and the program is not to have.
fn prepare(shared: &Shared) -> Result<(), Errno> {
    end_with(Pid::from_raw(shared.supervisor.load(Ordering::Acquire)))?;
    setsid()?;
    for (resource, most) in shared.limits {
        let now = getrlimit(resource).maximum;
        let at_most = |limit: u64| Some(now.map_or(limit, |now| now.min(limit)));
        // At the higher one of processor time the kernel sends `SIGKILL`, which does not tell why.
        let hard = if resource == Resource::Cpu { most.saturating_add(1) } else { most };
        setrlimit(resource, Rlimit { current: at_most(most), maximum: at_most(hard) })?;
    }
    rustix::thread::set_no_new_privs(true)?;
    // A handler, a disposition and a restorer of 0, without flags, and an empty mask: the default, on both architectures.
    let default = [0_u64; 4];
    let (size, last) = (size_of::<u64>(), 64);
    for signal in 1..=last {
        // SAFETY: reads a structure of the size that the kernel has, and concerns this process's own table of
        // dispositions. Two of them cannot be set, and are at their defaults.
        let _ =
            unsafe { syscalls::syscall4(Sysno::rt_sigaction, signal, default.as_ptr() as usize, 0, size) };
    }
    let how = libc::SIG_SETMASK.cast_unsigned() as usize;
    // SAFETY: reads a word of zeros, as long as the kernel's mask. No handler is left that could run.
    done(unsafe { syscalls::syscall4(Sysno::rt_sigprocmask, how, default.as_ptr() as usize, 0, size) })
}

/// Returns only if it is refused.
fn execute(shared: &Shared) -> Errno {
    let path = c"".as_ptr() as usize;
    let [arguments, environment] = shared.lists.map(|list| list as usize);
    let flags = libc::AT_EMPTY_PATH.cast_unsigned() as usize;
    // SAFETY: both lists end with a null pointer, and the texts that they point to live until the supervisor has ended.
    let refused =
        unsafe { syscalls::syscall5(Sysno::execveat, EXECUTABLE, path, arguments, environment, flags) };
    done(refused).err().unwrap_or(Errno::NOEXEC)
}

/// Has this process killed when its parent's thread ends, unless that has ended already.
fn end_with(parent: Option<Pid>) -> Result<(), Errno> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    if getppid() == parent { Ok(()) } else { Err(Errno::SRCH) }
}

fn done(result: Result<usize, syscalls::Errno>) -> Result<(), Errno> {
    result.map(drop).map_err(|error| Errno::from_raw_os_error(error.into_raw()))
}
