//! Settings, the `[gmr]` table: TOML and environment in, values with defaults out.
//!
//! One list, at [`Settings`], says all about an option: its name, type, default, meaning, and how it is read.
//! What cannot be meant is refused at install, with its place; nothing is ignored in silence.

mod environment;
#[cfg(test)]
mod fuzz;
mod item;
#[cfg(feature = "plugin")]
mod plugins;
mod quantity;
mod signal;
mod table;

#[cfg(feature = "plugin")]
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gmr_report::Format;
use item::{Item, Source};
pub use signal::Signal;
#[cfg(feature = "plugin")]
pub(crate) use table::nearest;
use table::{Row, Table};
use toml::de::{DeTable, DeValue};

use crate::error::Error;
#[cfg(feature = "plugin")]
use crate::plugin::{Compile, CompilerConfig, OUTPUT_BYTES, PluginConfig};

/// Makes [`Settings`], its defaults and the table of its options out of one list, whose rows are: meaning,
/// name, type, default, the default as the README shows it, and how the option's value is read. The README's
/// table has the same names, defaults and meanings, which a test checks.
macro_rules! options {
    (
        $(#[$about:meta])*
        pub struct Settings {
            $(
                $(#[doc = $meaning:literal])+
                $(#[cfg($condition:meta)])?
                $key:ident: $type:ty = $default:expr, $shown:literal, |$item:ident| $read:expr;
            )+
        }
    ) => {
        $(#[$about])*
        pub struct Settings {
            $(
                $(#[doc = $meaning])+
                #[doc = concat!("\n\nDefault: ", $shown, ".")]
                $(#[cfg($condition)])?
                pub $key: $type,
            )+
        }

        impl Default for Settings {
            fn default() -> Settings {
                Settings { $( $(#[cfg($condition)])? $key: $default, )+ }
            }
        }

        const OPTIONS: &[Row<Settings>] = &[
            $(
                $(#[cfg($condition)])?
                Row::new(stringify!($key), |settings, $item| {
                    settings.$key = $read;
                    Ok(())
                }),
                $(
                    #[cfg(not($condition))]
                    Row { key: stringify!($key), set: None },
                )?
            )+
        ];

        /// Name, default and meaning of each option, as the README has them.
        #[cfg(test)]
        const DOCUMENTED: &[(&str, &str, &str)] =
            &[ $( (stringify!($key), $shown, concat!($($meaning),+)), )+ ];
    };
}

options! {
    /// What an operator may decide.
    ///
    /// Read from a TOML file's `[gmr]` table, or made in code from [`Settings::default`]. Each option is also
    /// an environment variable, `GMR_LOG_DIR` for `log_dir`, which wins over the file; see
    /// [`Settings::with_environment`].
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let settings = gmr::Settings::from_toml(
    ///     "[gmr]
    ///      log_dir = '/var/log/shop'
    ///      keep = 20
    ///      deadline = '2s'",
    ///     "shop.toml",
    /// )?;
    /// assert_eq!(settings.keep, Some(20));
    /// assert_eq!(settings.deadline, Duration::from_secs(2));
    /// # Ok::<(), gmr::Error>(())
    /// ```
    #[derive(Clone, Debug, PartialEq)]
    #[non_exhaustive]
    pub struct Settings {
        /// A directory; each report becomes a file `{service}_gurumeditation_{UTC}_{pid}_{n}.txt` or `.json`
        /// in it, mode 0600, whole when it appears.
        log_dir: Option<PathBuf> = None, "none: standard error", |item| Some(item.text()?.into());

        /// How many report files of this service stay in `log_dir`, from 1; the oldest ones beyond it, by the
        /// file system's clock, are removed. The report just written always stays, and for a minute what
        /// another process has written.
        keep: Option<u32> = None, "all", |item| Some(item.count()?);

        /// A path whose change asks for a report: touched, written, created, replaced by rename, or a
        /// directory in which something changes other than report files, the file of standard error, and what
        /// is in directories below. Setting it turns the signal off: it is still caught, and answered by one
        /// line.
        file_event_handler: Option<PathBuf> = None, "none", |item| Some(item.text()?.into());

        /// How often that path is looked at where the kernel gives no events, as on network mounts: `1`
        /// (seconds), `0.25`, `"250ms"`. From 10 ms.
        file_event_handler_interval: Duration = Duration::from_secs(1), "`1`",
            |item| item.duration(SHORTEST)?;

        /// The signal that asks for a report: a name, a number, or `none`.
        signal: Signal = Signal::USR2, "`SIGUSR2`", |item| item.word_or_number()?;

        /// The signal by which running threads are asked for their stack, or `none`.
        thread_signal: Signal = Signal::URG, "`SIGURG`", |item| thread_signal(item)?;

        /// How reports are written: `text`, for people, or `json`, for programs.
        format: Format = Format::Text, "`text`", |item| item.word()?;

        /// How long a report may take in all; what is ready by then is printed. From 10 ms.
        deadline: Duration = Duration::from_secs(5), "`5`", |item| item.duration(SHORTEST)?;

        /// The name in reports and file names.
        service: Option<String> = None, "the package's name", |item| Some(item.text()?.to_owned());

        /// Configuration keys to mask beside those found by name, such as `storage.dsn`; `*` stands for any
        /// characters.
        secrets: Vec<String> = Vec::new(), "none", |item| item.texts(',')?;

        /// Configuration keys to take out of the mask, such as `scheduler.seed`; `*` stands for any characters.
        shown: Vec<String> = Vec::new(), "none", |item| item.texts(',')?;

        /// The folders that plugins are loaded from; one or several.
        #[cfg(feature = "plugin")]
        plugin_dir: Vec<PathBuf> = Vec::new(), "none", |item| item.texts(':')?;

        /// Whether plugins in WebAssembly's text format (`.wat`) are taken, beside those in the binary one.
        #[cfg(feature = "plugin")]
        plugin_text: bool = false, "`false`", |item| item.flag()?;

        /// How much all plugins of a report may hand over together, as bytes or `"8 MiB"`; each has its share, and
        /// what others leave of theirs.
        #[cfg(feature = "plugin")]
        plugin_output: u64 = OUTPUT_BYTES, "`8 MiB`", |item| item.size()?;

        /// A private directory for compiled plugins, made with mode 0700; without it they are compiled at
        /// each start.
        #[cfg(feature = "plugin")]
        cache_dir: Option<PathBuf> = None, "none", |item| Some(item.text()?.into());

        /// Where plugins are compiled: `child`, in a process of its own, under limits; `process`, in this one; `auto`, in a
        /// child where there is a program for it, else in this process; `never`: only what `gmr plugin compile` has put
        /// into `cache_dir` runs.
        #[cfg(feature = "plugin")]
        compile: Compile = Compile::Auto, "`auto`", |item| item.word()?;

        /// The `gmr` command, by which a child compiles. Only root or the process's user may be able to write it.
        #[cfg(feature = "plugin")]
        compiler: Option<PathBuf> = None, "this executable, if it calls `gmr::plugin::compile_if_asked`",
            |item| Some(item.text()?.into());

        /// How much memory a compiling child may take, as address space. From 64 MiB.
        #[cfg(feature = "plugin")]
        compile_memory: u64 = CompilerConfig::MEMORY_BYTES, "`\"1 GiB\"`", |item| compile_memory(item)?;

        /// How much processor time a compiling child may take, in whole seconds. From 1 second.
        #[cfg(feature = "plugin")]
        compile_time: Duration = CompilerConfig::TIME, "`120`", |item| item.duration(Duration::from_secs(1))?;

        /// What each plugin is granted and given, by its name: the file's, without `.wasm`.
        #[cfg(feature = "plugin")]
        plugins: BTreeMap<String, PluginConfig> = BTreeMap::new(), "none", |item| plugins::read(item)?;
    }
}

/// The shortest deadline and interval: below it a report would be cut before it can begin.
const SHORTEST: Duration = Duration::from_millis(10);

#[cfg(feature = "plugin")]
fn compile_memory(item: &Item<'_>) -> Result<u64, Error> {
    // An executable of some size has to be loaded first.
    const LEAST_BYTES: u64 = 64 << 20;
    let bytes = item.size()?;
    if bytes < LEAST_BYTES {
        return Err(item.error("must be at least 64 MiB"));
    }
    Ok(bytes)
}

fn thread_signal(item: &Item<'_>) -> Result<Signal, Error> {
    let signal: Signal = item.word_or_number()?;
    match signal.unfit_for_threads() {
        Some(message) => Err(item.error(message)),
        None => Ok(signal),
    }
}

impl Settings {
    /// Reads the `[gmr]` table of a TOML file; a file without one gives the defaults.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is no TOML, or has a `[gmr]` table with an unknown key, a wrong type or an
    /// impossible value.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Settings, Error> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Error::system(format!("cannot read settings from {}", path.display()), error))?;
        Settings::from_toml(&text, &path.display().to_string())
    }

    /// Reads the `[gmr]` table of a TOML text; `name` is what errors call it.
    ///
    /// # Errors
    ///
    /// As [`Settings::from_file`].
    pub fn from_toml(text: &str, name: &str) -> Result<Settings, Error> {
        let source = Source::File { name, text };
        let document = DeTable::parse(text)
            .map_err(|error| source.error(error.span().unwrap_or_default(), error.message()))?;
        let mut settings = Settings::default();
        let Some(value) = document.get_ref().get("gmr") else { return Ok(settings) };
        let DeValue::Table(table) = value.get_ref() else {
            return Err(source.error(value.span(), "`gmr` must be a table"));
        };
        Table::new(source, "gmr", table).read(OPTIONS, &mut settings)?;
        settings.check()?;
        Ok(settings)
    }

    /// Refuses options that exclude each other, and what code may set though no file can.
    fn check(&self) -> Result<(), Error> {
        if let Some(message) = self.thread_signal.unfit_for_threads() {
            return Err(Error::settings(format!("`gmr.thread_signal` {message}")));
        }
        if self.signal.number().is_some() && self.signal == self.thread_signal {
            return Err(Error::settings(format!(
                "`gmr.signal` and `gmr.thread_signal` are both {}: give them different signals",
                self.signal
            )));
        }
        if self.keep.is_some() && self.log_dir.is_none() {
            return Err(Error::settings("`gmr.keep` has no meaning without `gmr.log_dir`"));
        }
        #[cfg(feature = "plugin")]
        self.check_compiler()?;
        Ok(())
    }

    #[cfg(feature = "plugin")]
    fn check_compiler(&self) -> Result<(), Error> {
        if self.compile == Compile::Never && self.cache_dir.is_none() {
            return Err(Error::settings(
                "`gmr.compile` is \"never\", and there is no `gmr.cache_dir` to take compiled plugins from",
            ));
        }
        if self.compile == Compile::Child && self.compiler.is_none() && !crate::plugin::is_compiler() {
            let offer = crate::plugin::OFFER;
            return Err(Error::settings(format!(
                "`gmr.compile` is \"child\", and there is no program for it: {offer}"
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_has_each_option_with_its_default_and_meaning() {
        let readme =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
        // What stands in a plugin's table is told in a chapter of its own.
        for (name, default, meaning) in DOCUMENTED.iter().filter(|(name, ..)| *name != "plugins") {
            let row = format!("| `{name}` | {default} | {} |", meaning.trim());
            assert!(readme.lines().any(|line| line == row), "the README lacks this row of its table:\n{row}");
        }
    }
}
