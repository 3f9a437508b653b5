//! What an executable file consists of, as far as a report depends on it.

use std::fs;
use std::path::Path;

use object::read::CompressionFormat;
use object::{Object, ObjectSection};

use crate::debug_files::{self, ObjectFile};

/// What is there.
pub(crate) struct Contents {
    pub(crate) unwind_tables: bool,
    /// Names of functions, beyond those that it exports.
    pub(crate) symbols: bool,
    pub(crate) line_tables: bool,
    pub(crate) compressed: bool,
    /// Where its debug information is instead, if it is elsewhere.
    pub(crate) separate: Option<String>,
}

impl Contents {
    pub(crate) fn of(path: &Path) -> Result<Contents, String> {
        let fail = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let file = ObjectFile::open(path).map_err(|error| fail(&error))?.known_as(real);
        let separate = match file.has_debug_info() {
            true => None,
            false => debug_files::find(&file, &debug_files::standard_directories()),
        };
        let object = file.object().ok_or_else(|| fail(&"not an object file"))?;
        let has = |name: &str| object.section_by_name(name).is_some_and(|section| section.size() > 0);
        let compressed = object.section_by_name(".debug_info").is_some_and(|section| {
            section.compressed_file_range().is_ok_and(|range| range.format != CompressionFormat::None)
        });
        Ok(Contents {
            unwind_tables: has(".eh_frame"),
            symbols: has(".symtab"),
            line_tables: has(".debug_line"),
            compressed,
            separate: separate.and_then(|file| Some(file.path()?.display().to_string())),
        })
    }
}
