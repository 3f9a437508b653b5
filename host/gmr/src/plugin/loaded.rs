//! A plugin that is ready to be called: compiled, checked, and asked what it is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use super::bindings::section::Description;
use super::call::{Broken, Callee, Outcome};
use super::component::{self, Digest};
use super::facts::{Facts, FactsOfReport};
use super::run::{self, Job, Lost};
use super::state::{Identity, State, Subject};
use super::{PluginConfig, intake, section};
use crate::report::{Header, Report, Trigger, TriggerKind};

/// The engine and everything a plugin may import.
pub(super) struct Host {
    pub(super) engine: Engine,
    pub(super) linker: Linker<State>,
}

impl Host {
    pub(super) fn new() -> wasmtime::Result<Host> {
        let engine = super::engine::engine()?;
        let linker = super::engine::linker(&engine)?;
        Ok(Host { engine, linker })
    }
}

/// A plugin that is ready to be called.
pub(super) struct Loaded {
    pub(super) callee: Callee,
    pub(super) description: Description,
    pub(super) digest: Digest,
    /// File, version and digest in a few words.
    pub(super) source: String,
}

/// Bytes in a title or a summary; they stand in one line.
const LINE_BYTES: u64 = 200;

/// Checks a compiled component and asks it what it is, without any grant.
///
/// # Errors
///
/// Why the plugin cannot be used, in one line.
pub(super) fn load(
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
    run::run(&engine, vec![job], 1, Instant::now() + patience, |_, outcome| described = outcome);
    let outcome: Outcome<Description> =
        described.map_err(|lost| format!("it does not say what it is: {}", lost.reason()))?;
    let told = |broken: &Broken| section::in_a_line(broken, &outcome.diagnostics);
    outcome.result.map_err(|broken| format!("it does not say what it is: {}", told(&broken)))
}

/// A report of nothing, for calls that are made outside of any report.
pub(super) fn nothing() -> Subject {
    let header = Header {
        service: String::new(),
        version: String::new(),
        host: String::new(),
        process: std::process::id(),
        uptime: None,
        time: Timestamp::now(),
        trigger: Trigger { kind: TriggerKind::Call, detail: String::new(), count: 1 },
        took: None,
    };
    subject(Report { header, sections: Vec::new() }, Arc::new(Facts::new()))
}

/// What the calls of one report share.
pub(super) fn subject(report: Report, facts: Arc<Facts>) -> Subject {
    Subject {
        report: Arc::new(report),
        facts: FactsOfReport::new(facts),
        process: gmr_inspect::process::Process::new(),
        began: Instant::now(),
    }
}

/// How long something took, as a table shows it.
pub(super) fn rounded(duration: Duration) -> Duration {
    Duration::from_micros(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}
