//! The child's side: this executable, run by itself or by another as a compiler.

use std::ffi::{CStr, OsStr};
use std::io::{Read as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::plugin::sandbox::{compiled, engine};

/// By this name of its own a process knows that it is to compile.
pub(super) const NAME: &CStr = c"gmr-plugin-compiler";

/// The file is refused; why, stands on standard error.
pub(super) const REFUSED: i32 = 70;

/// The compiler's code would not fit the program that asked; why, stands on standard error.
pub(super) const UNFIT: i32 = 71;

/// Before the number of bytes that were in use at once, on standard error.
pub(super) const PEAK: &str = "peak ";

/// Compiling recurses over what the plugin's author has nested; pages that are not touched cost nothing.
const STACK_BYTES: usize = 8 << 20;

static IS_COMPILER: AtomicBool = AtomicBool::new(false);

/// Whether this process could be run as a compiler: its executable has called [`compile_if_asked`].
pub(crate) fn is_compiler() -> bool {
    IS_COMPILER.load(Ordering::Relaxed)
}

/// Compiles a plugin and ends the process, if it was started for that. Else it returns at once, and plugins are compiled in a
/// child process that runs this executable: under limits of memory and time, and without leaving anything behind in this
/// one. The settings `compile`, `compile_memory` and `compile_time` say more.
///
/// Call it first of all in `main`: whatever stands before it, each compilation does as well.
///
/// ```
/// // In `main`:
/// gmr::plugin::compile_if_asked();
/// // ... what the program does ...
/// ```
pub fn compile_if_asked() {
    let mut arguments = std::env::args_os();
    if arguments.next().as_deref() != Some(OsStr::new(NAME.to_str().unwrap_or_default())) {
        IS_COMPILER.store(cfg!(feature = "compiler"), Ordering::Relaxed);
        return;
    }
    let key = arguments.next().unwrap_or_default();
    let compiling = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(move || serve(&key));
    let served = compiling.map_err(|error| (UNFIT, format!("no thread could be started: {error}")));
    let status = match served.map(std::thread::JoinHandle::join) {
        Ok(Ok(Ok(()))) => 0,
        Ok(Ok(Err((status, reason)))) | Err((status, reason)) => {
            let _ = writeln!(std::io::stderr(), "{reason}");
            status
        }
        // Its message stands there already.
        Ok(Err(_)) => 101,
    };
    std::process::exit(status);
}

/// Reads a component from standard input and writes its compiled code to standard output.
fn serve(key: &OsStr) -> Result<(), (i32, String)> {
    let io = |error: std::io::Error| (UNFIT, error.to_string());
    if key != OsStr::new(engine::key()) {
        let (own, key) = (engine::key(), key.to_string_lossy());
        return Err((UNFIT, format!("it is another version's: {own}; this program is of {key}")));
    }
    // When memory runs out, it should be this process that is ended for it. Refused, it is as any other.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes).map_err(io)?;
    let code = compile(bytes)?;
    let mut output = std::io::stdout().lock();
    compiled::write(&mut output, &code).and_then(|()| output.flush()).map_err(io)?;
    if let Some(peak) = peak_bytes() {
        let _ = writeln!(std::io::stderr(), "{PEAK}{peak}");
    }
    Ok(())
}

#[cfg(feature = "compiler")]
fn compile(bytes: Vec<u8>) -> Result<Vec<u8>, (i32, String)> {
    let stack = crate::plugin::Limits::default().wasm_stack_bytes;
    let engine = engine::engine(stack).map_err(|error| (UNFIT, format!("no engine: {error:#}")))?;
    crate::plugin::sandbox::component::compile(&engine, &bytes).map_err(|reason| (REFUSED, reason))
}

#[cfg(not(feature = "compiler"))]
fn compile(_: Vec<u8>) -> Result<Vec<u8>, (i32, String)> {
    Err((UNFIT, "it was built without gmr's feature `compiler`".to_owned()))
}

fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix(" kB")?;
    Some(kib.parse::<u64>().ok()? << 10)
}
