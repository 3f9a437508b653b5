//! The configuration of plugins, as plain values: what the application says about them. Reading it from TOML is the
//! settings' business.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::compiler::CompilerConfig;
use super::{Digest, FileLimits, Grant};

/// What the application says about all of its plugins.
#[derive(Clone, Debug)]
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
    /// Whether plugins in WebAssembly's text format are taken.
    pub(crate) text: bool,
    /// What the sections of all plugins of a report may have together, in bytes.
    pub(crate) output_bytes: u64,
    /// How many plugins run at once; 0 for one a processor, at most 4.
    pub(crate) parallel: usize,
}

/// What plugins may hand over for one report: 8 MiB, of which text a reader has long enough.
pub(crate) const OUTPUT_BYTES: u64 = 8 << 20;

impl Default for Config {
    fn default() -> Config {
        Config {
            directories: Vec::new(),
            cache_dir: None,
            compiler: CompilerConfig::default(),
            plugins: BTreeMap::new(),
            taken: Vec::new(),
            text: false,
            output_bytes: OUTPUT_BYTES,
            parallel: 0,
        }
    }
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
    /// What it is told: `[gmr.plugins.NAME.settings]`. If it says which settings it has, it is called only with such as fit;
    /// [`Candidate::refused_settings`](super::Candidate::refused_settings) tells what does not.
    pub settings: toml::Table,
    /// What its file may consist of.
    pub file: FileLimits,
    /// What one call of it may use up.
    pub limits: Limits,
    /// Whether it runs at all. Default: `true`.
    pub enabled: bool,
    /// The content that its file must have. Default: any. A file of another content is refused, and what served before it
    /// goes on serving, so that nobody who may write to the folder has this plugin's grants.
    pub digest: Option<Digest>,
    /// Whether what it prints stands at the end of its section also when it succeeds. Default: `false`; at the end of a
    /// section that failed it stands always.
    pub show_diagnostics: bool,
    /// Whether what it remembers from one report to the next stands at the end of its section. Default: `false`.
    pub show_state: bool,
    /// Where the settings are written, if they come from a file.
    pub(crate) places: Places,
}

/// Where the settings of one plugin are written in a TOML file, so that what is found wrong later can be told with its place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    /// What errors call the file.
    pub(crate) file: String,
    /// Line and column of each key, both from 1, by the key's path as [`Problem`](gmr_report::schema::Problem) has it; that of
    /// the table itself is empty.
    pub(crate) keys: BTreeMap<String, (usize, usize)>,
}

/// Where something is written is no part of what it is.
impl PartialEq for Places {
    fn eq(&self, _: &Places) -> bool {
        true
    }
}

impl Places {
    /// Where a key is written, or what is nearest above it: `app.toml:12:3: `. Empty where nothing is known.
    pub(crate) fn of(&self, key: &str) -> String {
        let mut path = key;
        loop {
            if let Some((line, column)) = self.keys.get(path) {
                return format!("{}:{line}:{column}: ", self.file);
            }
            if path.is_empty() {
                return String::new();
            }
            path = path.rsplit_once('.').map_or("", |(above, _)| above);
        }
    }
}

impl Default for PluginConfig {
    fn default() -> PluginConfig {
        PluginConfig {
            grants: Vec::new(),
            settings: toml::Table::new(),
            file: FileLimits::default(),
            limits: Limits::default(),
            enabled: true,
            digest: None,
            show_diagnostics: false,
            show_state: false,
            places: Places::default(),
        }
    }
}

impl PluginConfig {
    /// # Errors
    ///
    /// That this plugin's file is to have another content: both digests, and how to allow this one.
    pub(super) fn refuse_another_digest(&self, name: &str, digest: Digest) -> Result<(), String> {
        let Some(pinned) = self.digest.filter(|pinned| *pinned != digest) else { return Ok(()) };
        Err(format!(
            "its digest is {digest}, and the settings want {pinned}: if this file is the one that is meant, set \
             `digest = \"{digest}\"` in [gmr.plugins.{name}]"
        ))
    }

    /// The same for no other content than the one of this digest.
    #[must_use]
    pub fn with_digest(mut self, digest: Digest) -> PluginConfig {
        self.digest = Some(digest);
        self
    }

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
    /// Bytes of keys and values that it remembers from one report to the next; what is no text counts 16. Default: 64 KiB.
    pub state_bytes: u64,
    /// Values that it remembers. Default: 256.
    pub state_entries: u32,
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
            state_bytes: 64 << 10,
            state_entries: 256,
        }
    }
}
