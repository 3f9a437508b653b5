//! The configuration of plugins, as plain values: what the application says about them. Reading it from TOML is the
//! settings' business.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::compiler::CompilerConfig;
use super::{FileLimits, Grant};

/// What the application says about all of its plugins.
#[derive(Clone, Debug, Default)]
pub(crate) struct Config {
    /// The folders, searched in this order. A folder that does not exist yet is watched for.
    pub(crate) directories: Vec<PathBuf>,
    /// Where compiled plugins are kept across restarts; `None` keeps none. It is created with mode 0700.
    pub(crate) cache_dir: Option<PathBuf>,
    /// Where plugins are compiled.
    pub(crate) compiler: CompilerConfig,
    /// By the plugin's name. A plugin that is not named has the defaults: no grants, no settings.
    pub(crate) plugins: BTreeMap<String, PluginConfig>,
    /// Names that the application's own sections have, which no plugin can have.
    pub(crate) taken: Vec<String>,
    /// How many plugins run at once; 0 for one a processor, at most 4.
    pub(crate) parallel: usize,
}

impl Config {
    pub(crate) fn plugin(&self, name: &str) -> PluginConfig {
        self.plugins.get(name).cloned().unwrap_or_default()
    }
}

/// What the application says about one plugin: the table `[gmr.plugins.NAME]`.
///
/// ```
/// use gmr::plugin::{Grant, PluginConfig};
///
/// let config = PluginConfig::default().with_grants([Grant::Process]);
/// assert!(config.enabled);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PluginConfig {
    /// What it may see. Default: nothing beyond its settings and a clock.
    pub grants: Vec<Grant>,
    /// What it is told: `[gmr.plugins.NAME.settings]`.
    pub settings: toml::Table,
    /// What its file may consist of.
    pub file: FileLimits,
    /// What one call of it may use up.
    pub limits: Limits,
    /// Whether it runs at all. Default: `true`.
    pub enabled: bool,
}

impl Default for PluginConfig {
    fn default() -> PluginConfig {
        PluginConfig {
            grants: Vec::new(),
            settings: toml::Table::new(),
            file: FileLimits::default(),
            limits: Limits::default(),
            enabled: true,
        }
    }
}

impl PluginConfig {
    /// The same with these grants instead of its own.
    #[must_use]
    pub fn with_grants(mut self, grants: impl IntoIterator<Item = Grant>) -> PluginConfig {
        self.grants = grants.into_iter().collect();
        self
    }

    /// The same with these limits instead of its own.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> PluginConfig {
        self.limits = limits;
        self
    }
}

/// What one call of a plugin may use up. Exceeding a limit fails that plugin's section with the limit's name.
///
/// ```
/// use gmr::plugin::{Limits, PluginConfig};
///
/// let mut limits = Limits::default();
/// limits.memory_bytes = 64 << 20;
/// let config = PluginConfig::default().with_limits(limits);
/// assert_eq!(config.limits.blocks, 10_000, "the others stay at their defaults");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Time on the wall, from the first instruction. Default: 1 second. When the report's own time gets
    /// short, plugins share what is left.
    pub deadline: Duration,
    /// Linear memory in bytes, all memories of the component together. Default: 128 MiB, which a Python
    /// interpreter needs the half of; pages that are not touched cost nothing.
    pub memory_bytes: u64,
    /// Table elements, all tables together. Default: 100,000; each takes 8 to 16 bytes.
    pub table_elements: u64,
    /// Core instances. Default: 200; a Python component has about 40, one a shared library.
    pub instances: u32,
    /// Linear memories, however small. Default: 200.
    pub memories: u32,
    /// Tables, however small. Default: 200.
    pub tables: u32,
    /// WebAssembly stack in bytes, 64 KiB to 64 MiB. Default: 1 MiB, twice what wasmtime gives: Python's interpreter
    /// recurses in it. Each size that occurs takes an engine of its own, of about 100 KB.
    pub wasm_stack_bytes: u64,
    /// Calls to the interfaces of `gmr:plugin`. Default: 100,000.
    pub host_calls: u64,
    /// Bytes of text in the section. Default: 1 MiB. In one call to the host twice as much may pass.
    pub output_bytes: u64,
    /// Bytes of a single text; what is longer is cut. Default: 256 KiB.
    pub text_bytes: u64,
    /// Blocks in the section. Default: 10,000.
    pub blocks: u32,
    /// Rows, fields, members, frames and list items in the section. Default: 100,000.
    pub items: u32,
    /// Bytes of standard output and error that are kept, the two together. Default: 16 KiB; the rest is
    /// dropped, which is no failure.
    pub diagnostic_bytes: u32,
    /// Bytes of a file or a fact that the plugin reads. Default: 1 MiB.
    pub input_bytes: u64,
}

impl Limits {
    /// The sizes that a WebAssembly stack may have: less is used up before a section is begun, and more asks for a
    /// call that recurses without end.
    pub(crate) const WASM_STACK_BYTES: std::ops::RangeInclusive<u64> = 64 << 10..=64 << 20;
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            deadline: Duration::from_secs(1),
            memory_bytes: 128 << 20,
            table_elements: 100_000,
            instances: 200,
            memories: 200,
            tables: 200,
            wasm_stack_bytes: 1 << 20,
            host_calls: 100_000,
            output_bytes: 1 << 20,
            text_bytes: 256 << 10,
            blocks: 10_000,
            items: 100_000,
            diagnostic_bytes: 16 << 10,
            input_bytes: 1 << 20,
        }
    }
}
