//! What the application tells of itself: values that it registered under names.
//!
//! Granted by name, `facts:pool.size`, or by the beginning of a name, `facts:pool.*`; `facts:*` is all of them.

use std::fmt;

use serde::de::DeserializeOwned;

pub use crate::bindings::gmr::plugin::facts::FactError;
use crate::{Failure, Field, imports};

/// A fact that cannot be read, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    /// The fact's name.
    pub fact: String,
    /// Why it cannot be read.
    pub cause: FactError,
}

/// The names of the facts that are granted to this plugin and registered, sorted.
pub fn names() -> Vec<String> {
    imports::facts::names()
}

/// A fact as named values. An object gives a field for each value in it, nested names joined by dots; anything else
/// gives one field that has the name of the fact. An array that holds objects or arrays gives its elements numbered
/// from 0.
///
/// # Errors
///
/// See [`FactError`].
pub fn read(name: &str) -> Result<Vec<Field>, Error> {
    imports::facts::read(name).map_err(|cause| Error { fact: name.to_owned(), cause })
}

/// A fact as JSON.
///
/// # Errors
///
/// See [`FactError`].
pub fn json(name: &str) -> Result<String, Error> {
    imports::facts::json(name).map_err(|cause| Error { fact: name.to_owned(), cause })
}

/// A fact as a type of the plugin's own.
///
/// ```
/// # use gmr_plugin::{facts, testing::Host};
/// let sizes = Host::new()
///     .fact("pool.sizes", serde_json::json!([4, 8]))
///     .within(|| facts::parse::<Vec<u32>>("pool.sizes"))?;
/// assert_eq!(sizes, [4, 8]);
/// # Ok::<(), gmr_plugin::facts::Error>(())
/// ```
///
/// # Errors
///
/// See [`FactError`]; `Failed` also where the fact is not of that type.
pub fn parse<T: DeserializeOwned>(name: &str) -> Result<T, Error> {
    serde_json::from_str(&json(name)?).map_err(|error| Error {
        fact: name.to_owned(),
        cause: FactError::Failed(format!("it is not of the expected type: {error}")),
    })
}

impl fmt::Display for Error {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fact = &self.fact;
        match &self.cause {
            FactError::Denied(denial) => write!(to, "fact {fact} is not granted: {}", denial.advice),
            FactError::Unknown => write!(to, "the application registered no fact {fact}"),
            FactError::Failed(reason) => write!(to, "fact {fact}: {reason}"),
            FactError::Stalled => write!(to, "fact {fact} has not answered in time"),
            FactError::TooLarge => write!(to, "fact {fact} is larger than what the host passes on"),
        }
    }
}

impl std::error::Error for Error {}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        match error.cause {
            FactError::Denied(denial) => Failure::Denied(denial),
            FactError::Unknown => Failure::Unavailable(error.to_string()),
            _ => Failure::other(error),
        }
    }
}
