//! The calling thread's own stack by the `backtrace` crate, that is by the system's own unwinder: where ours
//! cannot work. That one may wait for the dynamic loader's lock, and does not say whether it reached the
//! thread's start.

use super::{CodeAddress, Frame, Incomplete, Method, Quality, Stack, Symbol};

/// As many as unwinding of our own follows.
const MAX_FRAMES: usize = 1024;

pub(super) fn stack(symbols: bool) -> Stack {
    let mut frames = Vec::new();
    backtrace::trace(|frame| {
        let mut found = Vec::new();
        if symbols {
            backtrace::resolve_frame(frame, |symbol| {
                found.push(Symbol {
                    // Without the hash that the compiler appends.
                    function: symbol.name().map(|name| format!("{name:#}")).unwrap_or_default(),
                    file: symbol.filename().map(Into::into),
                    line: symbol.lineno(),
                    column: symbol.colno(),
                });
            });
        }
        let address = frame.ip() as usize as u64;
        let address =
            if frames.is_empty() { CodeAddress::Instruction(address) } else { CodeAddress::Return(address) };
        frames.push(Frame { symbols: found.into(), ..Frame::new(address) });
        frames.len() < MAX_FRAMES
    });
    let quality = Quality::Incomplete(Incomplete::SystemUnwinder);
    Stack::Captured { frames: frames.into(), method: Method::Own, quality }
}
