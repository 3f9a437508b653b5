//! The disposition of the signal: our handler is installed in front of what was there, which still gets every
//! signal that is not ours, and which comes back whole: handler, flags and mask.
//!
//! A former handler is called with the mask and the one-shot flag that it was installed with. Two of its flags
//! cannot be had beside a handler of ours: it runs on the thread's alternate stack if there is one, and the
//! system call that it interrupted is restarted where that can be done.

use super::slots::{LATE, SLOTS, Slot};
use crate::signals::may_ask_threads;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

/// Signals are numbered from 1 to 64.
const NUMBERS: usize = 65;

/// What was there before ours.
struct Former {
    /// Whether ours has been installed, and not uninstalled since.
    replaced: AtomicBool,
    /// The whole of it behind one word, so that the handler is never taken with another one's flags. Null until
    /// ours was first installed; kept afterwards, for a handler of ours that is still on its way.
    disposition: AtomicPtr<libc::sigaction>,
    /// How many preparations want ours to be in place.
    wanted: AtomicUsize,
}

static FORMER: [Former; NUMBERS] = [const {
    Former {
        replaced: AtomicBool::new(false),
        disposition: AtomicPtr::new(std::ptr::null_mut()),
        wanted: AtomicUsize::new(0),
    }
}; NUMBERS];

// SAFETY: integers, and an optional function pointer, of which all zeros is none: the default disposition.
static DEFAULT: libc::sigaction = unsafe { std::mem::zeroed() };

/// Why our handler is not in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotInstalled {
    /// No signal, one that cannot be caught, or one that means a fault.
    Unsuitable,
    /// Another handler has been installed over ours since.
    Taken,
    /// The kernel refused, with this error.
    Refused(i32),
}

/// A handler with `SA_SIGINFO`.
pub(super) type Handler = unsafe extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);

/// Makes sure that `ours` is in place.
pub(super) fn install(signal: i32, ours: Handler) -> Result<(), NotInstalled> {
    let former = former(signal).filter(|_| may_ask_threads(signal)).ok_or(NotInstalled::Unsuitable)?;
    let current = exchange(signal, None)?;
    if current.sa_sigaction == address(ours) {
        return Ok(());
    }
    if former.replaced.load(Ordering::Acquire) {
        return Err(NotInstalled::Taken);
    }
    // Known before ours is in place, since the first foreign signal may come at once.
    former.remember(&current, ours);
    let mut action = current;
    action.sa_sigaction = address(ours);
    // SA_ONSTACK: the thread's own stack may be nearly used up, or belong to a fiber. The flags that are kept
    // concern what the kernel does with children, whoever handles the signal.
    let of_children = current.sa_flags & (libc::SA_NOCLDSTOP | libc::SA_NOCLDWAIT);
    action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART | libc::SA_ONSTACK | of_children;
    // Other handlers wait for the microseconds that ours takes.
    action.sa_mask = crate::signals::all_but_faults();
    let replaced = exchange(signal, Some(&action))?;
    former.remember(&replaced, ours);
    former.replaced.store(true, Ordering::Release);
    Ok(())
}

/// As [`install`], for somebody who calls [`release`] once it is no longer wanted.
pub(super) fn hold(signal: i32, ours: Handler) -> Result<(), NotInstalled> {
    let former = former(signal).ok_or(NotInstalled::Unsuitable)?;
    // Counted first: who releases at the same moment looks at the count last.
    former.wanted.fetch_add(1, Ordering::SeqCst);
    install(signal, ours).inspect_err(|_| former.forget_one())
}

/// Takes back one [`hold`]. True if it was the last one: ours may be uninstalled.
pub(super) fn release(signal: i32) -> bool {
    former(signal).is_some_and(|former| {
        former.forget_one();
        !former.is_wanted()
    })
}

/// Puts back what was there before, if ours is still in place, nobody wants it, and no signal of ours is on its
/// way: that one would find the former disposition, which may be to end the process. True if ours is gone.
pub(super) fn uninstall(signal: i32, ours: Handler) -> bool {
    let Some(former) = former(signal).filter(|former| former.replaced.load(Ordering::Acquire)) else {
        return true;
    };
    let Some(disposition) = former.disposition() else { return true };
    let on_its_way = LATE.load(Ordering::Relaxed) > 0 || SLOTS.iter().any(Slot::is_busy);
    if former.is_wanted() || (on_its_way && !is_harmless(signal, disposition.sa_sigaction)) {
        return false;
    }
    let Ok(current) = exchange(signal, None) else { return false };
    // First: whoever installs ours again must not find the former one in place and take it for a third.
    former.replaced.store(false, Ordering::SeqCst);
    if current.sa_sigaction == address(ours) && exchange(signal, Some(disposition)).is_err() {
        former.replaced.store(true, Ordering::SeqCst);
        return false;
    }
    // Somebody who came meanwhile may have found ours still in place.
    !former.is_wanted() || install(signal, ours).is_err()
}

/// Passes a signal that is not ours on to the handler, or the default, that it had before.
///
/// # Async-signal-safety
///
/// Atomic loads, `sigaction`, `raise` and `rt_sigprocmask`; and what the former handler does itself.
pub(super) fn forward(signal: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let Some(former) = former(signal) else { return };
    let Some(disposition) = former.disposition() else { return };
    match disposition.sa_sigaction {
        libc::SIG_IGN => return,
        libc::SIG_DFL => return default_action(signal),
        _ => {}
    }
    if disposition.sa_flags & libc::SA_RESETHAND != 0 && !former.use_up(disposition) {
        // Another thread has called it, so that for this signal the default is in place.
        return default_action(signal);
    }
    unblock(signal, disposition, context);
    if disposition.sa_flags & libc::SA_SIGINFO != 0 {
        type WithInfo = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
        // SAFETY: this one disposition, which the kernel gave to `Former::remember` and which is never written
        // again, has both the address and SA_SIGINFO; the address is neither of the two that are no function.
        let handler = unsafe { std::mem::transmute::<usize, WithInfo>(disposition.sa_sigaction) };
        handler(signal, info, context);
    } else {
        type Plain = extern "C" fn(libc::c_int);
        // SAFETY: this one disposition, which the kernel gave to `Former::remember` and which is never written
        // again, has the address without SA_SIGINFO; the address is neither of the two that are no function.
        let handler = unsafe { std::mem::transmute::<usize, Plain>(disposition.sa_sigaction) };
        handler(signal);
    }
}

/// Lets in what the former handler lets in: it was installed with a mask of its own, and ours blocks nearly
/// everything. The kernel puts the thread's mask back when ours returns.
fn unblock(signal: i32, disposition: &libc::sigaction, context: *mut libc::c_void) {
    // SAFETY: the kernel passes the interrupted thread's ucontext to a handler with SA_SIGINFO, as ours is.
    let context = unsafe { &*context.cast::<libc::ucontext_t>() };
    let itself = if disposition.sa_flags & libc::SA_NODEFER != 0 { 0 } else { 1_u64 << (signal - 1) };
    let mask = kernel_mask(&context.uc_sigmask) | kernel_mask(&disposition.sa_mask) | itself;
    let (how, none, size) = (libc::SIG_SETMASK, std::ptr::null_mut::<u64>(), size_of::<u64>());
    // The C library's function would read a mask of its own size, of which the kernel wrote the first word alone.
    // SAFETY: reads one word, which is as long as the kernel's mask, and concerns the calling thread alone.
    unsafe { libc::syscall(libc::SYS_rt_sigprocmask, how, &raw const mask, none, size) };
}

/// The part of a signal set that the kernel knows: 64 signals.
fn kernel_mask(set: &libc::sigset_t) -> u64 {
    const _: () = assert!(size_of::<libc::sigset_t>() >= size_of::<u64>());
    // SAFETY: a set begins with the kernel's 64 bits, and is at least as long and as aligned as they are.
    unsafe { std::ptr::from_ref(set).cast::<u64>().read() }
}

/// What the kernel would have done: nothing, or what only the kernel can do once our handler has returned.
fn default_action(signal: i32) {
    if is_harmless(signal, libc::SIG_DFL) {
        return;
    }
    let Ok(mut action) = exchange(signal, None) else { return };
    action.sa_sigaction = libc::SIG_DFL;
    action.sa_flags = 0;
    if exchange(signal, Some(&action)).is_ok() {
        // SAFETY: takes an integer, which is a signal's number: this one has just come. It is blocked until
        // our handler returns.
        unsafe { libc::raise(signal) };
    }
}

fn is_harmless(signal: i32, action: usize) -> bool {
    let ignored_by_default = [libc::SIGURG, libc::SIGCHLD, libc::SIGWINCH, libc::SIGCONT].contains(&signal);
    action == libc::SIG_IGN || (action == libc::SIG_DFL && ignored_by_default)
}

fn former(signal: i32) -> Option<&'static Former> {
    FORMER.get(usize::try_from(signal).ok()?)
}

fn address(handler: Handler) -> usize {
    handler as *const () as usize
}

impl Former {
    fn disposition(&self) -> Option<&'static libc::sigaction> {
        // SAFETY: null, `DEFAULT`, or a box that `remember` leaked: nobody writes to it again or frees it.
        unsafe { self.disposition.load(Ordering::Acquire).as_ref() }
    }

    /// Keeps a disposition. Memory is taken only if it differs from the one that is kept: a handler of ours may
    /// be reading that at any later time.
    fn remember(&self, action: &libc::sigaction, ours: Handler) {
        // Never ourselves: forwarding would go round in circles.
        if action.sa_sigaction == address(ours)
            || self.disposition().is_some_and(|kept| is_same(kept, action))
        {
            return;
        }
        self.disposition.store(Box::into_raw(Box::new(*action)), Ordering::Release);
    }

    /// Leaves the default in place of a handler that serves once. False if another thread has done it.
    fn use_up(&self, disposition: &'static libc::sigaction) -> bool {
        let (now, default) = (std::ptr::from_ref(disposition).cast_mut(), (&raw const DEFAULT).cast_mut());
        self.disposition.compare_exchange(now, default, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    fn forget_one(&self) {
        let _ = self.wanted.try_update(Ordering::SeqCst, Ordering::SeqCst, |count| count.checked_sub(1));
    }

    fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::SeqCst) > 0
    }
}

fn is_same(one: &libc::sigaction, other: &libc::sigaction) -> bool {
    one.sa_sigaction == other.sa_sigaction
        && one.sa_flags == other.sa_flags
        && kernel_mask(&one.sa_mask) == kernel_mask(&other.sa_mask)
}

/// `sigaction`: sets the disposition if one is given and returns the one before.
fn exchange(signal: i32, new: Option<&libc::sigaction>) -> Result<libc::sigaction, NotInstalled> {
    let mut old = std::mem::MaybeUninit::<libc::sigaction>::uninit();
    let new = new.map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: `new` is null or an action that the kernel gave, with that handler, with ours, or with the
    // default; `old` has room for one.
    if unsafe { libc::sigaction(signal, new, old.as_mut_ptr()) } != 0 {
        return Err(NotInstalled::Refused(errno::errno().0));
    }
    // SAFETY: the call succeeded and so wrote all of it.
    Ok(unsafe { old.assume_init() })
}
