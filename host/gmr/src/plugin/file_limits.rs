//! Limits of what a plugin's file may consist of, which are looked at before it is compiled.

/// What a plugin's file may consist of. One that exceeds a limit is not compiled, and the Plugins section names the limit:
/// a compiler takes time and memory by what a file has in it, not by its size alone.
///
/// ```
/// use gmr::plugin::{FileLimits, PluginConfig};
///
/// let mut config = PluginConfig::default();
/// config.file.functions = 100_000;
/// assert_eq!(config.file.nesting, FileLimits::default().nesting, "the others stay at their defaults");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileLimits {
    /// The file in bytes, at most 64 MiB. Default: 32 MiB; a Python component has 18.
    pub bytes: u64,
    /// How deep components are nested in one another. Default: 64. Bytes of nested components, counted once for each
    /// component around them, may be four times [`FileLimits::bytes`].
    pub nesting: u32,
    /// Core modules. Default: 64; a Python component has 14, one a shared library.
    pub modules: u32,
    /// Instantiations of components by others. Default: 16; a plugin has one or two. Each may double what has to be compiled.
    pub component_instances: u32,
    /// Functions, of all core modules together. Default: 50,000; a Python or JavaScript component has 13,000.
    pub functions: u32,
    /// The code of one function in bytes. Default: 1 MiB; the largest of Python has 417 KiB.
    pub function_bytes: u64,
    /// Locals of one function, parameters among them. Default: 5,000; the most of Python are 273.
    pub locals: u32,
    /// What one function costs the compiler by its branches: its locals times its blocks, branches and targets of branches,
    /// a loop inside of n others counting for n + 1. Default: 2,000,000; the costliest of JavaScript has 580,000. All
    /// functions of a file may have 16 times as much.
    pub branching: u64,
    /// Data segments, of all core modules together. Default: 50,000; a JavaScript component has 10,000.
    pub data_segments: u32,
    /// Custom sections in bytes, which hold names and debug information. Default: 16 MiB.
    pub custom_bytes: u64,
}

impl Default for FileLimits {
    fn default() -> FileLimits {
        FileLimits {
            bytes: 32 << 20,
            nesting: 64,
            modules: 64,
            component_instances: 16,
            functions: 50_000,
            function_bytes: 1 << 20,
            locals: 5_000,
            branching: 2_000_000,
            data_segments: 50_000,
            custom_bytes: 16 << 20,
        }
    }
}
