//! Names, files, lines and inlined calls from one file's DWARF.

use crate::debug_files::{self, ObjectFile};
use crate::threads::Symbol;
use gimli::{DwarfSections, EndianSlice, RunTimeEndian};
use object::Object as _;
use std::borrow::Cow;
use std::path::PathBuf;

/// The most inlined calls that are listed at one address: the deepest met in optimised async code is below
/// forty.
const MAX_INLINED: usize = 128;

/// Fills `found`, one entry for each offset, as far as the debug information knows it.
pub(super) fn search(
    file: &ObjectFile,
    directories: &[PathBuf],
    offsets: &[u64],
    found: &mut [Vec<Symbol>],
) -> Result<(), gimli::Error> {
    let endian = match file.object().is_none_or(|object| object.is_little_endian()) {
        true => RunTimeEndian::Little,
        false => RunTimeEndian::Big,
    };
    let shared_file = debug_files::find_shared(file, directories);
    let sections = load(file)?;
    let shared_sections = shared_file.as_ref().map(load).transpose()?;
    let dwarf = sections.borrow_with_sup(shared_sections.as_ref(), |bytes| EndianSlice::new(bytes, endian));
    let context = addr2line::Context::from_dwarf(dwarf)?;
    for (offset, symbols) in offsets.iter().zip(found) {
        // Split debug information is not loaded: what the file itself knows has to do.
        let Ok(mut frames) = context.find_frames(*offset).skip_all_loads() else { continue };
        while let Ok(Some(frame)) = frames.next() {
            if symbols.len() >= MAX_INLINED {
                break;
            }
            let function = frame.function.as_ref().and_then(|function| function.demangle().ok());
            let location = frame.location.as_ref();
            symbols.push(Symbol {
                function: function.map(Cow::into_owned).unwrap_or_default(),
                file: location.and_then(|location| location.file).map(PathBuf::from),
                line: location.and_then(|location| location.line).filter(|line| *line > 0),
                column: location.and_then(|location| location.column).filter(|column| *column > 0),
            });
        }
    }
    Ok(())
}

fn load(file: &ObjectFile) -> Result<DwarfSections<Cow<'_, [u8]>>, gimli::Error> {
    DwarfSections::load(|id| Ok(file.section(id.name()).unwrap_or_default()))
}
