//! Names, files, lines and inlined calls from one file's DWARF.

use super::excerpt::Units;
use super::search::is_over;
use super::symbol::Symbol;
use crate::debug_files::{ObjectBytes, SectionData, SectionFault};
use crate::process::{MemoryClaim, MemoryDemand, MemoryShortage};
use gimli::{DwarfSections, EndianSlice, RunTimeEndian, SectionId};
use object::Object as _;
use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Instant;

/// The most inlined calls that are listed at one address: the deepest met in optimised async code is below
/// forty.
const MAX_INLINED: usize = 128;

/// What is made of a unit that is searched takes so many times its size.
const MEMORY_PER_BYTE: u64 = 4;

/// The sections that names, files, lines and inlined calls are looked up in. Others, as locations of variables, may be
/// as large, and would have to be decompressed for nothing.
pub(super) const SECTIONS: [SectionId; 9] = [
    SectionId::DebugAbbrev,
    SectionId::DebugAddr,
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
    /// There is too little memory for what is made of some units.
    Shortage(MemoryShortage),
}

impl From<gimli::Error> for Fault {
    fn from(error: gimli::Error) -> Fault {
        Fault::Damaged(error)
    }
}

/// Fills `found`, one entry for each offset, as far as the debug information knows it; entries that there is
/// no time for are cut off. `shared` is the file that holds what this file's debug information shares with
/// others. Debug information reduced to line tables has functions' names without their paths: the indices of
/// entries whose real function is named so are added to `short`, since the symbol table knows more. What was
/// found before a fault stays.
pub(super) fn search(
    file: &ObjectBytes,
    shared: Option<&ObjectBytes>,
    offsets: &[u64],
    until: Option<Instant>,
    found: &mut Vec<Vec<Symbol>>,
    short: &mut Vec<usize>,
) -> Result<(), Fault> {
    let is_little = file.object().is_none_or(|object| object.is_little_endian());
    let endian = if is_little { RunTimeEndian::Little } else { RunTimeEndian::Big };
    let sections = sections_of(file)?;
    let shared_sections = shared.map(sections_of).transpose()?;
    let dwarf =
        || sections.borrow_with_sup(shared_sections.as_ref(), |bytes| EndianSlice::new(bytes, endian));
    let whole = dwarf();
    let Some(units) = Units::covering(&whole, offsets, until)? else {
        found.clear();
        return Ok(());
    };
    let mut damage = None;
    for part in units.parts() {
        let indices = part.indices();
        if is_over(until) {
            found.truncate(indices.first().copied().unwrap_or(0));
            break;
        }
        let bytes = units.bytes(&part) as u64;
        let _claim = MemoryClaim::of(MemoryDemand::new(bytes.saturating_mul(MEMORY_PER_BYTE), 0))
            .map_err(Fault::Shortage)?;
        let excerpt = match units.excerpt(&whole, &part) {
            Ok(Some(excerpt)) => excerpt,
            Ok(None) => return Err(Fault::NoMemory(bytes)),
            Err(error) => {
                damage = Some(error);
                continue;
            }
        };
        let mut part = dwarf();
        part.debug_info = gimli::DebugInfo::from(EndianSlice::new(&excerpt, endian));
        // They count from the begin of the whole.
        part.debug_aranges = gimli::DebugAranges::from(EndianSlice::new(&[], endian));
        match addr2line::Context::from_dwarf(part) {
            Ok(context) => short.extend(look_up(&context, offsets, &indices, found)),
            Err(error) => damage = Some(error),
        }
    }
    damage.map_or(Ok(()), |error| Err(error.into()))
}

/// Fills the entries at these indices. Returns those whose function has no path.
fn look_up(
    context: &addr2line::Context<EndianSlice<'_, RunTimeEndian>>,
    offsets: &[u64],
    indices: &[usize],
    found: &mut [Vec<Symbol>],
) -> Vec<usize> {
    let mut short = Vec::new();
    for index in indices {
        let (Some(offset), Some(symbols)) = (offsets.get(*index), found.get_mut(*index)) else { continue };
        // Several units may cover one address, and only one of them have a function there.
        if symbols.last().is_some_and(|symbol| !symbol.function.is_empty()) {
            continue;
        }
        symbols.clear();
        let mut is_short = false;
        // Split debug information is not loaded: what the file itself knows has to do.
        let folder = workspace(context, *offset);
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
                file: location
                    .and_then(|location| location.file)
                    .map(|file| PathBuf::from(within(file, folder))),
                line: location.and_then(|location| location.line).filter(|line| *line > 0),
                column: location.and_then(|location| location.column).filter(|column| *column > 0),
            });
        }
        if is_short {
            short.push(*index);
        }
    }
    short
}

/// The folder in which the unit at an address was compiled: that of the workspace, of which tasks and panics name files
/// without it. `None` for a package that was fetched: nothing else would tell whose file it is.
fn workspace<'s>(
    context: &addr2line::Context<EndianSlice<'s, RunTimeEndian>>,
    offset: u64,
) -> Option<&'s str> {
    let unit = context.find_dwarf_and_unit(offset).skip_all_loads()?;
    let folder = std::str::from_utf8(unit.comp_dir?.slice()).ok()?;
    let is_fetched =
        ["/registry/src/", "/git/checkouts/", "/rustc/"].iter().any(|part| folder.contains(part));
    (folder.starts_with('/') && !is_fetched).then_some(folder)
}

/// A file as seen from this folder, if it lies in it.
fn within<'f>(file: &'f str, folder: Option<&str>) -> &'f str {
    let below = folder.and_then(|folder| file.strip_prefix(folder)).and_then(|rest| rest.strip_prefix('/'));
    below.filter(|rest| !rest.is_empty()).unwrap_or(file)
}

pub(super) fn sections_of(file: &ObjectBytes) -> Result<DwarfSections<SectionData<'_>>, Fault> {
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::debug_files::ObjectFile;
    use object::{ObjectSymbol as _, SymbolKind};

    #[test]
    fn parts_say_what_the_whole_says() {
        let file = ObjectFile::open(&std::env::current_exe().unwrap()).unwrap();
        // SAFETY: the kernel lets nobody write to an executable that runs.
        let file = unsafe { file.map() }.unwrap();
        let object = file.object().unwrap();
        let functions =
            object.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 8);
        let mut offsets: Vec<u64> = functions.map(|symbol| symbol.address() + symbol.size() / 2).collect();
        offsets.sort_unstable();
        offsets.dedup();
        let offsets: Vec<u64> = offsets.iter().copied().step_by(offsets.len() / 500).collect();

        let mut found = vec![Vec::new(); offsets.len()];
        let mut short = Vec::new();
        assert!(search(&file, None, &offsets, None, &mut found, &mut short).is_ok());
        short.sort_unstable();

        let sections = sections_of(&file).ok().unwrap();
        let dwarf = sections.borrow(|bytes| EndianSlice::new(bytes, RunTimeEndian::default()));
        let whole = addr2line::Context::from_dwarf(dwarf).unwrap();
        let mut expected = vec![Vec::new(); offsets.len()];
        let indices: Vec<usize> = (0..offsets.len()).collect();
        assert_eq!(short, look_up(&whole, &offsets, &indices, &mut expected));
        assert_eq!(found, expected);
        let inlined = found.iter().filter(|symbols| symbols.len() > 1);
        assert!(found.iter().flatten().filter(|symbol| symbol.line.is_some()).count() > 100);
        assert!(inlined.count() > 10);
    }

    #[test]
    fn what_there_is_no_time_for_is_cut_off() {
        let file = ObjectFile::open(&std::env::current_exe().unwrap()).unwrap();
        // SAFETY: the kernel lets nobody write to an executable that runs.
        let file = unsafe { file.map() }.unwrap();
        let mut found = vec![Vec::new()];
        assert!(search(&file, None, &[0], Some(Instant::now()), &mut found, &mut Vec::new()).is_ok());
        assert!(found.is_empty());
    }
}
