//! Symbols for a report that was written elsewhere: by a file that need not be loaded.

use super::{CodeOffset, search};
use crate::debug_files::ObjectFile;
use crate::threads::Symbol;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a file cannot serve to resolve a report.
#[derive(Debug)]
pub enum ResolveError {
    /// It cannot be opened, or is no object file.
    Open(PathBuf, io::Error),
    /// It is another build than the one the report speaks of, or does not say which build it is.
    OtherBuild {
        /// The file.
        path: PathBuf,
        /// The build id that the report gives.
        expected: String,
        /// The file's own.
        found: Option<String>,
    },
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ResolveError::Open(path, _) => write!(f, "{} cannot be read as an object file", path.display()),
            ResolveError::OtherBuild { path, expected, found: Some(found) } => {
                write!(f, "{} has build id {found}, wanted is {expected}", path.display())
            }
            ResolveError::OtherBuild { path, expected, found: None } => {
                write!(f, "{} has no build id, wanted is {expected}", path.display())
            }
        }
    }
}

impl std::error::Error for ResolveError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ResolveError::Open(_, error) => Some(error),
            ResolveError::OtherBuild { .. } => None,
        }
    }
}

/// The functions at each address of a file (the binary, or its separate debug information), innermost
/// inlined one first; empty where nothing is known. If a build id is given, the file must have the same.
/// Debug information is also searched in `directories` and beside the file.
///
/// # Errors
///
/// [`ResolveError`] if the file cannot be used.
///
/// ```
/// use gmr_inspect::symbols::{ResolveError, resolve_file};
///
/// let own = std::env::current_exe().unwrap();
/// assert!(resolve_file(&own, None, &[], &[]).unwrap().is_empty());
/// assert!(matches!(resolve_file(&own, Some("00"), &[], &[]), Err(ResolveError::OtherBuild { .. })));
/// ```
pub fn resolve_file(
    path: &Path,
    build_id: Option<&str>,
    directories: &[PathBuf],
    code: &[CodeOffset],
) -> Result<Vec<Vec<Symbol>>, ResolveError> {
    let file = ObjectFile::open(path).map_err(|error| ResolveError::Open(path.to_owned(), error))?;
    if let Some(expected) = build_id {
        let found = file.build_id();
        if !found.as_deref().is_some_and(|found| found.eq_ignore_ascii_case(expected)) {
            return Err(ResolveError::OtherBuild {
                path: path.to_owned(),
                expected: expected.to_owned(),
                found,
            });
        }
    }
    let mut offsets: Vec<u64> = code.iter().map(|code| code.lookup()).collect();
    offsets.sort_unstable();
    offsets.dedup();
    // The user chose the file and waits for the answer: no budget.
    let (found, _) = search(&file, &offsets, u64::MAX, directories);
    let at = |code: &CodeOffset| {
        offsets.binary_search(&code.lookup()).ok().and_then(|index| found.get(index)).cloned()
    };
    Ok(code.iter().map(|code| at(code).unwrap_or_default()).collect())
}
