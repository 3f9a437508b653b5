//! The functions that every thread begins with, so that text can count them instead of listing them.

use super::Frame;

/// std calls the thread's own closure through this function, so that a trace can end there.
const BEGIN: &str = "__rust_begin_short_backtrace";

/// Where threads begin that std did not start, by the C library's names for it.
const STARTS: [&str; 7] =
    ["_start", "__libc_start_main", "__libc_start_call_main", "start_thread", "clone", "clone3", "__clone3"];

/// Marks the frames that every thread begins with, so that text counts instead of listing them. For a stack
/// whose functions were not known when it was reported and have been looked up since.
///
/// ```
/// use gmr_report::{Frame, fold_start};
///
/// let mut frames = ["shop::serve", "std::sys::backtrace::__rust_begin_short_backtrace", "clone3"].map(Frame::of);
/// fold_start(&mut frames);
/// assert_eq!(frames.map(|frame| frame.folded), [false, true, true]);
/// ```
pub fn fold_start(frames: &mut [Frame]) {
    let begins = |frame: &Frame| frame.function.as_ref().is_some_and(|name| name.contains(BEGIN));
    let start = frames.iter().position(begins).unwrap_or_else(|| {
        let in_start = |frame: &Frame| frame.function.as_ref().is_some_and(|name| is_start(name));
        frames.len() - frames.iter().rev().take_while(|frame| in_start(frame)).count()
    });
    // A stack that is nothing but a start is shown: it is all there is to see.
    let start = if start == 0 { frames.len() } else { start };
    for frame in &mut frames[start..] {
        frame.folded = true;
    }
}

fn is_start(function: &str) -> bool {
    let name = function.split('@').next().unwrap_or(function);
    STARTS.contains(&name) || name.starts_with("__libc_start_main")
}
