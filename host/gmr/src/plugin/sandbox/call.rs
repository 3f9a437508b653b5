//! One call of one plugin on a fresh instance, and what came of it. It blocks its thread until the call has ended,
//! trapped or run out of time; [`run`](super::parallel::run) advances the epochs meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::{Engine, Store};

use super::deadline;
use super::store::{self, State};
use super::trap::Broken;
use crate::plugin::interface::bindings::wit::document::Block;
use crate::plugin::interface::bindings::{Plugin, PluginPre, section};
use crate::plugin::interface::request::request;
use crate::plugin::interface::state::{Draft, PluginState};
use crate::plugin::interface::subject::{Identity, Subject};

/// What came of a call, whether it succeeded or not.
#[derive(Debug)]
pub struct Outcome<T> {
    pub result: Result<T, Broken>,
    /// What the plugin wrote to its standard output and error.
    pub diagnostics: String,
    /// Linear memory at its end, which is its peak.
    pub memory_bytes: u64,
    pub table_elements: u64,
    /// Calls to the interfaces of `gmr:plugin`.
    pub host_calls: u64,
    pub took: Duration,
    /// What the plugin wants to remember, which counts if it returned a section.
    pub draft: Draft,
}

/// A compiled plugin, and whose calls they are.
#[derive(Clone)]
pub struct Callee {
    pub engine: Engine,
    pub component: PluginPre<State>,
    pub identity: Arc<Identity>,
    /// What it remembers from one report to the next.
    pub state: Arc<PluginState>,
}

impl Callee {
    /// Asks what the plugin is.
    pub fn describe(&self, subject: Arc<Subject>, deadline: Instant) -> Outcome<section::Description> {
        let state = State::new(subject, self.identity.clone(), self.state.draft(), deadline);
        self.call(state, async |plugin, store| plugin.gmr_plugin_section().call_describe(store).await)
    }

    /// Asks for the section, unless its settings are refused: then it is not called. The plugin has at most `memory_bytes`, whatever
    /// its own limit allows.
    pub fn render(
        &self,
        subject: Arc<Subject>,
        deadline: Instant,
        memory_bytes: u64,
    ) -> Outcome<Result<Vec<Block>, section::Failure>> {
        if let Some(reason) = &self.identity.refused_settings {
            return self.not_called(section::Failure::Settings(reason.clone()));
        }
        let request = request(&subject, &self.identity, deadline);
        let mut state = State::new(subject, self.identity.clone(), self.state.draft(), deadline);
        state.limiter.leave_to_the_process(memory_bytes);
        self.call(state, async move |plugin, store| {
            plugin.gmr_plugin_section().call_render(store, &request).await
        })
    }

    fn not_called(&self, failure: section::Failure) -> Outcome<Result<Vec<Block>, section::Failure>> {
        Outcome {
            result: Ok(Err(failure)),
            diagnostics: String::new(),
            memory_bytes: 0,
            table_elements: 0,
            host_calls: 0,
            took: Duration::ZERO,
            draft: self.state.draft(),
        }
    }

    fn call<T>(
        &self,
        state: State,
        call: impl AsyncFnOnce(&Plugin, &mut Store<State>) -> wasmtime::Result<T>,
    ) -> Outcome<T> {
        let (began, deadline) = (Instant::now(), state.deadline);
        let mut store = store::new(&self.engine, state);
        let run = async {
            let plugin = self.component.instantiate_async(&mut store).await?;
            call(&plugin, &mut store).await
        };
        let ended = match deadline::block_on(deadline, run) {
            Ok(ended) => ended,
            Err(error) => Some(Err(wasmtime::Error::msg(format!("no event loop could be had: {error}")))),
        };
        let state = store.data();
        let result = match ended {
            Some(Ok(value)) => Ok(value),
            Some(Err(error)) => Err(Broken::by(&error, state, began)),
            None => Err(Broken::while_waiting(state, began)),
        };
        Outcome {
            result,
            diagnostics: state.output.text(),
            memory_bytes: state.limiter.memory_bytes(),
            table_elements: state.limiter.table_elements(),
            host_calls: state.limiter.host_calls(),
            draft: state.draft.clone(),
            took: began.elapsed(),
        }
    }
}
