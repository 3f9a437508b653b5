//! The innermost functions of threads: every way to sleep, two ways to run, and odd places to be in.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::Builder;
use std::time::{Duration, Instant};

use gmr_inspect::threads::Method;

use super::Waits;

/// A long time: the process ends first.
const FOR_EVER: Duration = Duration::from_secs(36_000);

static NEVER: AtomicBool = AtomicBool::new(false);

fn never() -> bool {
    black_box(&NEVER).load(Ordering::Relaxed)
}

#[inline(never)]
fn leaf_mutex(waits: &Waits) -> u64 {
    *waits.mutex.lock().unwrap()
}
#[inline(never)]
fn leaf_rwlock(waits: &Waits) -> u64 {
    *waits.rwlock.read().unwrap()
}
#[inline(never)]
fn leaf_condvar(waits: &Waits) -> u64 {
    let guard = waits.condition.0.lock().unwrap();
    *waits.condition.1.wait_while(guard, |value| *value == 0).unwrap()
}
#[inline(never)]
fn leaf_condvar_timed(waits: &Waits) -> u64 {
    let guard = waits.condition.0.lock().unwrap();
    *waits.condition.1.wait_timeout_while(guard, FOR_EVER, |value| *value == 0).unwrap().0
}
#[inline(never)]
fn leaf_park(_: &Waits) -> u64 {
    while !never() {
        std::thread::park();
    }
    black_box(1)
}
#[inline(never)]
fn leaf_channel(waits: &Waits) -> u64 {
    let receiver = waits.receiver.lock().unwrap().take().unwrap();
    receiver.recv().unwrap()
}
#[inline(never)]
fn leaf_join(_: &Waits) -> u64 {
    let other = Builder::new().name("joined".into()).spawn(|| std::thread::sleep(FOR_EVER)).unwrap();
    other.join().unwrap();
    black_box(1)
}
#[inline(never)]
fn leaf_sleep(_: &Waits) -> u64 {
    std::thread::sleep(FOR_EVER);
    black_box(1)
}
/// Asleep in a read from a pipe without a writer.
#[inline(never)]
pub fn leaf_pipe(waits: &Waits) -> u64 {
    let mut byte = [0_u8; 1];
    // SAFETY: the buffer has the one byte that is asked for.
    unsafe { libc::read(waits.pipe[0], byte.as_mut_ptr().cast(), 1) };
    u64::from(black_box(byte)[0])
}
#[inline(never)]
fn leaf_accept(waits: &Waits) -> u64 {
    u64::from(waits.listener.accept().is_ok())
}
#[inline(never)]
fn leaf_epoll(_: &Waits) -> u64 {
    // SAFETY: takes no pointer.
    let epoll = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
    let mut events = [libc::epoll_event { events: 0, u64: 0 }; 8];
    while !never() {
        // SAFETY: room for the eight events that are asked for.
        unsafe { libc::epoll_wait(epoll, events.as_mut_ptr(), 8, -1) };
    }
    black_box(1)
}
#[inline(never)]
fn leaf_poll(_: &Waits) -> u64 {
    while !never() {
        // SAFETY: no descriptors, so the pointer is not used.
        unsafe { libc::poll(std::ptr::null_mut(), 0, -1) };
    }
    black_box(1)
}
#[inline(never)]
fn leaf_futex(_: &Waits) -> u64 {
    let word = AtomicU32::new(0);
    while !never() {
        let (operation, no_timeout) = (libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG, 0_usize);
        // SAFETY: the word outlives the wait, and the timeout is a null pointer.
        unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, 0, no_timeout) };
    }
    black_box(1)
}
#[inline(never)]
fn leaf_semaphore(waits: &Waits) -> u64 {
    // SAFETY: the semaphore was initialised before any thread was started.
    unsafe { libc::sem_wait(waits.semaphore.get()) };
    black_box(1)
}
#[inline(never)]
fn leaf_barrier(waits: &Waits) -> u64 {
    u64::from(waits.barrier.wait().is_leader())
}
/// Below a callback of C.
#[inline(never)]
fn leaf_callback(_: &Waits) -> u64 {
    extern "C" fn compare(_: *const libc::c_void, _: *const libc::c_void) -> i32 {
        std::thread::sleep(FOR_EVER);
        black_box(0)
    }
    let mut values = [3_u32, 1];
    // SAFETY: two elements of four bytes, as the array has.
    unsafe { libc::qsort(values.as_mut_ptr().cast(), 2, 4, Some(compare)) };
    u64::from(black_box(values)[0])
}
#[inline(never)]
fn recurse(depth: u64) -> u64 {
    match black_box(depth) {
        0 => {
            std::thread::sleep(FOR_EVER);
            1
        }
        depth => black_box(recurse(depth - 1)) + 1,
    }
}
/// Two hundred frames of one function.
#[inline(never)]
fn leaf_recursion(_: &Waits) -> u64 {
    black_box(recurse(RECURSIONS)) + 1
}
/// How often `recurse` calls itself.
pub const RECURSIONS: u64 = 200;
/// A frame of several pages, which compilers take one page at a time.
#[inline(never)]
fn leaf_large_frame(_: &Waits) -> u64 {
    let large = black_box([1_u8; 100_000]);
    std::thread::sleep(FOR_EVER);
    u64::from(black_box(large)[99_999])
}
#[inline(always)]
fn spin_inlined(value: u64) -> u64 {
    value.wrapping_mul(6_364_136_223_846_793_005).rotate_left(17) ^ (value >> 3)
}
#[inline(never)]
fn leaf_spin(waits: &Waits) -> u64 {
    waits.reached.fetch_add(1, Ordering::SeqCst);
    let mut value = 1;
    while !waits.stop.load(Ordering::Relaxed) {
        value = black_box(spin_inlined(value));
    }
    value
}
/// In the kernel's own code that every process has.
#[inline(never)]
fn leaf_clock(waits: &Waits) -> u64 {
    waits.reached.fetch_add(1, Ordering::SeqCst);
    let mut sum = 0_u64;
    while !waits.stop.load(Ordering::Relaxed) {
        sum = sum.wrapping_add(u64::from(Instant::now().elapsed().subsec_nanos()));
    }
    black_box(sum)
}

fn block_all_signals() {
    let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the pointer is to a set, which the call fills.
    unsafe { libc::sigfillset(set.as_mut_ptr()) };
    // SAFETY: the set is filled; only this thread's mask changes.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, set.as_ptr(), std::ptr::null_mut()) };
}
/// Asleep with every signal blocked.
#[inline(never)]
pub fn leaf_masked_sleep(waits: &Waits) -> u64 {
    block_all_signals();
    leaf_sleep(waits)
}
/// Running with every signal blocked.
#[inline(never)]
pub fn leaf_masked_spin(waits: &Waits) -> u64 {
    block_all_signals();
    leaf_spin(waits)
}

fn handle_here(signal: i32, flags: i32, handler: extern "C" fn(i32)) {
    // SAFETY: an all-zero action is valid: default handler, empty mask, no flags.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler as *const () as usize;
    action.sa_flags = flags;
    // SAFETY: the action is valid and its handler has the right type.
    unsafe { libc::sigaction(signal, &action, std::ptr::null_mut()) };
    // SAFETY: takes an integer.
    unsafe { libc::raise(signal) };
}
/// Asleep in a signal handler on the thread's own stack.
#[inline(never)]
pub fn leaf_in_handler(_: &Waits) -> u64 {
    extern "C" fn handler(_: i32) {
        std::thread::sleep(FOR_EVER);
        black_box(());
    }
    handle_here(libc::SIGUSR1, 0, handler);
    black_box(1)
}
/// Ends the handler of `leaf_on_alternate_stack`, which cannot be handed anything.
pub static HANDLER_STOP: AtomicBool = AtomicBool::new(false);

/// Running in a signal handler on the alternate stack that std gives each thread.
#[inline(never)]
pub fn leaf_on_alternate_stack(_: &Waits) -> u64 {
    extern "C" fn handler(_: i32) {
        let mut value = 1;
        while !HANDLER_STOP.load(Ordering::Relaxed) {
            value = black_box(spin_inlined(value));
        }
    }
    handle_here(libc::SIGUSR2, libc::SA_ONSTACK, handler);
    black_box(1)
}
/// Below code made at run time, which has a frame pointer but no tables.
#[inline(never)]
pub fn leaf_made_code(_: &Waits) -> u64 {
    extern "C" fn callback() {
        std::thread::sleep(FOR_EVER);
        black_box(());
    }
    // push rbp; mov rbp, rsp; call rdi; pop rbp; ret
    #[cfg(target_arch = "x86_64")]
    const CODE: [u8; 8] = [0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3];
    // stp x29, x30, [sp, #-16]!; mov x29, sp; blr x0; ldp x29, x30, [sp], #16; ret
    #[cfg(target_arch = "aarch64")]
    const CODE: [u32; 5] = [0xa9bf_7bfd, 0x9100_03fd, 0xd63f_0000, 0xa8c1_7bfd, 0xd65f_03c0];
    unsafe extern "C" {
        // The compiler's own: what was written is what will be run.
        fn __clear_cache(begin: *mut libc::c_void, end: *mut libc::c_void);
    }
    let protection = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: new memory, wherever the kernel likes.
    let memory = unsafe { libc::mmap(std::ptr::null_mut(), 4096, protection, flags, -1, 0) };
    // SAFETY: the page is new and larger than the code.
    unsafe { std::ptr::write(memory.cast(), CODE) };
    // SAFETY: both ends lie in the page.
    unsafe { __clear_cache(memory, memory.wrapping_byte_add(size_of_val(&CODE))) };
    // SAFETY: the bytes are a function that calls its first argument and returns.
    let made = unsafe { std::mem::transmute::<*mut libc::c_void, extern "C" fn(extern "C" fn())>(memory) };
    made(callback);
    black_box(1)
}

/// In the kernel until a child that shares its memory ends: uninterruptible.
#[inline(never)]
pub fn leaf_vfork(_: &Waits) -> u64 {
    let long = libc::timespec { tv_sec: 30, tv_nsec: 0 };
    // SAFETY: the child makes one system call and ends.
    #[allow(deprecated, reason = "nothing else blocks a thread in this way")]
    let child = unsafe { libc::vfork() };
    if child == 0 {
        // SAFETY: the time outlives the call; no more of the parent's memory is used.
        unsafe { libc::syscall(libc::SYS_nanosleep, &long, 0_usize) };
        // SAFETY: ends the child without running anything of the parent's.
        unsafe { libc::_exit(0) };
    }
    black_box(1)
}

/// The innermost function of a thread, which blocks or runs until the end.
pub type Leaf = fn(&Waits) -> u64;

/// Ways to sleep, by name.
pub const SLEEPING: &[(&str, Leaf)] = &[
    ("mutex", leaf_mutex),
    ("rwlock", leaf_rwlock),
    ("condvar", leaf_condvar),
    ("condvar_timed", leaf_condvar_timed),
    ("park", leaf_park),
    ("channel", leaf_channel),
    ("join", leaf_join),
    ("sleep", leaf_sleep),
    ("pipe", leaf_pipe),
    ("accept", leaf_accept),
    ("epoll", leaf_epoll),
    ("poll", leaf_poll),
    ("futex", leaf_futex),
    ("semaphore", leaf_semaphore),
    ("barrier", leaf_barrier),
    ("callback", leaf_callback),
    ("recursion", leaf_recursion),
    ("large_frame", leaf_large_frame),
];

/// The method that captures the stack of a thread that sleeps in this way.
pub fn method_asleep(name: &str) -> Method {
    // What waits through the C library's `syscall` function, as std's locks do.
    let in_register = ["mutex", "rwlock", "condvar", "condvar_timed", "park", "channel", "futex", "barrier"];
    // On aarch64 that function keeps its return address in a register, which only a signal can tell.
    let by_signal = cfg!(target_arch = "aarch64") && in_register.contains(&name);
    if by_signal { Method::Signal } else { Method::Sleeping }
}

/// Ways not to sleep, by name.
pub const RUNNING: &[(&str, Leaf)] = &[("spin", leaf_spin), ("clock", leaf_clock)];
