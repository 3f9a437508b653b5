//! The one WebAssembly engine of the process, as a guest in it: no signal handlers, no gigabytes of reserved
//! address space, no threads, nothing registered with the unwinder.

use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Config, Engine, Result, WasmBacktraceDetails};

use super::bindings::Plugin;
use super::state::State;

/// WebAssembly stack. Twice wasmtime's default: Python's interpreter recurses in it.
pub(super) const WASM_STACK_BYTES: usize = 1 << 20;

/// The stack a call runs on: WebAssembly's and as much for the host functions that it calls.
const CALL_STACK_BYTES: usize = 2 * WASM_STACK_BYTES;

/// How much address space a growing memory takes beyond its size, so that not every growth moves it.
const GROWTH_BYTES: u64 = 1 << 20;

/// The engine's settings. A change here changes the key under which compiled plugins are kept.
pub(super) fn engine() -> Result<Engine> {
    let mut config = Config::new();
    config
        // An application may have handlers of its own for SIGSEGV, SIGILL, SIGFPE and SIGBUS.
        .signals_based_traps(false)
        // With explicit bounds checks reserved gigabytes bring nothing, and `RLIMIT_AS` would refuse them.
        .memory_reservation(0)
        .memory_reservation_for_growth(GROWTH_BYTES)
        .memory_guard_size(0)
        .guard_before_linear_memory(false)
        .memory_may_move(true)
        // Loops are cut by counting epochs, which the run of a plugin advances.
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK_BYTES)
        .async_stack_size(CALL_STACK_BYTES)
        // Frames with file and line where the plugin carries debug information. The default asks the environment.
        .wasm_backtrace_details(WasmBacktraceDetails::Enable)
        // Frames registered with the unwinder would slow every unwinding in the process, and it would have to take
        // a lock with us. Backtraces of plugins do not need them, and panics do not cross compiled code.
        .native_unwind_info(false);
    Engine::new(&config)
}

/// Everything a plugin may import: our interfaces and WASI 0.2.
pub(super) fn linker(engine: &Engine) -> Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    Plugin::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
    Ok(linker)
}
