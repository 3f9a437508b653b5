//! What an executable file consists of, as far as a report depends on it.

use std::fs::{self, File};
use std::path::Path;

use object::read::CompressionFormat;
use object::{Object, ObjectSection, ReadCache};

use super::files::separate_files;

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
        let file = File::open(path).map_err(|error| fail(&error))?;
        let cache = ReadCache::new(&file);
        let object = object::File::parse(&cache).map_err(|error| fail(&error))?;
        let has = |name: &str| object.section_by_name(name).is_some_and(|section| section.size() > 0);
        let line_tables = has(".debug_line");
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let separate = if line_tables {
            None
        } else {
            let places = separate_files(&object, object.build_id().ok().flatten(), &real);
            places.iter().find(|place| place.exists()).map(|place| place.display().to_string())
        };
        let compressed = object.section_by_name(".debug_info").is_some_and(|section| {
            section.compressed_file_range().is_ok_and(|range| range.format != CompressionFormat::None)
        });
        Ok(Contents {
            unwind_tables: has(".eh_frame"),
            symbols: has(".symtab"),
            line_tables,
            compressed,
            separate,
        })
    }
}
