//! The `[gmr]` table: TOML and environment in, values with defaults out.
//!
//! What cannot be meant is refused at install, with its place; nothing is ignored in silence.

mod environment;
#[cfg(feature = "plugin")]
mod plugins;
#[cfg_attr(not(feature = "plugin"), expect(dead_code, reason = "plugins' tables use the rest of it"))]
mod reader;
mod signal;

#[cfg(feature = "plugin")]
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gmr_report::Format;
use toml::de::{DeTable, DeValue};

pub(crate) use reader::{Item, nearest};
use reader::{Source, Table};
pub use signal::Signal;

use crate::error::Error;
#[cfg(feature = "plugin")]
use crate::plugin::PluginConfig;

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
    /// The directory that reports are written to, a file each. Default none: reports go to standard error.
    pub log_dir: Option<PathBuf>,
    /// How many report files of this service stay in [`Settings::log_dir`]: the oldest ones beyond it are
    /// removed after each report. From 1; default none: all stay.
    pub keep: Option<u32>,
    /// A path whose change asks for a report. Setting it turns the signal trigger off: the signal is still
    /// caught then, and answered by one line. Default none.
    pub file_event_handler: Option<PathBuf>,
    /// How often that path is looked at where the kernel reports no changes (network mounts). From 10 ms;
    /// default 1 s.
    pub file_event_handler_interval: Duration,
    /// The signal that asks for a report. Default `SIGUSR2`.
    pub signal: Signal,
    /// The signal by which running threads are asked for their stack. Default `SIGURG`.
    pub thread_signal: Signal,
    /// How reports are written. Default text.
    pub format: Format,
    /// The folders that plugins are loaded from. Default none.
    #[cfg(feature = "plugin")]
    pub plugin_dir: Vec<PathBuf>,
    /// A private directory in which compiled plugins are kept across restarts; it is made with mode 0700 if
    /// it is missing. Default none: plugins are compiled at each start.
    #[cfg(feature = "plugin")]
    pub cache_dir: Option<PathBuf>,
    /// How long a report may take in all; what is ready by then is printed. From 10 ms; default 5 s.
    pub deadline: Duration,
    /// The service's name in reports and file names. Default the package's name.
    pub service: Option<String>,
    /// Configuration keys to mask beside those that the default patterns find, such as `storage.dsn`;
    /// `*` stands for any characters.
    pub secrets: Vec<String>,
    /// What each plugin is granted and given, by its name: the file's, without `.wasm`.
    #[cfg(feature = "plugin")]
    pub plugins: BTreeMap<String, PluginConfig>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            log_dir: None,
            keep: None,
            file_event_handler: None,
            file_event_handler_interval: Duration::from_secs(1),
            signal: Signal::USR2,
            thread_signal: Signal::URG,
            format: Format::Text,
            #[cfg(feature = "plugin")]
            plugin_dir: Vec::new(),
            #[cfg(feature = "plugin")]
            cache_dir: None,
            deadline: Duration::from_secs(5),
            service: None,
            secrets: Vec::new(),
            #[cfg(feature = "plugin")]
            plugins: BTreeMap::new(),
        }
    }
}

/// The shortest deadline and interval: below it a report would be cut before it can begin.
const SHORTEST: Duration = Duration::from_millis(10);

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
        let source = Source::file(text, name);
        let document = DeTable::parse(text)
            .map_err(|error| source.error(error.span().unwrap_or_default(), error.message()))?;
        let mut settings = Settings::default();
        let Some(value) = document.get_ref().get("gmr") else { return Ok(settings) };
        let DeValue::Table(table) = value.get_ref() else {
            return Err(source.error(value.span(), "`gmr` must be a table"));
        };
        settings.read(Table::new(source, "gmr", table))?;
        settings.check()?;
        Ok(settings)
    }

    fn read(&mut self, mut table: Table<'_>) -> Result<(), Error> {
        for option in OPTIONS {
            if let Some(item) = table.take(option) {
                self.take_over(option, &item)?;
            }
        }
        #[cfg(feature = "plugin")]
        if let Some(item) = table.take("plugins") {
            self.plugins = plugins::read(item.table()?)?;
        }
        #[cfg(not(feature = "plugin"))]
        for key in ["plugins", "plugin_dir", "cache_dir"] {
            if let Some(item) = table.take(key) {
                return Err(
                    item.error("has no meaning: this executable was built without gmr's feature `plugin`")
                );
            }
        }
        table.finish()
    }

    fn take_over(&mut self, option: &str, item: &Item<'_>) -> Result<(), Error> {
        match option {
            "log_dir" => self.log_dir = Some(item.text()?.into()),
            "keep" => self.keep = Some(u32::try_from(item.integer(1..=u32::MAX.into())?).unwrap_or(u32::MAX)),
            "file_event_handler" => self.file_event_handler = Some(item.text()?.into()),
            "file_event_handler_interval" => self.file_event_handler_interval = at_least(SHORTEST, item)?,
            "signal" => self.signal = signal(item)?,
            "thread_signal" => self.thread_signal = signal(item)?,
            "format" => self.format = item.text()?.parse().map_err(|message: String| item.error(message))?,
            #[cfg(feature = "plugin")]
            "plugin_dir" => self.plugin_dir = paths(item)?,
            #[cfg(feature = "plugin")]
            "cache_dir" => self.cache_dir = Some(item.text()?.into()),
            "deadline" => self.deadline = at_least(SHORTEST, item)?,
            "service" => self.service = Some(item.text()?.to_owned()),
            "secrets" => self.secrets = texts(item)?,
            other => unreachable!("`{other}` stands among the options and is not read"),
        }
        Ok(())
    }

    /// Refuses options that exclude each other.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.signal.number().is_some() && self.signal == self.thread_signal {
            return Err(Error::settings(format!(
                "`gmr.signal` and `gmr.thread_signal` are both {}: give them different signals",
                self.signal
            )));
        }
        if self.keep.is_some() && self.log_dir.is_none() {
            return Err(Error::settings("`gmr.keep` has no meaning without `gmr.log_dir`"));
        }
        Ok(())
    }
}

/// All options of the `[gmr]` table but its `plugins`; the environment knows the same ones.
const OPTIONS: &[&str] = &[
    "log_dir",
    "keep",
    "file_event_handler",
    "file_event_handler_interval",
    "signal",
    "thread_signal",
    "format",
    #[cfg(feature = "plugin")]
    "plugin_dir",
    #[cfg(feature = "plugin")]
    "cache_dir",
    "deadline",
    "service",
    "secrets",
];

fn at_least(shortest: Duration, item: &Item<'_>) -> Result<Duration, Error> {
    let duration = item.duration()?;
    match duration < shortest {
        true => Err(item.error(format!("must be at least {} ms", shortest.as_millis()))),
        false => Ok(duration),
    }
}

fn signal(item: &Item<'_>) -> Result<Signal, Error> {
    item.text_or_integer()?.parse().map_err(|message: String| item.error(message))
}

fn texts(item: &Item<'_>) -> Result<Vec<String>, Error> {
    item.list().iter().map(|item| item.text().map(str::to_owned)).collect()
}

#[cfg(feature = "plugin")]
fn paths(item: &Item<'_>) -> Result<Vec<PathBuf>, Error> {
    item.list().iter().map(|item| item.text().map(PathBuf::from)).collect()
}
