//! The store of one call: the plugin's identity, what it may see and what it has used up. Made for each call and
//! dropped after it, so that nothing passes from one report or plugin to the next but what the plugin hands to `state`.

use std::sync::Arc;
use std::time::Instant;

use wasmtime::component::ResourceTable;
use wasmtime::{Engine, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use super::deadline;
use super::limits::{Limiter, transfer_bytes};
use super::output::Captured;
use crate::plugin::interface::single_files::SingleFiles;
use crate::plugin::interface::state::Draft;
use crate::plugin::interface::subject::{Identity, Subject};
use crate::plugin::interface::wasi;

/// The data of a store.
pub struct State {
    pub subject: Arc<Subject>,
    pub identity: Arc<Identity>,
    pub deadline: Instant,
    pub limiter: Limiter,
    pub output: Captured,
    pub files: SingleFiles,
    /// What the plugin remembers, as this call sees and changes it.
    pub draft: Draft,
    wasi: WasiCtx,
    table: ResourceTable,
}

/// How many WASI handles a plugin may hold at once. Python opens a few dozen.
const MAX_HANDLES: usize = 1000;

impl State {
    pub fn new(subject: Arc<Subject>, identity: Arc<Identity>, draft: Draft, deadline: Instant) -> State {
        let limits = identity.config.limits.clone();
        let output = Captured::new(limits.diagnostic_bytes);
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_HANDLES);
        let (wasi, files) = wasi::context(&identity, &output);
        State {
            subject,
            identity,
            deadline,
            limiter: Limiter::new(limits),
            output,
            files,
            draft,
            wasi,
            table,
        }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// A store whose calls keep to the plugin's limits and to the deadline.
pub fn new(engine: &Engine, state: State) -> Store<State> {
    let deadline = state.deadline;
    let fuel = transfer_bytes(state.limiter.limits());
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.limiter);
    store.set_hostcall_fuel(fuel);
    deadline::interrupt(&mut store, deadline);
    store
}
