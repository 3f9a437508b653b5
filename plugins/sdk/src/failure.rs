//! Why there is no section: what the errors of the host's functions become.

use std::fmt;

use crate::bindings::gmr::plugin::{files::FileError, report::ReportError};
use crate::{Denial, Failure};

impl Failure {
    /// What the section shows does not exist here: no cgroup, no such fact.
    pub fn unavailable(reason: impl Into<String>) -> Failure {
        Failure::Unavailable(reason.into())
    }

    /// The plugin's settings are not right: which key, and what is expected.
    pub fn settings(reason: impl Into<String>) -> Failure {
        Failure::Settings(reason.into())
    }

    /// Anything else.
    pub fn other(reason: impl fmt::Display) -> Failure {
        Failure::Other(reason.to_string())
    }
}

impl From<Denial> for Failure {
    fn from(denial: Denial) -> Failure {
        Failure::Denied(denial)
    }
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Failure {
        match error {
            ReportError::Denied(denial) => Failure::Denied(denial),
            ReportError::Unknown => Failure::unavailable("the report has no such section"),
        }
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Failure {
        match error {
            FileError::Denied(denial) => Failure::Denied(denial),
            FileError::NotFound => Failure::unavailable("there is no such file"),
            FileError::NotAFile => Failure::other("it is no file that can be read to an end"),
            FileError::TooLarge => Failure::other("the file is larger than what the host passes on"),
            FileError::Failed(reason) => Failure::Other(reason),
        }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Failure {
        Failure::other(error)
    }
}
