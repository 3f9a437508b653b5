//! Plugins that are compiled ahead of time, into the cache from which a service takes them.

use std::path::Path;
use std::time::{Duration, Instant};

use super::compiler::{Compiler, CompilerConfig, Failure};
use super::files::cache::Cache;
use super::files::digest::Digest;
use super::files::fingerprint::Fingerprint;
use super::files::{folder, reading};
use super::sandbox::component::{self, Compilable};
use super::sandbox::engine::Sandbox;
use super::sandbox::handle::PluginHandle;
use super::sandbox::refusal;
use super::{Compile, PluginConfig};

/// What a plugin is compiled with ahead of time.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CompileOptions {
    /// The limits of its file and of the call that asks it what it is, and its settings.
    pub config: PluginConfig,
    /// The most memory that the compiler may take, in bytes of address space. Default: 1 GiB.
    pub memory_bytes: u64,
    /// The most processor time that the compiler may take, in whole seconds. Default: 120 s.
    pub time: Duration,
}

impl Default for CompileOptions {
    fn default() -> CompileOptions {
        let CompilerConfig { memory_bytes, time, .. } = CompilerConfig::default();
        CompileOptions { config: PluginConfig::default(), memory_bytes, time }
    }
}

/// A plugin that is in the cache.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CompiledFile {
    /// The plugin's name: the file's without the extension.
    pub name: String,
    /// SHA-256 of the file.
    pub digest: Digest,
    /// The file's size in bytes.
    pub size_bytes: u64,
    /// What it takes in the cache, in bytes.
    pub cached_bytes: u64,
    /// How long compiling took; `None` if it was in the cache.
    pub took: Option<Duration>,
    /// The most memory that the compiler had at once, in bytes, if it ran in a process of its own.
    pub peak_bytes: Option<u64>,
}

/// Compiles the plugin in a file, keeps it in the cache, and makes sure that it is found there: by any program of this version
/// on this machine whose `cache_dir` this is. What is there already is not compiled again.
///
/// ```no_run
/// use gmr::plugin::{CompileOptions, compile};
///
/// let plugin = compile("plugins/pool.wasm".as_ref(), "/var/cache/shop".as_ref(), &CompileOptions::default())?;
/// println!("{}: {} bytes", plugin.name, plugin.cached_bytes);
/// # Ok::<(), String>(())
/// ```
///
/// # Errors
///
/// Why the file is no plugin, cannot be compiled within the limits, or cannot be kept, in one line that begins with its path.
pub fn compile(path: &Path, cache_dir: &Path, options: &CompileOptions) -> Result<CompiledFile, String> {
    compile_to(path, &Cache::new(cache_dir.to_owned()), options)
        .map_err(|reason| format!("{}: {reason}", path.display()))
}

fn compile_to(path: &Path, cache: &Cache, options: &CompileOptions) -> Result<CompiledFile, String> {
    let name = folder::name_of(path, &[])?;
    // Whoever asks may read what a link of theirs leads to, wherever that is.
    let canonical = path.canonicalize().map_err(|error| error.to_string())?;
    let (source, bytes) = reading::read(&canonical, std::thread::sleep).map_err(|(_, reason)| reason)?;
    let digest = Digest::of(&bytes);
    options.config.refuse_another_digest(&name, digest)?;
    let sandbox = Sandbox::new(&options.config.limits)
        .map_err(|error| format!("the engine cannot be started: {error:#}"))?;
    let mut compiled = CompiledFile {
        name,
        digest,
        size_bytes: bytes.len() as u64,
        cached_bytes: 0,
        took: None,
        peak_bytes: None,
    };
    if cache.get(&sandbox.engine, digest, &source).is_none() {
        let began = Instant::now();
        compiled.peak_bytes = keep(&bytes, cache, &sandbox, options)?;
        compiled.took = Some(began.elapsed());
        // Until a further change of the entry would show in its times: then what is found leaves a receipt.
        std::thread::sleep(Fingerprint::TICK);
    }
    let lost = || {
        "it is compiled, and not found in the cache afterwards: does another program write there?".to_owned()
    };
    let component = cache.get(&sandbox.engine, digest, &source).ok_or_else(lost)?;
    compiled.cached_bytes = cache.size(digest).ok_or_else(lost)?;
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    PluginHandle::load(&sandbox, &compiled.name, &file, digest, &component, options.config.clone())?;
    Ok(compiled)
}

/// Compiles it into the cache. Returns how much memory the compiler took at once.
fn keep(
    bytes: &[u8],
    cache: &Cache,
    sandbox: &Sandbox,
    options: &CompileOptions,
) -> Result<Option<u64>, String> {
    let compilable = Compilable::new(bytes, &options.config.file)?;
    let config = CompilerConfig {
        compile: Compile::Auto,
        memory_bytes: options.memory_bytes,
        time: options.time,
        ..CompilerConfig::default()
    };
    let compiled = match Compiler::new(config).compile(&sandbox.engine, &compilable, || false, drop) {
        Ok(compiled) => compiled,
        Err(Failure::Refused(reason) | Failure::Postponed(reason)) => return Err(reason),
    };
    // Before it is kept: what is no plugin of this host's is of no use there.
    let component = compiled.code.map(&sandbox.engine).map_err(|error| refusal::not_loaded(&error))?;
    component::link(&sandbox.engine, &sandbox.linker, &component)?;
    cache.put(Digest::of(bytes), &compiled.code, &[])?;
    Ok(compiled.peak_bytes)
}
