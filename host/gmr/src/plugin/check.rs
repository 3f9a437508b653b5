//! One plugin file, outside of any report: what it asks for, what it is, what it prints. `gmr plugin check` and
//! `gmr plugin run` are made of it, and a plugin's tests can be.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gmr_report::mask::Secrets;
use gmr_report::{Report, Section, mask};

use super::compiler::{Compiler, CompilerConfig, Failure};
use super::files::digest::Digest;
use super::files::folder;
use super::interface::subject::Subject;
use super::report::outcome::SectionHead;
use super::sandbox::call::Outcome;
use super::sandbox::component;
use super::sandbox::engine::Sandbox;
use super::sandbox::handle::{PluginHandle, no_report};
use super::sandbox::parallel::run_alone;
use super::{Facts, PluginConfig};
use crate::section::masked::masked;

/// What a plugin is checked with.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct CheckOptions {
    /// Its grants, settings and limits, as an application would give them.
    pub config: PluginConfig,
    /// The facts there are. Which of them it sees, the grants say.
    pub facts: Arc<Facts>,
    /// The report that it sees with the grant `report`; default: one without sections.
    pub report: Option<Report>,
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
}

/// What a plugin is, asks for and prints.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Checked {
    /// Its name: the file's without the extension.
    pub name: String,
    /// SHA-256 of the file, in hexadecimal.
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
    /// Its section, which may have failed.
    pub section: Section,
    /// What it wrote to standard output and error.
    pub diagnostics: String,
    /// The linear memory that it used in bytes.
    pub memory_bytes: u64,
    /// How long compiling took.
    pub compiled_in: Duration,
    /// How long the section took, a fresh instance included.
    pub rendered_in: Duration,
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
    compiled_in: Duration,
}

impl Candidate {
    /// Compiles the plugin in a file and asks it what it is, without any grant. Of the configuration its settings and
    /// limits count; the size of its WebAssembly stack is settled here.
    ///
    /// # Errors
    ///
    /// Why the file is no plugin, in one line that begins with its path and says what to do about it.
    pub fn load(path: &Path, config: &PluginConfig) -> Result<Candidate, String> {
        load(path, config).map_err(|reason| format!("{}: {reason}", path.display()))
    }

    /// The grants that it would like, in its own words.
    pub fn wants(&self) -> &[String] {
        &self.plugin.description.wants
    }

    /// Makes its section once, under the same limits as in a report.
    pub fn check(&self, options: CheckOptions) -> Checked {
        let plugin = self.plugin.with_config(options.config);
        let rendered = render(&plugin, options.report.unwrap_or_else(no_report), options.facts);
        let description = plugin.description.clone();
        // As a report has them.
        let secrets = Secrets::default();
        Checked {
            name: plugin.name().to_owned(),
            digest: plugin.digest.hexadecimal(),
            size_bytes: self.size_bytes,
            imports: self.imports.clone(),
            exports: self.exports.clone(),
            title: description.title,
            summary: description.summary,
            version: description.version,
            order: description.order,
            wants: description.wants,
            section: masked(&secrets, rendered.section),
            diagnostics: mask::text(&rendered.diagnostics).into_owned(),
            memory_bytes: rendered.memory_bytes,
            compiled_in: self.compiled_in,
            rendered_in: rendered.took,
        }
    }
}

impl std::fmt::Debug for Candidate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Candidate").field(&self.plugin.source).finish()
    }
}

fn load(path: &Path, config: &PluginConfig) -> Result<Candidate, String> {
    let name = folder::name_of(path, &[])?;
    let bytes = read(path)?;
    let sandbox =
        Sandbox::new(&config.limits).map_err(|error| format!("the engine cannot be started: {error:#}"))?;
    let began = Instant::now();
    let compilable = component::Compilable::new(&bytes, &config.file)?;
    let compiler = Compiler::new(CompilerConfig::default());
    let compiled = match compiler.compile(&sandbox.engine, &compilable, || false, drop) {
        Ok(compiled) => compiled,
        Err(Failure::Refused(reason) | Failure::Postponed(reason)) => return Err(reason),
    };
    let component = compiled.code.map(&sandbox.engine).map_err(|error| component::not_loaded(&error))?;
    let compiled_in = began.elapsed();
    let (imports, exports) = component::imports_and_exports(&sandbox.engine, &component);
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let digest = Digest::of(&bytes);
    let plugin = PluginHandle::load(&sandbox, &name, &file, digest, &component, config.clone())?;
    Ok(Candidate { plugin, size_bytes: bytes.len() as u64, imports, exports, compiled_in })
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(folder::MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    folder::refuse_too_large(bytes.len() as u64)?;
    Ok(bytes)
}

/// What came of a call for the section.
struct Rendered {
    section: Section,
    diagnostics: String,
    memory_bytes: u64,
    took: Duration,
}

fn render(plugin: &PluginHandle, report: Report, facts: Arc<Facts>) -> Rendered {
    let subject = Arc::new(Subject::new(report, facts));
    let (callee, limits, head) = (plugin.callee.clone(), &plugin.config().limits, SectionHead::of(plugin));
    match run_alone(&plugin.callee.engine, limits.deadline, move |until| callee.render(subject, until)) {
        Ok(outcome) => {
            let Outcome { diagnostics, memory_bytes, took, .. } = &outcome;
            let (diagnostics, memory_bytes, took) = (diagnostics.clone(), *memory_bytes, *took);
            Rendered { section: head.section(limits, outcome), diagnostics, memory_bytes, took }
        }
        Err(lost) => {
            let section = head.failed(&lost.reason());
            Rendered { section, diagnostics: String::new(), memory_bytes: 0, took: Duration::ZERO }
        }
    }
}
