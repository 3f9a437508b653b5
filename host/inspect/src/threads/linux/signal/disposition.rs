//! The disposition of the signal: our handler is installed in front of what was there, which still gets every
//! signal that is not ours.
//!
//! A former handler's own mask and one-shot flag are not imitated.

use super::slots::{LATE, SLOTS, Slot};
use crate::signals::may_ask_threads;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};

/// Signals are numbered from 1 to 64.
const NUMBERS: usize = 65;

/// What was there before ours.
struct Former {
    known: AtomicBool,
    action: AtomicUsize,
    flags: AtomicI32,
}

static FORMER: [Former; NUMBERS] = [const {
    Former { known: AtomicBool::new(false), action: AtomicUsize::new(0), flags: AtomicI32::new(0) }
}; NUMBERS];

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
    let ours = ours as *const () as usize;
    let former = former(signal).filter(|_| may_ask_threads(signal)).ok_or(NotInstalled::Unsuitable)?;
    let current = exchange(signal, None)?;
    if current.sa_sigaction == ours {
        return Ok(());
    }
    if former.known.load(Ordering::Acquire) {
        return Err(NotInstalled::Taken);
    }
    // Known before ours is in place, since the first foreign signal may come at once.
    former.remember(&current, ours);
    let mut action = current;
    action.sa_sigaction = ours;
    // SA_ONSTACK: the thread's own stack may be nearly used up, or belong to a fiber.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART | libc::SA_ONSTACK;
    // Other handlers wait for the microseconds that ours takes.
    action.sa_mask = crate::signals::all_but_faults();
    let replaced = exchange(signal, Some(&action))?;
    former.remember(&replaced, ours);
    Ok(())
}

/// Puts back what was there before, if ours is still in place and no signal of ours is on its way: that one
/// would find the former disposition, which may be to end the process. True if ours is gone.
pub(super) fn uninstall(signal: i32, ours: Handler) -> bool {
    let Some(former) = former(signal).filter(|former| former.known.load(Ordering::Acquire)) else {
        return true;
    };
    let on_its_way = LATE.load(Ordering::Relaxed) > 0 || SLOTS.iter().any(Slot::is_busy);
    let action = former.action.load(Ordering::Relaxed);
    if on_its_way && !is_harmless(signal, action) {
        return false;
    }
    let Ok(mut current) = exchange(signal, None) else { return false };
    if current.sa_sigaction == ours as *const () as usize {
        current.sa_sigaction = action;
        current.sa_flags = former.flags.load(Ordering::Relaxed);
        if exchange(signal, Some(&current)).is_err() {
            return false;
        }
    }
    former.known.store(false, Ordering::Release);
    true
}

/// Passes a signal that is not ours on to the handler, or the default, that it had before.
///
/// # Async-signal-safety
///
/// Atomic loads, `sigaction` and `raise`; and what the former handler does itself.
pub(super) fn forward(signal: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let Some(former) = former(signal) else { return };
    let action = former.action.load(Ordering::Acquire);
    let with_info = former.flags.load(Ordering::Acquire) & libc::SA_SIGINFO != 0;
    match action {
        libc::SIG_IGN => {}
        libc::SIG_DFL => default_action(signal),
        handler if with_info => {
            type Plain = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
            // SAFETY: `Former::remember` has this address from the kernel, as a handler with SA_SIGINFO.
            let handler = unsafe { std::mem::transmute::<usize, Plain>(handler) };
            handler(signal, info, context);
        }
        handler => {
            type Plain = extern "C" fn(libc::c_int);
            // SAFETY: `Former::remember` has this address from the kernel, as a handler without SA_SIGINFO.
            let handler = unsafe { std::mem::transmute::<usize, Plain>(handler) };
            handler(signal);
        }
    }
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

impl Former {
    fn remember(&self, action: &libc::sigaction, ours: usize) {
        // Never ourselves: forwarding would go round in circles.
        if action.sa_sigaction == ours {
            return;
        }
        self.flags.store(action.sa_flags, Ordering::Release);
        self.action.store(action.sa_sigaction, Ordering::Release);
        self.known.store(true, Ordering::Release);
    }
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
