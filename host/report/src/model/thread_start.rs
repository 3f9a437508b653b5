//! Frames that say nothing: the functions that every thread begins with, and those of a runtime that waits, so that text can
//! count them instead of listing them.

use super::Frame;

/// std calls the thread's own closure through this function, so that a trace can end there.
const BEGIN: &str = "__rust_begin_short_backtrace";

/// Where threads begin that std did not start, by the C library's names for it.
const STARTS: [&str; 7] =
    ["_start", "__libc_start_main", "__libc_start_call_main", "start_thread", "clone", "clone3", "__clone3"];

/// Marks the calls that every thread begins with, so that text counts instead of listing them. For a stack
/// that got its names only after the report was made, too.
///
/// ```
/// use gmr_report::{Frame, fold_start};
///
/// let mut frames = ["shop::serve", "std::sys::backtrace::__rust_begin_short_backtrace", "clone3"].map(Frame::of);
/// fold_start(&mut frames);
/// assert_eq!(frames.map(|frame| frame.folded), [false, true, true]);
/// ```
pub fn fold_start(frames: &mut [Frame]) {
    if fold_from(frames, |function| function.contains(BEGIN)) {
        return;
    }
    let lines = lines(frames);
    let starts = lines.iter().rev().take_while(|(.., function)| function.is_some_and(is_start)).count();
    if let Some(&(frame, call, _)) = lines.get(lines.len() - starts) {
        fold(frames, frame, call);
    }
}

/// Marks the first call that is one of these, and all around it. A stack that is nothing but that stays as it is: it
/// is all there is to see. Returns whether there is such a call.
pub fn fold_from(frames: &mut [Frame], is_one: impl Fn(&str) -> bool) -> bool {
    let first = lines(frames).into_iter().find(|(.., function)| function.is_some_and(&is_one));
    let Some((frame, call, _)) = first else { return false };
    fold(frames, frame, call);
    true
}

/// Marks this one of the lines that text would show, counted from the innermost from 0, and all outside of it: that of a
/// runtime, which calls what is of interest. A stack that is nothing but that stays as it is.
///
/// ```
/// use gmr_report::{Frame, fold_outer};
///
/// let mut frames = ["shop::serve", "runtime::poll", "runtime::run"].map(Frame::of);
/// fold_outer(&mut frames, 1);
/// assert_eq!(frames.map(|frame| frame.folded), [false, true, true]);
/// ```
pub fn fold_outer(frames: &mut [Frame], line: usize) {
    if let Some((frame, call, _)) = lines(frames).into_iter().nth(line) {
        fold(frames, frame, call);
    }
}

/// Marks the last call that is one of these, and all that it called. A stack that is nothing but that stays as it is. Text
/// counts such frames as those of a runtime that waits.
///
/// ```
/// use gmr_report::{Frame, fold_inner};
///
/// let mut frames = ["syscall", "runtime::park", "runtime::block_on", "shop::main"].map(Frame::of);
/// fold_inner(&mut frames, |function| function == "runtime::block_on");
/// assert_eq!(frames.map(|frame| frame.folded), [true, true, true, false]);
/// ```
pub fn fold_inner(frames: &mut [Frame], is_one: impl Fn(&str) -> bool) {
    let last = frames.iter().rposition(|frame| frame.calls.iter().any(|call| is_one(&call.function)));
    let Some(last) = last.filter(|last| last + 1 < frames.len()) else { return };
    for frame in &mut frames[..last] {
        frame.fold_from(0);
    }
    let frame = &mut frames[last];
    let call = frame.calls.iter().rposition(|call| is_one(&call.function)).unwrap_or(0);
    if call + 1 == frame.calls.len() {
        frame.fold_from(0);
    } else {
        frame.calls[..=call].iter_mut().for_each(|call| call.folded = true);
    }
}

fn fold(frames: &mut [Frame], frame: usize, call: usize) {
    if (frame, call) == (0, 0) {
        return;
    }
    frames[frame].fold_from(call);
    for frame in &mut frames[frame + 1..] {
        frame.fold_from(0);
    }
}

/// Index of the frame, index of the call in it, and the function, of each line that text would show.
fn lines(frames: &[Frame]) -> Vec<(usize, usize, Option<&str>)> {
    let mut lines = Vec::new();
    for (at, frame) in frames.iter().enumerate() {
        lines.extend(frame.lines().enumerate().map(|(call, line)| (at, call, line.function())));
    }
    lines
}

fn is_start(function: &str) -> bool {
    let name = function.split('@').next().unwrap_or(function);
    STARTS.contains(&name) || name.starts_with("__libc_start_main")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Call;

    const STD: &str = "std::sys::backtrace::__rust_begin_short_backtrace";

    /// Frames of these calls, innermost first, and which of their lines are folded.
    #[track_caller]
    fn check(frames: &[&[&str]], expected: &[bool]) {
        let frame = |calls: &&[&str]| Frame {
            calls: calls.iter().map(|call| Call::of(*call)).collect(),
            ..Frame::default()
        };
        let mut frames: Vec<Frame> = frames.iter().map(frame).collect();
        fold_start(&mut frames);
        let folded: Vec<bool> = frames.iter().flat_map(Frame::lines).map(|line| line.folded).collect();
        assert_eq!(folded, expected);
    }

    #[test]
    fn the_start_by_std_is_folded_with_all_around_it() {
        check(&[&["shop::serve"], &[STD], &["start_thread"], &["clone3"]], &[false, true, true, true]);
    }

    #[test]
    fn what_the_compiler_put_into_the_start_is_the_applications() {
        check(&[&["syscall"], &["shop::serve", STD], &["clone3"]], &[false, false, true, true]);
    }

    #[test]
    fn a_thread_that_std_did_not_start_begins_with_the_c_librarys_functions() {
        check(&[&["main"], &["__libc_start_main@@GLIBC_2.34"], &["_start"]], &[false, true, true]);
        check(&[&["clone3"], &["shop::serve"], &[]], &[false, false, false]);
    }

    #[test]
    fn a_frame_that_rests_on_a_guess_is_shown() {
        let mut frames = ["shop::serve", STD, "start_thread", "clone3"].map(Frame::of);
        frames[2].unverified = true;
        fold_start(&mut frames);
        assert_eq!(frames.map(|frame| frame.folded), [false, true, false, true]);
    }

    #[test]
    fn a_stack_that_is_nothing_but_a_start_is_shown() {
        check(&[&["start_thread"], &["clone3"]], &[false, false]);
        check(&[&[STD], &["clone3"]], &[false, false]);
        check(&[], &[]);
    }
}
