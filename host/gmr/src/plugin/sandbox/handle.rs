//! A plugin that is ready to be called: compiled, checked, and asked what it is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use crate::plugin::interface::bindings::section::Description;
use crate::plugin::interface::facts::{Facts, FactsOfReport};
use crate::plugin::interface::from_wit as intake;
use crate::plugin::report::outcome as section;
use crate::plugin::sandbox::call::{Broken, Callee, Outcome};
use crate::plugin::sandbox::component;
use crate::plugin::sandbox::component::Digest;
use crate::plugin::sandbox::parallel as run;
use crate::plugin::sandbox::parallel::{Job, Lost};
use crate::plugin::sandbox::store::{Identity, State, Subject};
use crate::plugin::{Limits, PluginConfig};
use crate::report::{Header, Report, Trigger, TriggerKind};

/// An engine and everything a plugin may import.
pub struct Host {
    pub engine: Engine,
    pub linker: Linker<State>,
}

impl Host {
    pub fn new(limits: &Limits) -> wasmtime::Result<Host> {
        let engine = crate::plugin::sandbox::engine::engine(limits.wasm_stack_bytes)?;
        let linker = crate::plugin::sandbox::engine::linker(&engine)?;
        Ok(Host { engine, linker })
    }
}

/// A host for each size of WebAssembly stack, which is a setting of the engine.
pub struct Hosts {
    usual: Host,
    others: BTreeMap<u64, Host>,
}

impl Hosts {
    /// # Errors
    ///
    /// If this processor has no compiler in the engine, or a stack's size is out of its range.
    pub fn new<'a>(plugins: impl Iterator<Item = &'a PluginConfig>) -> wasmtime::Result<Hosts> {
        let usual = Limits::default();
        let mut others = BTreeMap::new();
        for PluginConfig { limits, .. } in plugins {
            let bytes = limits.wasm_stack_bytes;
            if bytes != usual.wasm_stack_bytes && !others.contains_key(&bytes) {
                others.insert(bytes, Host::new(limits)?);
            }
        }
        Ok(Hosts { usual: Host::new(&usual)?, others })
    }

    /// The host of a plugin that has these limits, one of those that this was made for.
    pub fn of(&self, limits: &Limits) -> &Host {
        self.others.get(&limits.wasm_stack_bytes).unwrap_or(&self.usual)
    }

    pub fn engines(&self) -> Vec<Engine> {
        let hosts = std::iter::once(&self.usual).chain(self.others.values());
        hosts.map(|host| host.engine.clone()).collect()
    }
}

/// A plugin that is ready to be called.
pub struct Loaded {
    pub callee: Callee,
    pub description: Description,
    pub digest: Digest,
    /// File, version and digest in a few words.
    pub source: String,
}

impl Loaded {
    /// The same plugin from another copy of its compiled code.
    ///
    /// # Errors
    ///
    /// As [`load`].
    pub fn with_code(&self, host: &Host, component: &Component) -> Result<Loaded, String> {
        let component = component::link(&host.engine, &host.linker, component)?;
        Ok(Loaded {
            callee: Callee { component, ..self.callee.clone() },
            description: self.description.clone(),
            digest: self.digest,
            source: self.source.clone(),
        })
    }

    /// The same plugin with another configuration.
    pub fn with_config(&self, config: PluginConfig) -> Loaded {
        let identity = Arc::new(Identity::new(&self.callee.identity.name, config));
        Loaded {
            callee: Callee { identity, ..self.callee.clone() },
            description: self.description.clone(),
            digest: self.digest,
            source: self.source.clone(),
        }
    }
}

/// Grants that a plugin may ask for.
const MOST_WANTS: usize = 32;

/// Bytes in a title or a summary; they stand in one line.
const LINE_BYTES: u64 = 200;

/// Checks a compiled component and asks it what it is, without any grant.
///
/// # Errors
///
/// Why the plugin cannot be used, in one line.
pub fn load(
    host: &Host,
    name: &str,
    file: &str,
    digest: Digest,
    component: &Component,
    config: PluginConfig,
) -> Result<Loaded, String> {
    let component = component::link(&host.engine, &host.linker, component)?;
    let nothing = PluginConfig { grants: Vec::new(), ..config.clone() };
    let asked = Callee {
        engine: host.engine.clone(),
        component: component.clone(),
        identity: Arc::new(Identity::new(name, nothing)),
    };
    let mut description = describe(asked)?;
    description.title = intake::cut(description.title, LINE_BYTES);
    description.summary = intake::cut(description.summary, LINE_BYTES);
    description.version = intake::cut(description.version, LINE_BYTES);
    description.wants.truncate(MOST_WANTS);
    description.wants.iter_mut().for_each(|want| *want = intake::cut(std::mem::take(want), LINE_BYTES));
    if description.title.trim().is_empty() {
        description.title = name.to_owned();
    }
    let version = match description.version.as_str() {
        "" => String::new(),
        version => format!("{version}, "),
    };
    let source = format!("{file}, {version}digest {}", digest.short());
    let callee =
        Callee { engine: host.engine.clone(), component, identity: Arc::new(Identity::new(name, config)) };
    Ok(Loaded { callee, description, digest, source })
}

fn describe(callee: Callee) -> Result<Description, String> {
    let (engine, patience) = (callee.engine.clone(), callee.identity.config.limits.deadline);
    let mut described = Err(Lost::Panicked);
    let work = move |until| callee.describe(Arc::new(nothing()), until);
    let job = Job { patience, work: Box::new(work) };
    run::run(&[engine], vec![job], 1, Instant::now() + patience + run::START, |_, outcome| {
        described = outcome
    });
    let outcome: Outcome<Description> =
        described.map_err(|lost| format!("it does not say what it is: {}", lost.reason()))?;
    let told = |broken: &Broken| section::in_a_line(broken, &outcome.diagnostics);
    outcome.result.map_err(|broken| format!("it does not say what it is: {}", told(&broken)))
}

/// A report of nothing, for calls that are made outside of any report.
pub fn nothing() -> Subject {
    let mut header = Header::new("", Timestamp::now(), Trigger::new(TriggerKind::Call, ""));
    header.process = std::process::id();
    subject(Report::new(header), Arc::new(Facts::new()))
}

/// What the calls of one report share.
pub fn subject(report: Report, facts: Arc<Facts>) -> Subject {
    Subject {
        report: Arc::new(report),
        facts: FactsOfReport::new(facts),
        process: gmr_inspect::process::Process::new(),
        began: Instant::now(),
    }
}

/// How long something took, as a table shows it.
pub fn rounded(duration: Duration) -> Duration {
    Duration::from_micros(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}
