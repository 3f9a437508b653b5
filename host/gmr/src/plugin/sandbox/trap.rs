//! Traps and other ends of a plugin's call: the reason in words for its author, and the frames where it stood.

use std::time::Instant;

use gmr_report::words::bytes;
use gmr_report::{Call, Frame};
use wasmtime::{FrameInfo, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use super::deadline;
use super::store::State;
use crate::plugin::Limits;

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

    /// The reason, where it stood, and the last line that the plugin wrote to its standard error.
    pub fn in_a_line(&self, diagnostics: &str) -> String {
        let call = self.frames.first().and_then(|frame| frame.calls.first());
        let place = call.map(|call| format!(", in {}", call.function)).unwrap_or_default();
        let said = diagnostics.lines().last().map(|line| format!("; it wrote: {line}")).unwrap_or_default();
        format!("{}{place}{said}", self.reason)
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

fn deadline_passed(state: &State, began: Instant) -> String {
    deadline::passed(state.limiter.limits().deadline, began, state.deadline)
}

fn reason(error: &wasmtime::Error, state: &State, began: Instant) -> String {
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return format!("it exited with status {} instead of returning", exit.0);
    }
    match (error.downcast_ref::<Trap>(), state.limiter.refused()) {
        (Some(Trap::Interrupt), _) => deadline_passed(state, began),
        (Some(Trap::StackOverflow), _) => {
            let stack = bytes(state.limiter.limits().wasm_stack_bytes);
            format!("its calls are nested too deeply: its stack of {stack} is used up")
        }
        (_, Some(refused)) => refused.to_owned(),
        (Some(Trap::UnreachableCodeReached), None) => "it trapped: it panicked or aborted".to_owned(),
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

/// The frames, innermost first; where debug information is there, with inlined calls.
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
            let mut call = Call::of(symbol.name().or(info.func_name()).map(demangled)?);
            call.file = symbol.file().map(str::to_owned);
            (call.line, call.column) = (symbol.line(), symbol.column());
            Some(call)
        })
        .collect();
    // Without debug information the function's name or number is known.
    if frame.calls.is_empty() {
        let number = || format!("wasm function {}", info.func_index());
        frame.calls.push(Call::of(info.func_name().map_or_else(number, demangled)));
    }
    frame
}

fn demangled(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}
