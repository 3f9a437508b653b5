//! One call of one plugin on a fresh instance, and what came of it. It blocks its thread until the call has ended,
//! trapped or run out of time; the caller sees to it that epochs advance meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::{Engine, Store, Trap, UpdateDeadline, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::plugin::Limits;
use crate::plugin::interface::bindings::wit::document::Block;
use crate::plugin::interface::bindings::{Plugin, PluginPre, section};
use crate::plugin::sandbox::limits::size;
use crate::plugin::sandbox::store::{Identity, State, Subject};
use crate::plugin::sandbox::trap;
use crate::report::Frame;

/// What came of a call, whether it succeeded or not.
#[derive(Debug)]
pub struct Outcome<T> {
    pub result: Result<T, Broken>,
    /// What the plugin wrote to its standard output and error.
    pub diagnostics: String,
    /// Linear memory at its end, which is its peak.
    pub memory_bytes: u64,
    pub took: Duration,
}

impl Outcome<()> {
    /// Of a call that was not made.
    pub fn nothing() -> Outcome<()> {
        Outcome { result: Ok(()), diagnostics: String::new(), memory_bytes: 0, took: Duration::ZERO }
    }
}

/// A call that did not return.
#[derive(Debug, Default)]
pub struct Broken {
    pub reason: String,
    /// Where it stood, innermost first.
    pub frames: Vec<Frame>,
}

impl Broken {
    pub fn because(reason: impl Into<String>) -> Broken {
        Broken { reason: reason.into(), frames: Vec::new() }
    }
}

/// A compiled plugin with whom it is called for.
#[derive(Clone)]
pub struct Callee {
    pub engine: Engine,
    pub component: PluginPre<State>,
    pub identity: Arc<Identity>,
}

impl Callee {
    /// Asks what the plugin is.
    pub fn describe(&self, subject: Arc<Subject>, deadline: Instant) -> Outcome<section::Description> {
        self.call(subject, deadline, async |plugin, store| {
            plugin.gmr_plugin_section().call_describe(store).await
        })
    }

    /// Asks for the section.
    pub fn render(
        &self,
        subject: Arc<Subject>,
        deadline: Instant,
    ) -> Outcome<Result<Vec<Block>, section::Failure>> {
        let request = request(&subject, &self.identity, deadline);
        self.call(subject, deadline, async move |plugin, store| {
            plugin.gmr_plugin_section().call_render(store, &request).await
        })
    }

    fn call<T>(
        &self,
        subject: Arc<Subject>,
        deadline: Instant,
        call: impl AsyncFnOnce(&Plugin, &mut Store<State>) -> wasmtime::Result<T>,
    ) -> Outcome<T> {
        let began = Instant::now();
        let mut store = store(&self.engine, State::new(subject, self.identity.clone(), deadline));
        let run = async {
            let plugin = self.component.instantiate_async(&mut store).await?;
            call(&plugin, &mut store).await
        };
        let ended = match block_on(deadline, run) {
            Ok(ended) => ended,
            Err(error) => Some(Err(wasmtime::Error::msg(format!("no event loop could be had: {error}")))),
        };
        let state = store.data();
        let result = match ended {
            Some(Ok(value)) => Ok(value),
            Some(Err(error)) => Err(broken(&error, state, began)),
            // It was waiting, in a sleep or poll of WASI's: there is no instruction that it stood at.
            None => Err(Broken::because(format!(
                "{} while it waited in WASI, for a sleep or a poll",
                deadline_passed(state, began)
            ))),
        };
        let (diagnostics, memory_bytes) = (state.output.text(), state.limiter.memory_bytes());
        Outcome { result, diagnostics, memory_bytes, took: began.elapsed() }
    }
}

fn store(engine: &Engine, state: State) -> Store<State> {
    let deadline = state.deadline;
    let fuel = transfer_bytes(state.limiter.limits());
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.limiter);
    store.set_hostcall_fuel(fuel);
    // The first epoch may already be over when the call begins, so each one only asks for the time.
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |_| {
        Ok(match Instant::now() < deadline {
            true => UpdateDeadline::Continue(1),
            false => UpdateDeadline::Interrupt,
        })
    });
    store
}

/// How many bytes one call to the host may carry: the text twice, as limits are told apart better afterwards, and
/// the room that blocks and items take before they are looked at.
fn transfer_bytes(limits: &Limits) -> usize {
    let blocks = size_of::<Block>() as u64 * u64::from(limits.blocks);
    let items = size_of::<crate::plugin::interface::bindings::wit::document::Member>() as u64
        * u64::from(limits.items);
    usize::try_from(limits.output_bytes.saturating_mul(2) + 2 * (blocks + items)).unwrap_or(usize::MAX)
}

/// Runs on this thread only, until the deadline; `None` if it passed. The runtime has no thread of its own and
/// watches no descriptors.
fn block_on<T>(deadline: Instant, run: impl Future<Output = T>) -> std::io::Result<Option<T>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let ended = runtime.block_on(async { tokio::time::timeout_at(deadline.into(), run).await.ok() });
    runtime.shutdown_background();
    Ok(ended)
}

fn request(subject: &Subject, identity: &Identity, deadline: Instant) -> section::Request {
    let (header, limits) = (&subject.report.header, &identity.config.limits);
    section::Request {
        plugin: identity.name.clone(),
        service: header.service.clone(),
        version: header.version.clone(),
        host: header.host.clone(),
        process: header.process,
        uptime: header.uptime.map(crate::plugin::interface::functions::nanoseconds),
        time: crate::plugin::interface::to_wit::moment(header.time),
        trigger: section::Trigger {
            kind: header.trigger.kind.word().to_owned(),
            detail: header.trigger.detail.clone(),
            count: header.trigger.count,
        },
        deadline: crate::plugin::interface::functions::nanoseconds(
            deadline.saturating_duration_since(Instant::now()),
        ),
        max_blocks: limits.blocks,
        max_bytes: limits.output_bytes,
    }
}

/// An error as its author has to hear it: the limit that was exceeded, or the trap, and where.
fn broken(error: &wasmtime::Error, state: &State, began: Instant) -> Broken {
    let frames = error.downcast_ref::<WasmBacktrace>().map(trap::frames).unwrap_or_default();
    Broken { reason: reason(error, state, began), frames }
}

fn reason(error: &wasmtime::Error, state: &State, began: Instant) -> String {
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return format!("it exited with status {} instead of returning", exit.0);
    }
    match (error.downcast_ref::<Trap>(), state.limiter.refused()) {
        (Some(Trap::Interrupt), _) => deadline_passed(state, began),
        (Some(Trap::StackOverflow), _) => {
            format!(
                "its calls are nested too deeply: its stack of {} is used up",
                size(state.limiter.limits().wasm_stack_bytes)
            )
        }
        (_, Some(refused)) => refused.to_owned(),
        (Some(Trap::UnreachableCodeReached), None) => "it trapped: it panicked or aborted".to_owned(),
        (Some(trap), None) => format!("it trapped: {trap}"),
        (None, None) => other(error, state.limiter.limits()),
    }
}

/// Wasmtime has no type for these; its words are in the last cause.
fn other(error: &wasmtime::Error, limits: &Limits) -> String {
    let cause = error.root_cause().to_string();
    if cause.contains("fuel allocated for hostcalls") {
        let (text, blocks, items) = (size(limits.output_bytes), limits.blocks, limits.items);
        return format!(
            "it handed over far more than it may: {text} of text, {blocks} blocks, {items} items"
        );
    }
    match cause.strip_prefix("resource limit exceeded: ").and_then(|rest| rest.split(' ').next()) {
        Some("instance") => format!("it has more than its {} core instances", limits.instances),
        Some("memory") => format!("it has more than its {} memories", limits.memories),
        Some("table") => format!("it has more than its {} tables", limits.tables),
        Some(_) => format!("it has more parts than it may: {cause}"),
        None => cause,
    }
}

fn deadline_passed(state: &State, began: Instant) -> String {
    let own = state.limiter.limits().deadline;
    let given = state.deadline.saturating_duration_since(began);
    // Less than all of it, since on a loaded machine the call begins some time after its deadline is set.
    match given * 4 >= own * 3 {
        true => format!("its deadline of {own:?} passed"),
        false => format!("the report had {given:?} left for it, and they passed"),
    }
}
