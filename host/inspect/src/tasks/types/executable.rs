//! An executable's contents, as far as a report depends on them: unwind tables, symbols, line tables, debug
//! information.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use object::read::CompressionFormat;
use object::{Object, ObjectSection};

use super::sections;
use crate::debug_files;
use crate::tasks::model::{DebugInformationFault, Reason};

/// What is there.
pub(crate) struct Contents {
    pub(crate) unwind_tables: bool,
    /// Names of functions, beyond those that it exports.
    pub(crate) symbols: bool,
    pub(crate) line_tables: bool,
    pub(crate) compressed: bool,
    /// Where its debug information is instead, if it is elsewhere.
    pub(crate) separate: Option<PathBuf>,
}

impl Contents {
    pub(crate) fn of(path: &Path) -> Result<Contents, Reason> {
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let file = sections::open(path)?.known_as(real);
        let separate = if file.has_debug_info() {
            None
        } else {
            debug_files::find(&file, &debug_files::standard_directories())
        };
        // It was parsed when it was opened.
        // SAFETY: the executable itself or one that is asked about once: see `debug_files` for what is relied
        // on.
        let bytes = unsafe { file.map() }.ok();
        let object = bytes.as_ref().and_then(|bytes| bytes.object()).ok_or_else(|| {
            let error = io::Error::from(io::ErrorKind::InvalidData).into();
            Reason::DebugInformation(DebugInformationFault::NotOpened { path: path.into(), error })
        })?;
        let has = |name: &str| object.section_by_name(name).is_some_and(|section| section.size() > 0);
        let compressed = object.section_by_name(".debug_info").is_some_and(|section| {
            section.compressed_file_range().is_ok_and(|range| range.format != CompressionFormat::None)
        });
        Ok(Contents {
            unwind_tables: has(".eh_frame"),
            symbols: has(".symtab"),
            line_tables: has(".debug_line"),
            compressed,
            separate: separate.and_then(|file| file.path().map(Path::to_owned)),
        })
    }
}
