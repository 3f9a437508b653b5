//! The WebAssembly engine, as a guest in the process: no signal handlers, no gigabytes of reserved address space, no
//! threads, nothing registered with the unwinder.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use gmr_report::words::bytes;
use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Config, Engine, Result, WasmBacktraceDetails};

use super::compiled::FORMAT;
use super::store::State;
use crate::plugin::interface::bindings::Plugin;
use crate::plugin::interface::wasi_files;
use crate::plugin::{Limits, PluginConfig};

/// What the host functions that a plugin calls may take of the stack that the call runs on, beyond WebAssembly's part.
/// Pages that are not touched cost nothing.
const HOST_STACK_BYTES: usize = 1 << 20;

/// How much address space a growing memory takes beyond its size, so that not every growth moves it.
const GROWTH_BYTES: u64 = 1 << 20;

/// Of everything that compiled code depends on, in words: the same for an engine with a compiler and for one without. Other
/// settings come with another version, and whatever this does not know, as what the processor can, wasmtime asks itself
/// when it loads code.
pub fn key() -> &'static str {
    static KEY: LazyLock<String> = LazyLock::new(|| {
        let format = String::from_utf8_lossy(FORMAT);
        let (own, engine) = (env!("CARGO_PKG_VERSION"), wasmtime_environ::VERSION);
        let (processor, system) = (std::env::consts::ARCH, std::env::consts::OS);
        format!(
            "{}, gmr {own}, wasmtime {engine}, {processor} {system}",
            format.trim_end_matches(['\0', '\n'])
        )
    });
    &KEY
}

/// The engine of plugins that have so much WebAssembly stack. Compiled code does not depend on it, so that what one engine
/// has compiled serves the others; a change of any other setting changes the key under which compiled plugins are kept.
pub fn engine(wasm_stack_bytes: u64) -> Result<Engine> {
    if !Limits::WASM_STACK_BYTES.contains(&wasm_stack_bytes) {
        wasmtime::bail!("a WebAssembly stack must be 64 KiB to 64 MiB, not {}", bytes(wasm_stack_bytes));
    }
    let wasm_stack_bytes = usize::try_from(wasm_stack_bytes)?;
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
        .max_wasm_stack(wasm_stack_bytes)
        .async_stack_size(wasm_stack_bytes + HOST_STACK_BYTES)
        // A trap tells the functions' names. For files and lines wasmtime would read all of a plugin's debug information
        // at its first trap, outside of every limit, and there is no bound to what some bytes of that make of the others: a
        // million empty units of 12 bytes took 1.2 GB. The default asks the environment.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        // Frames registered with the unwinder would slow every unwinding in the process, and it would have to take
        // a lock with us. Backtraces of plugins do not need them, and panics do not cross compiled code.
        .native_unwind_info(false);
    Engine::new(&config)
}

/// Everything a plugin may import: our interfaces and WASI 0.2.
pub fn linker(engine: &Engine) -> Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasi_files::add_to_linker(&mut linker)?;
    Plugin::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
    Ok(linker)
}

/// An engine and everything a plugin may import.
pub struct Sandbox {
    pub engine: Engine,
    pub linker: Linker<State>,
}

impl Sandbox {
    /// # Errors
    ///
    /// If this processor has no compiler in the engine, or the stack's size is out of its range.
    pub fn new(limits: &Limits) -> Result<Sandbox> {
        let engine = engine(limits.wasm_stack_bytes)?;
        let linker = linker(&engine)?;
        Ok(Sandbox { engine, linker })
    }
}

/// A sandbox for each size of WebAssembly stack, which is a setting of the engine.
pub struct Sandboxes {
    usual: Sandbox,
    others: BTreeMap<u64, Sandbox>,
}

impl Sandboxes {
    /// # Errors
    ///
    /// As [`Sandbox::new`].
    pub fn new<'a>(plugins: impl Iterator<Item = &'a PluginConfig>) -> Result<Sandboxes> {
        let usual = Limits::default();
        let mut others = BTreeMap::new();
        for PluginConfig { limits, .. } in plugins {
            let stack = limits.wasm_stack_bytes;
            if stack != usual.wasm_stack_bytes && !others.contains_key(&stack) {
                others.insert(stack, Sandbox::new(limits)?);
            }
        }
        Ok(Sandboxes { usual: Sandbox::new(&usual)?, others })
    }

    /// The sandbox of a plugin that has these limits; they must be among those that this was made for.
    pub fn of(&self, limits: &Limits) -> &Sandbox {
        self.others.get(&limits.wasm_stack_bytes).unwrap_or(&self.usual)
    }

    pub fn engines(&self) -> Vec<Engine> {
        let sandboxes = std::iter::once(&self.usual).chain(self.others.values());
        sandboxes.map(|sandbox| sandbox.engine.clone()).collect()
    }
}
