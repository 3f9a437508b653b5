//! A plugin that is ready to be called: compiled, checked, and asked what it is.

use std::sync::Arc;

use gmr_report::schema::Schema;
use gmr_report::{Header, Report, Trigger, TriggerKind};
use jiff::Timestamp;
use wasmtime::component::Component;

use super::call::{Callee, Outcome};
use super::component;
use super::engine::Sandbox;
use super::parallel::run_alone;
use crate::plugin::files::digest::Digest;
use crate::plugin::interface::bindings::section::Description;
use crate::plugin::interface::facts::Facts;
use crate::plugin::interface::subject::{Identity, Subject};
use crate::plugin::{PluginConfig, interface};

/// A plugin that is ready to be called. Clones share the compiled code and what it remembers.
#[derive(Clone)]
pub struct PluginHandle {
    pub callee: Callee,
    pub description: Description,
    /// What it says of its settings; `None` if it says nothing of them.
    pub schema: Option<Schema>,
    pub digest: Digest,
    /// File, version and digest in a few words.
    pub source: String,
}

/// Grants that a plugin may ask for.
const MOST_WANTS: usize = 32;

/// Bytes in a title or a summary; they stand in one line.
const LINE_BYTES: u64 = 200;

impl PluginHandle {
    /// Checks a compiled component and asks it what it is, without any grant.
    ///
    /// # Errors
    ///
    /// Why the plugin cannot be used, in one line.
    pub fn load(
        sandbox: &Sandbox,
        name: &str,
        file: &str,
        digest: Digest,
        component: &Component,
        config: PluginConfig,
    ) -> Result<PluginHandle, String> {
        let component = component::link(&sandbox.engine, &sandbox.linker, component)?;
        let engine = sandbox.engine.clone();
        let ungranted = PluginConfig { grants: Vec::new(), ..config.clone() };
        let asked = Callee {
            engine: engine.clone(),
            component: component.clone(),
            identity: Arc::new(Identity::new(name, ungranted, None)),
            state: Arc::default(),
        };
        let mut description = in_lines(describe(asked)?, name);
        let described = description.settings.take();
        let schema = described.map(|settings| interface::schema::schema(settings, line)).transpose()?;
        let version = match description.version.as_str() {
            "" => String::new(),
            version => format!("{version}, "),
        };
        let source = format!("{file}, {version}digest {}", digest.short());
        let identity = Arc::new(Identity::new(name, config, schema.as_ref()));
        let callee = Callee { engine, component, identity, state: Arc::default() };
        Ok(PluginHandle { callee, description, schema, digest, source })
    }

    /// The same plugin from another copy of its compiled code.
    ///
    /// # Errors
    ///
    /// As [`PluginHandle::load`].
    pub fn with_code(&self, sandbox: &Sandbox, component: &Component) -> Result<PluginHandle, String> {
        let component = component::link(&sandbox.engine, &sandbox.linker, component)?;
        Ok(PluginHandle { callee: Callee { component, ..self.callee.clone() }, ..self.clone() })
    }

    /// The same plugin with another configuration.
    pub fn with_config(&self, config: PluginConfig) -> PluginHandle {
        self.with_identity(Identity::new(self.name(), config, self.schema.as_ref()))
    }

    /// The same plugin as something else to the host.
    pub fn with_identity(&self, identity: Identity) -> PluginHandle {
        let identity = Arc::new(identity);
        PluginHandle { callee: Callee { identity, ..self.callee.clone() }, ..self.clone() }
    }

    /// The same plugin, which sees nothing but its settings and a clock.
    pub fn without_grants(&self) -> PluginHandle {
        self.with_config(PluginConfig { grants: Vec::new(), ..self.config().clone() })
    }

    /// The same plugin under another title.
    pub fn with_title(mut self, title: String) -> PluginHandle {
        self.description.title = title;
        self
    }

    pub fn name(&self) -> &str {
        &self.callee.identity.name
    }

    /// What of its settings does not fit what it says of them: then it is not called.
    pub fn refused_settings(&self) -> Option<&str> {
        self.callee.identity.refused_settings.as_deref()
    }

    pub fn config(&self) -> &PluginConfig {
        &self.callee.identity.config
    }
}

fn describe(callee: Callee) -> Result<Description, String> {
    let (engine, patience) = (callee.engine.clone(), callee.identity.config.limits.deadline);
    let subject = Arc::new(Subject::new(no_report(), Arc::new(Facts::new())));
    let told: Result<Outcome<Description>, _> =
        run_alone(&engine, patience, move |until| callee.describe(subject, until));
    let reason = match told {
        Ok(Outcome { result: Ok(description), .. }) => return Ok(description),
        Ok(Outcome { result: Err(broken), diagnostics, .. }) => broken.in_a_line(&diagnostics),
        Err(lost) => lost.reason(),
    };
    Err(format!("it does not say what it is: {reason}"))
}

/// What a plugin says of itself, each text cut to a line.
fn in_lines(description: Description, name: &str) -> Description {
    let title = line(description.title);
    Description {
        title: if title.trim().is_empty() { name.to_owned() } else { title },
        summary: line(description.summary),
        version: line(description.version),
        wants: description.wants.into_iter().take(MOST_WANTS).map(line).collect(),
        ..description
    }
}

/// A text cut to a line.
fn line(text: String) -> String {
    interface::output_limits::cut(text, LINE_BYTES)
}

/// What calls see that are made outside of any report.
pub fn no_report() -> Report {
    let mut header = Header::new("", Timestamp::now(), Trigger::new(TriggerKind::Call, ""));
    header.process = std::process::id();
    Report::new(header)
}
