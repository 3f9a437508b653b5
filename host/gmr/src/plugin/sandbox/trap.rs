//! Where a plugin stood when it was stopped, as frames of the report.

use wasmtime::{FrameInfo, WasmBacktrace};

use crate::report::Frame;

/// The frames, innermost first; where debug information is there, inlined ones too.
pub fn frames(backtrace: &WasmBacktrace) -> Vec<Frame> {
    backtrace.frames().iter().flat_map(frame).collect()
}

fn frame(info: &FrameInfo) -> Vec<Frame> {
    let outermost = info.symbols().len().saturating_sub(1);
    let symbols = info.symbols().iter().enumerate().map(|(index, symbol)| Frame {
        function: symbol.name().or(info.func_name()).map(demangled),
        file: symbol.file().map(str::to_owned),
        line: symbol.line(),
        column: symbol.column(),
        inlined: index < outermost,
        ..place(info)
    });
    let symbols: Vec<Frame> = symbols.collect();
    match symbols.is_empty() {
        true => vec![place(info)],
        false => symbols,
    }
}

/// What is known without debug information: the function's name or number, and the offset in the file.
fn place(info: &FrameInfo) -> Frame {
    let function = info.func_name().map_or_else(|| format!("wasm function {}", info.func_index()), demangled);
    Frame {
        module: info.module().name().map(str::to_owned),
        offset: info.module_offset().map(|offset| offset as u64),
        ..Frame::of(function)
    }
}

fn demangled(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}
