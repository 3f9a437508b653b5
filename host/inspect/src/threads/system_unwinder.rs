//! The calling thread's own stack by the system's own unwinder, through the `backtrace` crate: where ours cannot work. It
//! does not say whether it reached the thread's start.
//!
//! On Linux it gives addresses alone. Names by that crate would wait for its one lock, which a thread that is stuck may
//! hold, and for the dynamic loader's. The unwinder itself takes none of the loader's with glibc 2.35 and newer.

use super::CodeAddress;
#[cfg(not(stacks))]
use super::{Frame, Incomplete, Method, Quality, Stack, Symbol};

/// As many as unwinding of our own follows.
const MAX_FRAMES: usize = 1024;

/// The addresses of the calls, innermost first.
#[cfg(stacks)]
pub(super) fn addresses() -> Vec<CodeAddress> {
    let mut addresses = Vec::new();
    backtrace::trace(|frame| {
        addresses.push(address(frame, addresses.is_empty()));
        addresses.len() < MAX_FRAMES
    });
    addresses
}

fn address(frame: &backtrace::Frame, is_innermost: bool) -> CodeAddress {
    let address = frame.ip() as usize as u64;
    if is_innermost { CodeAddress::Instruction(address) } else { CodeAddress::Return(address) }
}

#[cfg(not(stacks))]
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
        let address = address(frame, frames.is_empty());
        frames.push(Frame { symbols: found.into(), ..Frame::new(address) });
        frames.len() < MAX_FRAMES
    });
    let quality = Quality::Incomplete(Incomplete::SystemUnwinder);
    Stack::Captured { frames: frames.into(), method: Method::Own, quality }
}
