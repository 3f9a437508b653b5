//! Where a plugin stood when it was stopped, as frames of the report.

use wasmtime::{FrameInfo, WasmBacktrace};

use crate::report::{Call, Frame};

/// The frames, innermost first; where debug information is there, with inlined calls.
pub fn frames(backtrace: &WasmBacktrace) -> Vec<Frame> {
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
