//! From captured frames to a report's: inlined calls become lines of their own.

use gmr_inspect::threads as seen;

use crate::report::{Frame, fold_start};

/// A report's frames of a captured stack.
///
/// The reporter's own stack stands there because of the report: all of it is folded.
pub(crate) fn frames(captured: &[seen::Frame], method: seen::Method) -> Vec<Frame> {
    let mut frames: Vec<Frame> =
        captured.iter().enumerate().flat_map(|(depth, frame)| lines(depth, frame)).collect();
    match method {
        seen::Method::Own => frames.iter_mut().for_each(|frame| frame.folded = true),
        _ => fold_start(&mut frames),
    }
    frames
}

fn lines(depth: usize, frame: &seen::Frame) -> Vec<Frame> {
    let mut bare = Frame {
        function: None,
        address: Some(frame.address.value()),
        module: frame.module.as_ref().map(|module| module.path.display().to_string()),
        offset: frame.offset,
        interrupted: depth > 0 && frame.address.is_instruction(),
        unverified: !frame.verified,
        ..Frame::of("")
    };
    let Some(outermost) = frame.symbols.len().checked_sub(1) else { return vec![bare] };
    let line = |(at, symbol): (usize, &seen::Symbol)| {
        bare.function = Some(symbol.function.clone());
        bare.file = symbol.file.as_ref().map(|file| file.display().to_string());
        bare.line = symbol.line;
        bare.column = symbol.column;
        bare.inlined = at < outermost;
        bare.clone()
    };
    frame.symbols.iter().enumerate().map(line).collect()
}
