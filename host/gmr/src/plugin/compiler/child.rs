//! The application's side of a compiler in a child: what it is given, what it answers, and what its end says.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use gmr_inspect::child_program::{Ended, Limits, Program, run};
use gmr_report::words::{bytes, duration};

use super::asked::{NAME, PEAK, REFUSED, UNFIT};
use super::{Compiled, CompilerConfig};
use crate::plugin::sandbox::compiled::{self, CompiledCode};
use crate::plugin::sandbox::engine;

/// Why a child has not compiled.
pub(super) enum Failure {
    /// There is no compiler, or it cannot be started.
    NotStarted(String),
    /// It has refused the file, exceeded a limit, or been killed: tried again at each report, it would be again.
    Refused(String),
    /// It was to be stopped.
    Postponed(String),
}

/// Once it has had so long at the priority of any process, which is enough for a small plugin on a busy machine, the compiler
/// gives way.
const NORMAL_PRIORITY: Duration = Duration::from_secs(10);

/// Among six busy processes a processor still gives it a twentieth.
const NICENESS: i32 = 5;

/// How much longer than its processor time it may take on the wall: on a machine that gives it a twentieth, and a little more.
const PATIENCE: u32 = 30;

/// What is read of its words.
const MOST_WORDS: u64 = 4096;

pub(super) fn compile(
    config: &CompilerConfig,
    component: &[u8],
    is_stopped: impl Fn() -> bool,
) -> Result<Compiled, Failure> {
    let not_started = |error: io::Error| Failure::NotStarted(format!("a child cannot be started: {error}"));
    let executable = executable(config.program.as_deref()).map_err(Failure::NotStarted)?;
    let input = given(component).map_err(not_started)?;
    let (output, mut errors) =
        compiled::memory().and_then(|output| Ok((output, compiled::memory()?))).map_err(not_started)?;
    let mut limits = Limits::new(config.memory_bytes, config.time);
    limits.file_bytes = compiled::MOST_BYTES;
    limits.time = config.time.saturating_mul(PATIENCE);
    (limits.normal_priority, limits.niceness) = (NORMAL_PRIORITY, NICENESS);
    let copy = |file: &File| file.as_fd().try_clone_to_owned();
    let written = copy(&output).and_then(|output| Ok((output, copy(&errors)?))).map_err(not_started)?;
    let mut program = Program::new(executable.into(), NAME.into(), input.into(), written.0, written.1);
    program.arguments.push(CString::new(engine::key()).unwrap_or_default());
    let ended = run(program, limits, is_stopped).map_err(not_started)?;
    let words = words(&mut errors);
    match ended {
        Ended::Exited(0) => {
            let code = CompiledCode::seal(output).map_err(not_started)?;
            let peak_bytes =
                words.lines().find_map(|line| line.strip_prefix(PEAK)).and_then(|peak| peak.parse().ok());
            code.map(|code| Compiled { code, peak_bytes }).ok_or_else(|| {
                let answer = "it ends without an answer, as a program would that does not compile";
                Failure::NotStarted(format!("{}: {answer}", name(config)))
            })
        }
        ended => Err(failure(config, ended, &words)),
    }
}

/// What a compiler's end says that has not succeeded.
fn failure(config: &CompilerConfig, ended: Ended, words: &str) -> Failure {
    let line = words.lines().next().unwrap_or_default();
    let memory = || {
        let most = bytes(config.memory_bytes);
        Failure::Refused(format!(
            "the compiler needed more than {most} of memory, its limit `compile_memory`"
        ))
    };
    match ended {
        _ if words.contains("memory allocation of") || words.contains("Cannot allocate memory") => memory(),
        Ended::Exited(REFUSED) => Failure::Refused(line.to_owned()),
        Ended::Exited(UNFIT) => Failure::NotStarted(format!("{}: {line}", name(config))),
        Ended::Signal(libc_signal::XCPU) => {
            let most = duration(config.time);
            Failure::Refused(format!(
                "the compiler needed more than {most} of processor time, its limit `compile_time`"
            ))
        }
        Ended::Signal(libc_signal::XFSZ) => {
            let most = bytes(compiled::MOST_BYTES);
            Failure::Refused(format!("its compiled code has more than {most}"))
        }
        Ended::Signal(libc_signal::KILL) => Failure::Refused(
            "the compiler was killed, perhaps for want of memory: touch the file to try again".to_owned(),
        ),
        Ended::TimedOut => {
            let most = duration(config.time.saturating_mul(PATIENCE));
            Failure::Refused(format!("the compiler did not end within {most}: touch the file to try again"))
        }
        Ended::Stopped => Failure::Postponed("the compiler was stopped".to_owned()),
        ended => Failure::Refused(format!("the compiler failed on it ({ended:?}): {line}")),
    }
}

/// Signals that tell which limit was exceeded, by the numbers that Linux has on the processors of this library.
mod libc_signal {
    pub const KILL: i32 = rustix::process::Signal::KILL.as_raw();
    pub const XCPU: i32 = rustix::process::Signal::XCPU.as_raw();
    pub const XFSZ: i32 = rustix::process::Signal::XFSZ.as_raw();
}

fn name(config: &CompilerConfig) -> String {
    config.program.as_ref().map_or_else(|| "this executable".to_owned(), |path| path.display().to_string())
}

/// Memory to be read from its beginning.
fn given(bytes: &[u8]) -> io::Result<File> {
    let mut file = compiled::memory()?;
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file)
}

fn words(errors: &mut File) -> String {
    let mut words = Vec::new();
    let _ = errors.rewind().and_then(|()| errors.take(MOST_WORDS).read_to_end(&mut words));
    String::from_utf8_lossy(&words).into_owned()
}

/// The program that compiles: this executable, also where another file has its name by now, or a command that only root or
/// this process's user can have written.
fn executable(program: Option<&Path>) -> Result<File, String> {
    const WRITABLE_BY_OTHERS: u32 = 0o022;

    let Some(path) = program else {
        return File::open("/proc/self/exe")
            .map_err(|error| format!("this executable cannot be read: {error}"));
    };
    let refused = |reason: &str| format!("the compiler {} is not run: {reason}", path.display());
    let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC | rustix::fs::OFlags::NONBLOCK;
    let file = rustix::fs::open(path, flags, rustix::fs::Mode::empty());
    let file = File::from(file.map_err(|error| refused(&error.to_string()))?);
    let metadata = file.metadata().map_err(|error| refused(&error.to_string()))?;
    if !metadata.is_file() {
        return Err(refused("it is no file"));
    }
    if ![0, rustix::process::geteuid().as_raw()].contains(&metadata.uid()) {
        return Err(refused("its owner is neither root nor this process's user"));
    }
    if metadata.mode() & WRITABLE_BY_OTHERS != 0 {
        return Err(refused("others than its owner may write it"));
    }
    Ok(file)
}
