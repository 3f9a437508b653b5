//! One plugin file, outside of any report: what it asks for, what it is, what it prints. `gmr plugin check` and
//! `gmr plugin run` are made of it, and a plugin's tests can be.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gmr_report::mask::Secrets;
use gmr_report::schema::{Schema, Setting};
use gmr_report::{Report, Section, mask};
use wasmtime::Engine;
use wasmtime::component::Component;

use super::compiler::{self, Compiler, CompilerConfig};
use super::files::cache::Cache;
use super::files::digest::Digest;
use super::files::fingerprint::Fingerprint;
use super::files::{folder, reading};
use super::interface::bindings::section::Failure;
use super::interface::bindings::wit::document::Block;
use super::interface::output_limits::{self, Share};
use super::interface::schema;
use super::interface::subject::{Identity, Subject};
use super::report::outcome::SectionHead;
use super::sandbox::call::Outcome;
use super::sandbox::component;
use super::sandbox::engine::Sandbox;
use super::sandbox::handle::{PluginHandle, no_report};
use super::sandbox::parallel::run_alone;
use super::sandbox::refusal;
use super::{Facts, PluginConfig, Usage};
use crate::section::masked::masked;

/// What a plugin is checked with.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CheckOptions {
    /// Its grants, settings and limits, as an application would give them.
    pub config: PluginConfig,
    /// The facts there are. Which of them it sees, the grants say.
    pub facts: Arc<Facts>,
    /// The report that it sees with the grant `report`; default: one without sections.
    pub report: Option<Report>,
    /// The variables that it sees with grants `env:NAME`; default: this process's.
    pub environment: Option<BTreeMap<String, String>>,
    /// A directory that stands for `/` in what it reads by grants `read:/a/path`; default: `/` itself.
    pub root: Option<PathBuf>,
}

impl CheckOptions {
    /// The same with this configuration.
    #[must_use]
    pub fn with_config(mut self, config: PluginConfig) -> CheckOptions {
        self.config = config;
        self
    }

    /// The same with these facts.
    #[must_use]
    pub fn with_facts(mut self, facts: Arc<Facts>) -> CheckOptions {
        self.facts = facts;
        self
    }

    /// The same with this report.
    #[must_use]
    pub fn with_report(mut self, report: Report) -> CheckOptions {
        self.report = Some(report);
        self
    }

    /// The same with these variables instead of this process's.
    #[must_use]
    pub fn with_environment(mut self, environment: BTreeMap<String, String>) -> CheckOptions {
        self.environment = Some(environment);
        self
    }

    /// The same with the files below this directory, which stands for `/`.
    #[must_use]
    pub fn with_root(mut self, root: impl Into<PathBuf>) -> CheckOptions {
        self.root = Some(root.into());
        self
    }
}

/// What a plugin is, asks for and prints.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Checked {
    /// Its name: the file's without the extension.
    pub name: String,
    /// SHA-256 of the file, as `digest` in `[gmr.plugins.NAME]` takes it.
    pub digest: String,
    /// The file's size in bytes.
    pub size_bytes: u64,
    /// The interfaces that it imports, with their versions.
    pub imports: Vec<String>,
    /// The interfaces that it exports, with their versions.
    pub exports: Vec<String>,
    /// What people read above its section.
    pub title: String,
    /// What it shows, in its own words.
    pub summary: String,
    /// Its version, in its own words.
    pub version: String,
    /// Where it stands among the sections of plugins.
    pub order: i32,
    /// The grants that it would like, in its own words.
    pub wants: Vec<String>,
    /// The settings that it says it has; `None` if it says nothing of them, and any key is passed on.
    pub settings: Option<Vec<Setting>>,
    /// Its section, which may have failed.
    pub section: Section,
    /// What it wrote to standard output and error.
    pub diagnostics: String,
    /// What the call for the section has used up of the plugin's limits.
    pub usage: Usage,
    /// Where its compiled code comes from.
    pub code: Code,
}

/// Compiled code: where it comes from and what it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Code {
    /// Whether it was in the cache, so that nothing was compiled.
    pub from_cache: bool,
    /// How long compiling it took, or taking it from the cache.
    pub took: Duration,
    /// Its size in bytes, in memory and in the cache.
    pub bytes: u64,
    /// The most memory that the compiler had at once, in bytes, if it ran in a process of its own.
    pub compiler_bytes: Option<u64>,
    /// Why it is not in the cache, if it should be.
    pub not_cached: Option<String>,
}

/// Loads the plugin in a file and makes its section once, under the same limits as in a report.
///
/// ```no_run
/// use gmr::plugin::{CheckOptions, check};
///
/// let checked = check("plugins/pool.wasm".as_ref(), CheckOptions::default())?;
/// println!("{} asks for {:?}", checked.title, checked.wants);
/// # Ok::<(), String>(())
/// ```
///
/// # Errors
///
/// Why the file is no plugin, in one line that begins with its path and says what to do about it. A plugin that loads
/// and then fails to make its section is no error: [`Checked::section`] says so.
pub fn check(path: &Path, options: CheckOptions) -> Result<Checked, String> {
    Ok(Candidate::load(path, &options.config)?.check(options))
}

/// A plugin that is loaded and has said what it is, to be given what it wants, or a part of it.
///
/// ```no_run
/// use gmr::plugin::{Candidate, CheckOptions, Grant, PluginConfig};
///
/// let plugin = Candidate::load("plugins/pool.wasm".as_ref(), &PluginConfig::default())?;
/// let grants = plugin.wants().iter().filter_map(|want| Grant::parse(want).ok());
/// let options = CheckOptions::default().with_config(PluginConfig::default().with_grants(grants));
/// println!("{:?}", plugin.check(options).section);
/// # Ok::<(), String>(())
/// ```
pub struct Candidate {
    plugin: PluginHandle,
    size_bytes: u64,
    imports: Vec<String>,
    exports: Vec<String>,
    code: Code,
}

impl Candidate {
    /// Compiles the plugin in a file and asks it what it is, without any grant. Of the configuration its settings and
    /// limits count; the size of its WebAssembly stack is settled here.
    ///
    /// # Errors
    ///
    /// Why the file is no plugin, in one line that begins with its path and says what to do about it.
    pub fn load(path: &Path, config: &PluginConfig) -> Result<Candidate, String> {
        load(path, config, None).map_err(|reason| format!("{}: {reason}", path.display()))
    }

    /// The same with a cache: compiles only what is not in there, and keeps it there. The directory is made with mode
    /// 0700 and must be this user's alone; where it cannot be used, [`Code::not_cached`] says so.
    ///
    /// # Errors
    ///
    /// As [`Candidate::load`].
    pub fn load_cached(path: &Path, config: &PluginConfig, cache_dir: &Path) -> Result<Candidate, String> {
        let cache = Cache::new(cache_dir.to_owned());
        load(path, config, Some(&cache)).map_err(|reason| format!("{}: {reason}", path.display()))
    }

    /// The grants that it would like, in its own words.
    pub fn wants(&self) -> &[String] {
        &self.plugin.description.wants
    }

    /// The settings that it says it has, in its own order; `None` if it says nothing of them, and any key is passed on.
    pub fn settings(&self) -> Option<&[Setting]> {
        self.plugin.schema.as_ref().map(Schema::settings)
    }

    /// What of the settings in a configuration does not fit, a line each: the place, if the configuration was read from a
    /// file; the key; what it must be, or which one was probably meant. A report refuses to call a plugin with such settings.
    pub fn refused_settings(&self, config: &PluginConfig) -> Vec<String> {
        let schema = self.plugin.schema.as_ref();
        schema.map(|schema| schema::problems(self.plugin.name(), config, schema)).unwrap_or_default()
    }

    /// Makes its section once, under the same limits as in a report. What the plugin remembers is there when the same
    /// candidate is checked again.
    pub fn check(&self, options: CheckOptions) -> Checked {
        let mut identity = Identity::new(self.plugin.name(), options.config, self.plugin.schema.as_ref());
        identity.environment = options.environment.unwrap_or(identity.environment);
        identity.root = options.root;
        let plugin = self.plugin.with_identity(identity);
        let rendered = render(&plugin, options.report.unwrap_or_else(no_report), options.facts);
        let description = plugin.description.clone();
        // As a report has them.
        let secrets = Secrets::default();
        Checked {
            name: plugin.name().to_owned(),
            digest: plugin.digest.to_string(),
            size_bytes: self.size_bytes,
            imports: self.imports.clone(),
            exports: self.exports.clone(),
            title: description.title,
            summary: description.summary,
            version: description.version,
            order: description.order,
            wants: description.wants,
            settings: self.settings().map(<[Setting]>::to_vec),
            section: masked(&secrets, rendered.section),
            diagnostics: mask::text(&rendered.diagnostics).into_owned(),
            usage: rendered.usage,
            code: self.code.clone(),
        }
    }
}

impl std::fmt::Debug for Candidate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Candidate").field(&self.plugin.source).finish()
    }
}

fn load(path: &Path, config: &PluginConfig, cache: Option<&Cache>) -> Result<Candidate, String> {
    let name = folder::name_of(path, &[])?;
    let sandbox =
        Sandbox::new(&config.limits).map_err(|error| format!("the engine cannot be started: {error:#}"))?;
    let Loaded { component, digest, size_bytes, code } = Loaded::of(path, &sandbox.engine, config, cache)?;
    let (imports, exports) = component::imports_and_exports(&sandbox.engine, &component);
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    config.refuse_another_digest(&name, digest)?;
    let plugin = PluginHandle::load(&sandbox, &name, &file, digest, &component, config.clone())?;
    let title = folder::title_of(plugin.description.title.clone(), &name, &[]);
    let plugin = plugin.with_title(title);
    Ok(Candidate { plugin, size_bytes, imports, exports, code })
}

/// A file's compiled code.
struct Loaded {
    component: Component,
    digest: Digest,
    size_bytes: u64,
    code: Code,
}

impl Loaded {
    fn of(
        path: &Path,
        engine: &Engine,
        config: &PluginConfig,
        cache: Option<&Cache>,
    ) -> Result<Loaded, String> {
        let mut began = Instant::now();
        if let Some((size_bytes, (digest, component))) = cache.and_then(|cache| recall(path, engine, cache)) {
            return Ok(Loaded::new(component, digest, size_bytes, true, began.elapsed()));
        }
        // Whoever asks may read what a link of theirs leads to, wherever that is.
        let path = path.canonicalize().map_err(|error| error.to_string())?;
        // A file that was written a moment ago is read once more, so that none is taken that is half written.
        let (seen, bytes) = reading::read(&path, std::thread::sleep).map_err(|(_, reason)| reason)?;
        let (digest, size_bytes) = (Digest::of(&bytes), bytes.len() as u64);
        if let Some(component) = cache.and_then(|cache| cache.get(engine, digest, &seen)) {
            return Ok(Loaded::new(component, digest, size_bytes, true, began.elapsed()));
        }
        began = Instant::now();
        let compilable = component::Compilable::new(&bytes, &config.file)?;
        let compiler = Compiler::new(CompilerConfig::default());
        let compiled = match compiler.compile(engine, &compilable, || false, drop) {
            Ok(compiled) => compiled,
            Err(compiler::Failure::Refused(reason) | compiler::Failure::Postponed(reason)) => {
                return Err(reason);
            }
        };
        let component = compiled.code.map(engine).map_err(|error| refusal::not_loaded(&error))?;
        let mut loaded = Loaded::new(component, digest, size_bytes, false, began.elapsed());
        loaded.code.compiler_bytes = compiled.peak_bytes;
        loaded.code.not_cached = cache.and_then(|cache| cache.put(digest, &compiled.code, &[]).err());
        Ok(loaded)
    }

    fn new(
        component: Component,
        digest: Digest,
        size_bytes: u64,
        from_cache: bool,
        took: Duration,
    ) -> Loaded {
        let image = component.image_range();
        let bytes = (image.end as usize - image.start as usize) as u64;
        let code = Code { from_cache, took, bytes, compiler_bytes: None, not_cached: None };
        Loaded { component, digest, size_bytes, code }
    }
}

/// What the cache has of a file, by what the kernel says of that, and the file's size.
fn recall(path: &Path, engine: &Engine, cache: &Cache) -> Option<(u64, (Digest, Component))> {
    let metadata = path.metadata().ok().filter(std::fs::Metadata::is_file)?;
    Some((metadata.len(), cache.recall(engine, &Fingerprint::of(&metadata))?))
}

/// What came of a call for the section.
struct Rendered {
    section: Section,
    diagnostics: String,
    usage: Usage,
}

fn render(plugin: &PluginHandle, report: Report, facts: Arc<Facts>) -> Rendered {
    let subject = Arc::new(Subject::new(report, facts));
    let (callee, limits, head) = (plugin.callee.clone(), &plugin.config().limits, SectionHead::of(plugin));
    match run_alone(&plugin.callee.engine, limits.deadline, move |until| {
        callee.render(subject, until, u64::MAX)
    }) {
        Ok(outcome) => {
            let usage = usage(&outcome);
            let diagnostics = outcome.diagnostics.clone();
            let (section, _) = head.section(limits, Share::WHOLE, outcome);
            Rendered { section, diagnostics, usage }
        }
        Err(lost) => {
            let section = head.failed(&lost.reason());
            Rendered { section, diagnostics: String::new(), usage: Usage::default() }
        }
    }
}

/// What a call has used up, what it has handed over included.
fn usage(outcome: &Outcome<Result<Vec<Block>, Failure>>) -> Usage {
    let output = match &outcome.result {
        Ok(Ok(blocks)) => output_limits::measure(blocks),
        _ => output_limits::Measured::default(),
    };
    Usage {
        took: outcome.took,
        memory_bytes: outcome.memory_bytes,
        table_elements: outcome.table_elements,
        host_calls: outcome.host_calls,
        output_bytes: output.text_bytes,
        text_bytes: output.longest_bytes,
        blocks: output.blocks,
        items: output.items,
        diagnostic_bytes: outcome.diagnostics.len() as u64,
    }
}
