//! Traps and other ends of a plugin's call: the reason in words for its author, and the frames where it stood.

use std::time::Instant;

use gmr_report::words::{bytes, counted};
use gmr_report::{Call, Frame, Trace};
use wasmtime::{FrameInfo, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use super::deadline;
use super::explanation::{self, Explanation, Frames};
use super::store::State;
use crate::plugin::Limits;
use crate::plugin::interface::output_limits;

/// A call that did not return.
#[derive(Debug, Default)]
pub struct Broken {
    /// The limit that was exceeded, or the trap.
    pub reason: String,
    /// Where it stood, innermost first.
    pub frames: Vec<Frame>,
}

impl Broken {
    /// A call that an error of the engine ended.
    pub fn by(error: &wasmtime::Error, state: &State, began: Instant) -> Broken {
        let frames = error.downcast_ref::<WasmBacktrace>().map(frames).unwrap_or_default();
        Broken { reason: reason(error, state, began), frames }
    }

    /// The reason, with the explanation that its language wrote, if it gave up by itself.
    pub fn explained(&self, explanation: Option<&Explanation>) -> String {
        match (&self.reason, explanation) {
            (reason, None) => reason.clone(),
            (reason, Some(Explanation { line, .. })) if reason == GAVE_UP => format!("it trapped: {line}"),
            (reason, Some(Explanation { line, .. })) if reason.starts_with(EXITED) => {
                format!("{reason}: {line}")
            }
            (reason, Some(_)) => reason.clone(),
        }
    }

    /// The reason, where it stood, and what the plugin wrote of it, or last.
    pub fn in_a_line(&self, diagnostics: &str) -> String {
        let explanation = explanation::explanation(diagnostics);
        let reason = self.explained(explanation.as_ref());
        if reason != self.reason {
            return reason;
        }
        let call = self.frames.first().and_then(|frame| frame.calls.first());
        let place = call.map(|call| format!(", in {}", call.function)).unwrap_or_default();
        let said = diagnostics.lines().last().map(|line| format!("; it wrote: {line}")).unwrap_or_default();
        format!("{reason}{place}{said}")
    }

    /// A call whose deadline passed while it waited in WASI: there is no instruction that it stood at.
    pub fn while_waiting(state: &State, began: Instant) -> Broken {
        let passed = deadline_passed(state, began);
        Broken {
            reason: format!("{passed} while it waited in WASI, for a sleep or a poll"),
            frames: Vec::new(),
        }
    }
}

/// What a panic, an `abort` or an assertion is to the engine.
const GAVE_UP: &str = "it trapped: it panicked or aborted";

const EXITED: &str = "it exited with status ";

fn deadline_passed(state: &State, began: Instant) -> String {
    deadline::passed(state.limiter.limits().deadline, began, state.deadline)
}

fn reason(error: &wasmtime::Error, state: &State, began: Instant) -> String {
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return format!("{EXITED}{} instead of returning", exit.0);
    }
    match (error.downcast_ref::<Trap>(), state.limiter.refused()) {
        (Some(Trap::Interrupt), _) => deadline_passed(state, began),
        (Some(Trap::StackOverflow), _) => {
            let stack = bytes(state.limiter.limits().wasm_stack_bytes);
            format!("its calls are nested too deeply: its stack of {stack} is used up")
        }
        (_, Some(refused)) => refused.to_owned(),
        (Some(Trap::UnreachableCodeReached), None) => GAVE_UP.to_owned(),
        (Some(trap), None) => format!("it trapped: {trap}"),
        (None, None) => other(error, state.limiter.limits()),
    }
}

/// Wasmtime has no type for these; its words are in the last cause.
fn other(error: &wasmtime::Error, limits: &Limits) -> String {
    let cause = error.root_cause().to_string();
    if cause.contains("fuel allocated for hostcalls") {
        let (text, blocks, items) = (bytes(limits.output_bytes), limits.blocks, limits.items);
        return format!(
            "it handed over far more than it may: {text} of text, {blocks} blocks, {items} items"
        );
    }
    match cause.strip_prefix("resource limit exceeded: ").and_then(|rest| rest.split(' ').next()) {
        Some("instance") => format!("it has more than its {} core instances", limits.instances),
        Some("memory") => format!("it has more than its {} memories", limits.memories),
        Some("table") => format!("it has more than its {} tables", limits.tables),
        Some(_) => format!("it has more parts than it may: {cause}"),
        None => cause,
    }
}

/// The frames, innermost first; where debug information is there and read, with inlined calls.
fn frames(backtrace: &WasmBacktrace) -> Vec<Frame> {
    backtrace.frames().iter().map(frame).collect()
}

fn frame(info: &FrameInfo) -> Frame {
    let mut frame = Frame::default();
    frame.module = info.module().name().map(str::to_owned);
    frame.offset = info.module_offset().map(|offset| offset as u64);
    frame.calls = info
        .symbols()
        .iter()
        .filter_map(|symbol| {
            let mut call = Call::of(plain(symbol.name().or(info.func_name())?));
            call.file = symbol.file().map(str::to_owned);
            (call.line, call.column) = (symbol.line(), symbol.column());
            Some(call)
        })
        .collect();
    // Without debug information the function's name or number is known.
    if frame.calls.is_empty() {
        let number = || format!("wasm function {}", info.func_index());
        frame.calls.push(Call::of(info.func_name().map_or_else(number, plain)));
    }
    frame.module.iter_mut().for_each(shorten);
    for call in &mut frame.calls {
        shorten(&mut call.function);
        call.file.iter_mut().for_each(shorten);
    }
    frame
}

/// What stands in a file as a name may be of any length; functions of Rust with all their generics have some hundred bytes.
fn shorten(name: &mut String) {
    const NAME_BYTES: u64 = 1000;
    *name = output_limits::cut(std::mem::take(name), NAME_BYTES);
}

/// Demangled, and of a function that the interface has, its name there: `render` for `gmr:plugin/section@0.1.0#render`.
fn plain(name: &str) -> String {
    match name.strip_prefix("gmr:plugin/").and_then(|name| name.split_once('#')) {
        Some((_, function)) => function.to_owned(),
        None => format!("{:#}", rustc_demangle::demangle(name)),
    }
}

/// The frames of a trap as a trace, without those that its author does not need: how a panic ends, and an interpreter. How
/// many these are is told.
pub fn stood_at(mut frames: Vec<Frame>, explanation: Option<&Explanation>) -> Option<Trace> {
    if frames.is_empty() {
        return None;
    }
    let mut trace = Trace::stack("where it stood");
    let all = frames.len();
    let whose = match explanation.map(|explanation| explanation.frames) {
        Some(Frames::Interpreter) => {
            frames.clear();
            "the interpreter"
        }
        Some(Frames::Plugin) | None => {
            let is_end = |frame: &Frame| frame.calls.iter().any(|call| ends(&call.function));
            // What is nothing but that is all there is to see.
            if let Some(last) = frames.iter().rposition(is_end).filter(|last| last + 1 < all) {
                frames.drain(..=last);
            }
            "its panic"
        }
    };
    let omitted = all - frames.len();
    if omitted > 0 {
        trace.summary.push(format!("{} of {whose} left out", counted(omitted as u64, "frame")));
    }
    trace.frames = frames;
    Some(trace)
}

/// Whether a function is one of those by which Rust, C and their like give up.
fn ends(function: &str) -> bool {
    let rust = [
        "core::panicking::",
        "std::panicking::",
        "core::option::unwrap_failed",
        "core::option::expect_failed",
        "core::result::unwrap_failed",
        "__rustc::rust_begin_unwind",
        "alloc::raw_vec::handle_error",
        "alloc::alloc::handle_alloc_error",
        "core::slice::index::slice_",
        "core::str::slice_error_fail",
    ];
    matches!(function, "abort" | "__assert_fail")
        || rust.iter().any(|beginning| function.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explanation(frames: Frames) -> Explanation {
        Explanation { line: "panicked at src/lib.rs:1:1: no".to_owned(), frames }
    }

    /// The functions that are shown, and what is told of the others.
    #[track_caller]
    fn check(functions: &[&str], explanation: Option<&Explanation>, shown: &[&str], told: &[&str]) {
        let trace = stood_at(functions.iter().map(|function| Frame::of(*function)).collect(), explanation);
        let trace = trace.unwrap();
        let functions: Vec<&str> =
            trace.frames.iter().map(|frame| frame.calls[0].function.as_str()).collect();
        assert_eq!(
            (functions, trace.summary),
            (shown.to_vec(), told.iter().map(|told| (*told).to_owned()).collect())
        );
    }

    #[test]
    fn the_first_frame_is_the_authors() {
        let panic = [
            "abort",
            "std::panicking::panic_with_hook",
            "core::panicking::panic_fmt",
            "pool::sizes",
            "render",
        ];
        let plugin = explanation(Frames::Plugin);
        check(&panic, Some(&plugin), &["pool::sizes", "render"], &["3 frames of its panic left out"]);
        check(&panic, None, &["pool::sizes", "render"], &["3 frames of its panic left out"]);
        check(&["abort", "render"], None, &["render"], &["1 frame of its panic left out"]);
        check(&["pool::sizes", "render"], None, &["pool::sizes", "render"], &[]);
        check(&["abort"], None, &["abort"], &[]);
        let interpreter = explanation(Frames::Interpreter);
        check(&panic, Some(&interpreter), &[], &["5 frames of the interpreter left out"]);
        assert_eq!(stood_at(Vec::new(), None), None);
    }

    #[test]
    fn only_what_gave_up_is_explained_by_what_was_written() {
        let told = |reason: &str| {
            let broken = Broken { reason: reason.to_owned(), frames: Vec::new() };
            broken.explained(Some(&explanation(Frames::Plugin)))
        };
        assert_eq!(told(GAVE_UP), "it trapped: panicked at src/lib.rs:1:1: no");
        let exited = "it exited with status 1 instead of returning: panicked at src/lib.rs:1:1: no";
        assert_eq!(told("it exited with status 1 instead of returning"), exited);
        assert_eq!(told("its deadline of 50 ms passed"), "its deadline of 50 ms passed");
    }

    #[test]
    fn a_function_of_the_interface_has_its_name_there() {
        assert_eq!(plain("gmr:plugin/section@0.1.0#render"), "render");
        assert_eq!(plain("_ZN4pool5sizes17h0123456789abcdefE"), "pool::sizes");
    }
}
