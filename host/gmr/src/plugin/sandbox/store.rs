//! What one call of a plugin carries: who is asking, what it may see and what it has used up. Made for each call and
//! dropped after it, so nothing passes from one report or plugin to the next.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use gmr_inspect::process::Process;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use crate::plugin::interface::bindings::wit::grants::Denial;
use crate::plugin::interface::facts::FactsOfReport;
use crate::plugin::interface::functions::wasi_files::Keyholes;
use crate::plugin::sandbox::limits::Limiter;
use crate::plugin::sandbox::output::Captured;
use crate::plugin::{Grant, PluginConfig};
use crate::report::Report;

/// What all calls of one report share.
pub struct Subject {
    /// The report until now, with its header.
    pub report: Arc<Report>,
    pub facts: FactsOfReport,
    pub process: Process,
    /// The zero of `clock.monotonic`.
    pub began: Instant,
}

/// Who a plugin is to the host.
#[derive(Debug)]
pub struct Identity {
    pub name: String,
    pub config: PluginConfig,
    /// The variables that it is granted, taken when the plugin was loaded: another thread of the application may
    /// change the environment at any time.
    pub environment: BTreeMap<String, String>,
}

impl Identity {
    pub fn new(name: &str, config: PluginConfig) -> Identity {
        let environment = config.grants.iter().filter_map(|grant| match grant {
            Grant::Environment(name) => {
                Some((name.clone(), std::env::var_os(name)?.to_string_lossy().into_owned()))
            }
            _ => None,
        });
        Identity { name: name.to_owned(), environment: environment.collect(), config }
    }

    fn has(&self, grant: &Grant) -> bool {
        self.config.grants.contains(grant)
    }
}

/// The data of one call's store.
pub struct State {
    pub subject: Arc<Subject>,
    pub identity: Arc<Identity>,
    pub deadline: Instant,
    pub limiter: Limiter,
    pub output: Captured,
    pub keyholes: Keyholes,
    wasi: WasiCtx,
    table: ResourceTable,
}

/// How many WASI handles a plugin may hold at once. Python opens a few dozen.
const MAX_HANDLES: usize = 1000;

/// Random bytes that one call may ask for; seeds need 32.
const MAX_RANDOM_BYTES: u64 = 64 << 10;

impl State {
    pub fn new(subject: Arc<Subject>, identity: Arc<Identity>, deadline: Instant) -> State {
        let limits = identity.config.limits.clone();
        let output = Captured::new(limits.diagnostic_bytes);
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_HANDLES);
        let (wasi, keyholes) = wasi(&identity, &output);
        State { subject, identity, deadline, limiter: Limiter::new(limits), output, keyholes, wasi, table }
    }

    /// Whether the plugin has this grant.
    ///
    /// # Errors
    ///
    /// What the plugin is told if it has not.
    pub fn allow(&self, grant: Grant) -> Result<(), Denial> {
        match self.identity.has(&grant) {
            true => Ok(()),
            false => Err(self.denial(&grant)),
        }
    }

    pub fn denial(&self, grant: &Grant) -> Denial {
        let (name, grant) = (&self.identity.name, grant.to_string());
        Denial {
            advice: format!("add \"{grant}\" to `grants` in [gmr.plugins.{name}] of the application"),
            grant,
        }
    }
}

/// WASI with nothing in it but the files and variables that are granted. Sockets and name look-ups are refused.
fn wasi(identity: &Identity, output: &Captured) -> (WasiCtx, Keyholes) {
    let mut wasi = WasiCtxBuilder::new();
    wasi.stdout(output.clone()).stderr(output.clone());
    wasi.allow_tcp(false).allow_udp(false).allow_ip_name_lookup(false);
    wasi.max_random_size(MAX_RANDOM_BYTES);
    // Each call has a thread, so nothing is gained by a pool of others that would stay behind.
    wasi.allow_blocking_current_thread(true);
    for (name, value) in &identity.environment {
        wasi.env(name, value);
    }
    let keyholes = preopen(&mut wasi, &identity.config.grants);
    (wasi.build(), keyholes)
}

/// Opens what the grants name; what is not there is not there for the plugin either.
fn preopen(wasi: &mut WasiCtxBuilder, grants: &[Grant]) -> Keyholes {
    let granted = grants.iter().filter_map(|grant| match grant {
        Grant::Read(path) => Some(path.as_path()),
        _ => None,
    });
    let (directories, files): (Vec<&Path>, Vec<&Path>) = granted.partition(|path| path.is_dir());
    for (path, name) in directories.iter().filter_map(|path| path.to_str().map(|name| (path, name))) {
        let _ = wasi.preopened_dir(path, name, FsPerms::ReadOnly);
    }
    let mut keyholes = Keyholes::default();
    // Within a granted directory a keyhole would hide what is beside the file.
    for file in files.iter().filter(|file| !directories.iter().any(|directory| file.starts_with(directory))) {
        let (Some(parent), Some(name)) = (file.parent(), file.file_name().and_then(OsStr::to_str)) else {
            continue;
        };
        if let Some(directory) = parent.to_str()
            && keyholes.grant(directory, name)
        {
            let _ = wasi.preopened_dir(parent, directory, FsPerms::ReadOnly);
        }
    }
    keyholes
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}
