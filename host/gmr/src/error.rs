//! The one error of set-up. At report time a failure is data, never an error.

use std::fmt;

/// Why a reporter could not be installed.
///
/// Its text names the file, the line and the option at fault where there is one; what lies beneath is
/// its [`source`](std::error::Error::source).
///
/// ```
/// let error = gmr::Settings::from_toml("[gmr]\nlogdir = '/tmp'", "app.toml").unwrap_err();
/// assert!(error.is_settings());
/// assert_eq!(error.to_string(), "app.toml:2: unknown option `gmr.logdir`; did you mean `log_dir`?");
/// ```
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Settings,
    Section,
    AlreadyInstalled,
    System,
}

impl Error {
    pub(crate) fn settings(message: impl Into<String>) -> Error {
        Error { kind: Kind::Settings, message: message.into(), source: None }
    }

    pub(crate) fn section(message: impl Into<String>) -> Error {
        Error { kind: Kind::Section, message: message.into(), source: None }
    }

    pub(crate) fn already_installed() -> Error {
        let message = "a reporter is already installed in this process; drop its guard first";
        Error { kind: Kind::AlreadyInstalled, message: message.to_owned(), source: None }
    }

    pub(crate) fn system(
        message: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Error {
        Error { kind: Kind::System, message: message.into(), source: Some(source.into()) }
    }

    /// Whether an option is unknown, of a wrong type, or impossible.
    pub fn is_settings(&self) -> bool {
        self.kind == Kind::Settings
    }

    /// Whether two sections would have the same name.
    pub fn is_section(&self) -> bool {
        self.kind == Kind::Section
    }

    /// Whether this process has a reporter already.
    pub fn is_already_installed(&self) -> bool {
        self.kind == Kind::AlreadyInstalled
    }

    /// Whether the operating system refused something: a file, a thread, a signal.
    pub fn is_system(&self) -> bool {
        self.kind == Kind::System
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
