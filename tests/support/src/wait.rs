//! Waits that end: for what another thread, a process or the kernel does in its own time.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// Longer than anything that is waited for takes on a loaded machine; shorter than [`in_child`](crate::in_child) gives a
/// child, so that a wait in there tells what it waited for.
const BOUND: Duration = Duration::from_secs(60);
/// The same where a compiler works meanwhile.
const BOUND_OF_COMPILERS: Duration = Duration::from_secs(300);
/// What a compiler of low priority gets of a busy processor between two attempts.
const PAUSE: Duration = Duration::from_millis(50);

/// Attempts it again and again until it succeeds.
///
/// # Panics
///
/// After a minute, with what the last attempt lacked.
#[track_caller]
pub fn wait_for<T, Lack: Display>(attempt: impl FnMut() -> Result<T, Lack>) -> T {
    wait_within(BOUND, std::thread::yield_now, attempt)
}

/// Waits until it is so; `what` says what is not, if it never is.
///
/// # Panics
///
/// After a minute.
#[track_caller]
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    wait_for(|| if is_so() { Ok(()) } else { Err(what) });
}

/// Attempts it again and again as [`wait_for`] does, for what is compiled meanwhile at a low priority: with pauses, and for up
/// to five minutes.
///
/// # Panics
///
/// After five minutes, with what the last attempt lacked.
#[track_caller]
pub fn wait_for_compiler<T, Lack: Display>(attempt: impl FnMut() -> Result<T, Lack>) -> T {
    wait_within(BOUND_OF_COMPILERS, || std::thread::park_timeout(PAUSE), attempt)
}

#[track_caller]
fn wait_within<T, Lack: Display>(
    bound: Duration,
    pause: impl Fn(),
    mut attempt: impl FnMut() -> Result<T, Lack>,
) -> T {
    let end = Instant::now() + bound;
    loop {
        match attempt() {
            Ok(found) => return found,
            Err(lack) => assert!(Instant::now() < end, "not within {bound:?}: {lack}"),
        }
        pause();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_made_until_one_succeeds() {
        let mut attempts = 0;
        let found = wait_for(|| {
            attempts += 1;
            if attempts == 3 { Ok("found") } else { Err("nothing") }
        });
        assert_eq!((found, attempts), ("found", 3));
    }

    #[test]
    #[should_panic(expected = "not within 0ns: the last lacks this")]
    fn the_last_attempt_says_what_it_lacked() {
        wait_within(Duration::ZERO, || (), || Err::<(), _>("the last lacks this"));
    }
}
