//! Installing the handler for the directed signal ahead of the first capture, and putting back what was
//! there before.

use super::{Options, platform};
use std::fmt;
use std::io;

/// Keeps the handler of [`Options::signal`] installed. Dropping it restores the disposition that was there
/// before, if ours is still in place and no signal of ours is on its way.
#[derive(Debug)]
#[must_use = "dropping it uninstalls the handler again"]
pub struct Prepared {
    signal: Option<i32>,
}

/// Why the signal cannot be used.
#[derive(Debug)]
pub enum PrepareError {
    /// It cannot be caught, or means a fault, or does not exist.
    Unsuitable(i32),
    /// Another handler has been installed over ours.
    Taken(i32),
    /// The system refused.
    Refused(i32, io::Error),
}

impl fmt::Display for PrepareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PrepareError::Unsuitable(signal) => {
                write!(f, "signal {signal} cannot serve to ask threads for stacks")
            }
            PrepareError::Taken(signal) => {
                write!(f, "another handler for signal {signal} has been installed over ours")
            }
            PrepareError::Refused(signal, _) => write!(f, "no handler can be installed for signal {signal}"),
        }
    }
}

impl std::error::Error for PrepareError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            PrepareError::Refused(_, error) => Some(error),
            PrepareError::Unsuitable(_) | PrepareError::Taken(_) => None,
        }
    }
}

/// Installs the handler of [`Options::signal`] now. Without it the first capture that meets a running thread
/// does so, and the handler stays. A handler that was there before keeps getting the signals that are not
/// ours. Does nothing where there is no signal to be used.
///
/// # Errors
///
/// [`PrepareError`] if the handler cannot be installed. A capture then lists running threads without stacks.
///
/// ```
/// use gmr_inspect::threads::{Options, prepare};
///
/// let options = Options::default();
/// let prepared = prepare(&options).unwrap();
/// // ... captures ...
/// drop(prepared);
/// # #[cfg(target_os = "linux")]
/// assert!(prepare(&Options { signal: Some(9), ..options }).is_err());
/// ```
pub fn prepare(options: &Options) -> Result<Prepared, PrepareError> {
    platform::prepare(options).map(|signal| Prepared { signal })
}

impl Drop for Prepared {
    fn drop(&mut self) {
        if let Some(signal) = self.signal {
            platform::restore(signal);
        }
    }
}
