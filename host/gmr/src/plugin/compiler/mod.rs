//! The compiler of plugins: where it runs and what it may take.
//!
//! A compiler takes hundreds of megabytes and many seconds, by what a file has in it and not by its size; wasmtime's can
//! neither be interrupted nor held to a limit of memory. So it runs in a [child](child) where that is possible: a process of its
//! own, under limits of the kernel's, that leaves nothing behind. What a file may consist of is
//! [looked at](super::sandbox::walk) before, wherever it is compiled.

mod asked;
#[cfg_attr(not(target_os = "linux"), path = "no_child.rs")]
mod child;

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use gmr_inspect::process::MemoryDemand;
use wasmtime::Engine;

use super::sandbox::compiled::CompiledCode;
#[cfg(feature = "compiler")]
use super::sandbox::component;
use super::sandbox::component::Compilable;
pub use asked::compile_if_asked;
pub(crate) use asked::is_compiler;

/// Where plugins are compiled: the setting `compile`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compile {
    /// In a child where there is a program for it and the process may start one, else in this process.
    #[default]
    Auto,
    /// In a child; what cannot be compiled there is not compiled.
    Child,
    /// In this process.
    Process,
    /// Nowhere: only what is in the cache runs. `gmr plugin compile` puts it there.
    Never,
}

impl FromStr for Compile {
    type Err = String;

    fn from_str(word: &str) -> Result<Compile, String> {
        match word {
            "auto" => Ok(Compile::Auto),
            "child" => Ok(Compile::Child),
            "process" => Ok(Compile::Process),
            "never" => Ok(Compile::Never),
            other => Err(format!("must be `auto`, `child`, `process` or `never`, not `{other}`")),
        }
    }
}

/// Where plugins are compiled, by which program, and under which limits.
#[derive(Clone, Debug)]
pub(crate) struct CompilerConfig {
    pub(crate) compile: Compile,
    /// The `gmr` command; without it this executable, if it calls [`compile_if_asked`].
    pub(crate) program: Option<PathBuf>,
    /// The address space of the child.
    pub(crate) memory_bytes: u64,
    /// The processor time of the child.
    pub(crate) time: Duration,
}

impl Default for CompilerConfig {
    fn default() -> CompilerConfig {
        CompilerConfig {
            compile: Compile::default(),
            program: None,
            memory_bytes: Self::MEMORY_BYTES,
            time: Self::TIME,
        }
    }
}

impl CompilerConfig {
    /// A JavaScript component of 13 MB, the most demanding that was measured, takes three quarters of it.
    pub(crate) const MEMORY_BYTES: u64 = 1 << 30;

    /// The same component takes a third of it.
    pub(crate) const TIME: Duration = Duration::from_secs(120);
}

/// What came of a compilation.
#[derive(Debug)]
pub struct Compiled {
    pub code: CompiledCode,
    /// The most memory that the compiler had at once, in bytes, if it had a process of its own.
    pub peak_bytes: Option<u64>,
}

/// Why there is no compiled code.
#[derive(Debug)]
pub enum Failure {
    /// The file is to blame, or exceeds a limit.
    Refused(String),
    /// Circumstances are to blame: it may be tried again.
    Postponed(String),
}

/// So many bytes of memory a compilation takes for each byte of the plugin, by the largest that were measured.
const MEMORY_PER_BYTE: u64 = 50;

/// What it takes however small the plugin is.
const MEMORY_BYTES: u64 = 8 << 20;

/// What compiles plugins.
#[derive(Debug)]
pub struct Compiler {
    config: CompilerConfig,
}

impl Compiler {
    pub fn new(config: CompilerConfig) -> Compiler {
        Compiler { config }
    }

    /// Whether nothing is ever compiled.
    pub fn is_off(&self) -> bool {
        self.config.compile == Compile::Never
    }

    /// Whether it would be a child that compiles now; else why not, in words.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn child(&self) -> Result<(), String> {
        match self.config.compile {
            Compile::Process => Err("the setting `compile` says so".to_owned()),
            Compile::Never => Err("nothing is compiled".to_owned()),
            Compile::Child => Ok(()),
            Compile::Auto if self.config.program.is_none() && !is_compiler() => {
                Err(format!("no program is there for it: {OFFER}"))
            }
            Compile::Auto if gmr_inspect::process::system_calls_are_filtered() => Err(
                "a filter of system calls could end the process for starting another: `compile = \"child\"` tries it"
                    .to_owned(),
            ),
            Compile::Auto => Ok(()),
        }
    }

    /// How much memory it takes to compile a plugin of that size.
    pub fn demand(&self, size_bytes: u64) -> MemoryDemand {
        let bytes = size_bytes.saturating_mul(MEMORY_PER_BYTE).saturating_add(MEMORY_BYTES);
        match self.child() {
            Ok(()) => MemoryDemand::of_child(bytes.min(self.config.memory_bytes)),
            Err(_) => MemoryDemand::new(bytes, 0),
        }
    }

    /// Compiles a component. `is_stopped` is asked meanwhile, if it is a child that compiles; `remark` is told why it is not, if
    /// it should be.
    ///
    /// # Errors
    ///
    /// Why there is no compiled code, in one line.
    pub fn compile(
        &self,
        engine: &Engine,
        component: &Compilable<'_>,
        is_stopped: impl Fn() -> bool,
        remark: impl FnOnce(String),
    ) -> Result<Compiled, Failure> {
        match self.child() {
            Ok(()) => match child::compile(&self.config, component.bytes(), is_stopped) {
                Err(child::Failure::NotStarted(reason)) if self.config.compile == Compile::Auto => {
                    remark(reason);
                    in_process(engine, component)
                }
                Err(child::Failure::NotStarted(reason)) => {
                    Err(Failure::Postponed(format!("no child can compile it: {reason}")))
                }
                Err(child::Failure::Refused(reason)) => Err(Failure::Refused(reason)),
                Err(child::Failure::Postponed(reason)) => Err(Failure::Postponed(reason)),
                Ok(compiled) => Ok(compiled),
            },
            Err(reason) => {
                if self.config.compile == Compile::Auto {
                    remark(reason);
                }
                in_process(engine, component)
            }
        }
    }
}

/// What there is to do where no program is there that compiles.
#[cfg(feature = "compiler")]
pub(crate) const OFFER: &str =
    "name the `gmr` command as `compiler`, or call `gmr::plugin::compile_if_asked` first of all in `main`";
#[cfg(not(feature = "compiler"))]
pub(crate) const OFFER: &str = "name the `gmr` command as `compiler`";

#[cfg(not(feature = "compiler"))]
fn in_process(_: &Engine, _: &Compilable<'_>) -> Result<Compiled, Failure> {
    Err(Failure::Postponed(format!(
        "it is not compiled: this executable was built without gmr's feature `compiler`: {OFFER}"
    )))
}

#[cfg(feature = "compiler")]
fn in_process(engine: &Engine, component: &Compilable<'_>) -> Result<Compiled, Failure> {
    let code = component::compile(engine, component.bytes()).map_err(Failure::Refused)?;
    let code = CompiledCode::in_memory(&code)
        .map_err(|error| Failure::Postponed(format!("there is no room for its compiled code: {error}")))?;
    Ok(Compiled { code, peak_bytes: None })
}
