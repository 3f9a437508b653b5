//! Names, files, lines and inlined calls from one file's DWARF.

use super::symbol::Symbol;
use crate::debug_files::{ObjectBytes, SectionData, SectionFault};
use gimli::{DwarfSections, EndianSlice, RunTimeEndian, SectionId};
use object::Object as _;
use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Instant;

/// The most inlined calls that are listed at one address: the deepest met in optimised async code is below
/// forty.
const MAX_INLINED: usize = 128;

/// The sections that names, files, lines and inlined calls are looked up in. Others, as locations of variables, may be
/// as large, and would have to be decompressed for nothing.
pub(super) const SECTIONS: [SectionId; 10] = [
    SectionId::DebugAbbrev,
    SectionId::DebugAddr,
    SectionId::DebugAranges,
    SectionId::DebugInfo,
    SectionId::DebugLine,
    SectionId::DebugLineStr,
    SectionId::DebugRanges,
    SectionId::DebugRngLists,
    SectionId::DebugStr,
    SectionId::DebugStrOffsets,
];

/// Why debug information could not be searched.
pub(super) enum Fault {
    Damaged(gimli::Error),
    /// The system has no memory for a section of so many bytes.
    NoMemory(u64),
}

impl From<gimli::Error> for Fault {
    fn from(error: gimli::Error) -> Fault {
        Fault::Damaged(error)
    }
}

/// Fills `found`, one entry for each offset, as far as the debug information knows it; entries that there is
/// no time for are cut off. `shared` is the file that holds what this file's debug information shares with
/// others. Debug information reduced to line tables has functions' names without their paths: the indices of
/// entries whose real function is named so are returned, since the symbol table knows more.
pub(super) fn search(
    file: &ObjectBytes,
    shared: Option<&ObjectBytes>,
    offsets: &[u64],
    until: Option<Instant>,
    found: &mut Vec<Vec<Symbol>>,
) -> Result<Vec<usize>, Fault> {
    let is_little = file.object().is_none_or(|object| object.is_little_endian());
    let endian = if is_little { RunTimeEndian::Little } else { RunTimeEndian::Big };
    let sections = load(file)?;
    let shared_sections = shared.map(load).transpose()?;
    let dwarf = sections.borrow_with_sup(shared_sections.as_ref(), |bytes| EndianSlice::new(bytes, endian));
    let context = addr2line::Context::from_dwarf(dwarf)?;
    let mut short = Vec::new();
    let mut reached = found.len();
    for (index, (offset, symbols)) in offsets.iter().zip(&mut *found).enumerate() {
        if until.is_some_and(|until| Instant::now() >= until) {
            reached = index;
            break;
        }
        let mut is_short = false;
        // Split debug information is not loaded: what the file itself knows has to do.
        let Ok(mut frames) = context.find_frames(*offset).skip_all_loads() else { continue };
        while let Ok(Some(frame)) = frames.next() {
            if symbols.len() >= MAX_INLINED {
                break;
            }
            let function = frame.function.as_ref().and_then(|function| function.demangle().ok());
            is_short = frame.function.as_ref().is_some_and(|function| {
                let is_mangled =
                    function.raw_name().is_ok_and(|name| name.starts_with("_R") || name.starts_with("_Z"));
                // Names in C are whole as they are.
                !is_mangled && function.language == Some(gimli::DW_LANG_Rust)
            });
            let location = frame.location.as_ref();
            symbols.push(Symbol {
                function: function.map(Cow::into_owned).unwrap_or_default(),
                file: location.and_then(|location| location.file).map(PathBuf::from),
                line: location.and_then(|location| location.line).filter(|line| *line > 0),
                column: location.and_then(|location| location.column).filter(|column| *column > 0),
            });
        }
        if is_short {
            short.push(index);
        }
    }
    found.truncate(reached);
    Ok(short)
}

fn load(file: &ObjectBytes) -> Result<DwarfSections<SectionData<'_>>, Fault> {
    DwarfSections::load(|id| {
        if !SECTIONS.contains(&id) {
            return Ok(SectionData::default());
        }
        match file.section(id.name()) {
            Ok(section) => Ok(section.unwrap_or_default()),
            // What is damaged is absent: the rest may still say something.
            Err(SectionFault::Damaged) => Ok(SectionData::default()),
            Err(SectionFault::NoMemory(bytes)) => Err(Fault::NoMemory(bytes)),
        }
    })
}
