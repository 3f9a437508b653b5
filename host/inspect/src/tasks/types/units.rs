//! Units of the DWARF, also those that were split off: opened when they are asked for, one at a time.

use std::cell::OnceCell;
use std::path::PathBuf;

use gimli::{DebugInfoOffset, Dwarf, DwarfPackage, EndianSlice, NativeEndian, SectionId, Unit};

use super::sections::{Files, Sections};
use crate::tasks::model::Reason;

pub(super) type Reader<'s> = gimli::EndianSlice<'s, gimli::NativeEndian>;

/// An entry of the debug information: of which unit, how many bytes after its start.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub(crate) struct EntryId {
    pub(crate) unit: u32,
    pub(crate) offset: u32,
}

/// The files, loaded at first use. It outlives everything that is read from them.
pub(crate) struct Source {
    path: PathBuf,
    files: OnceCell<Result<Files, Reason>>,
    /// What was split off into files of their own, by unit.
    split: OnceCell<Vec<OnceCell<Option<Sections>>>>,
}

impl Source {
    /// The debug information of the executable at `path`.
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Source { path: path.into(), files: OnceCell::new(), split: OnceCell::new() }
    }

    /// What is added to an address as linked to have it in memory, of this process's executable.
    pub(crate) fn bias(&self) -> Result<u64, Reason> {
        self.files()?.bias()
    }

    pub(super) fn files(&self) -> Result<&Files, Reason> {
        self.files.get_or_init(|| Files::open(&self.path)).as_ref().map_err(Clone::clone)
    }

    /// Why the files cannot be read, if that has been tried in vain.
    pub(crate) fn fault(&self) -> Option<&Reason> {
        self.files.get()?.as_ref().err()
    }

    fn split_off(&self, number: usize, count: usize, directory: &str, name: &str) -> Option<&Sections> {
        let cells = self.split.get_or_init(|| (0..count).map(|_| OnceCell::new()).collect());
        cells.get(number)?.get_or_init(|| Files::split_off(directory, name)).as_ref()
    }
}

/// Where a unit lies in the main `.debug_info`.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A unit that can be read.
pub(super) struct Parsed<'s> {
    /// Where it was split off to; the executable's own otherwise.
    split: Option<Dwarf<Reader<'s>>>,
    /// What the executable still says of a unit that was split off.
    pub(super) skeleton: Option<Unit<Reader<'s>>>,
    pub(super) unit: Unit<Reader<'s>>,
}

/// All units of the executable, parsed one at a time.
pub(super) struct Units<'s> {
    source: &'s Source,
    pub(super) main: Dwarf<Reader<'s>>,
    package: Option<DwarfPackage<Reader<'s>>>,
}

impl<'s> Units<'s> {
    pub(super) fn open(source: &'s Source) -> Result<Self, Reason> {
        let files = source.files()?;
        files.main.load()?;
        files.package.as_ref().map_or(Ok(()), Sections::load)?;
        let package = files.package.as_ref().and_then(|sections| {
            let section = |id: SectionId| match id {
                // These two are in no other file, and keep their name there.
                SectionId::DebugCuIndex | SectionId::DebugTuIndex => bytes(sections, id.name()),
                _ => bytes(sections, id.dwo_name().unwrap_or_default()),
            };
            DwarfPackage::load(|id| Ok::<_, gimli::Error>(section(id)), EndianSlice::new(&[], NativeEndian))
                .ok()
        });
        Ok(Units { source, main: load(&files.main), package })
    }

    /// Where the units are.
    pub(super) fn places(&self) -> Vec<Place> {
        let mut places = Vec::new();
        let mut headers = self.main.units();
        while let Ok(Some(header)) = headers.next() {
            let start = header.offset().0;
            places.push(Place { start, end: start.saturating_add(header.length_including_self()) });
        }
        places
    }

    /// Parses the unit of that number; `None` if it makes no sense or lies in a file that is not there.
    pub(super) fn parse(&self, places: &[Place], number: usize) -> Option<Parsed<'s>> {
        let header = self.main.unit_header(DebugInfoOffset(places.get(number)?.start)).ok()?;
        let unit = self.main.unit(header).ok()?;
        let (Some(id), Ok(Some(name))) = (unit.dwo_id, unit.dwo_name()) else {
            return Some(Parsed { split: None, skeleton: None, unit });
        };
        let packed = self.package.as_ref().and_then(|package| package.find_cu(id, &self.main).ok().flatten());
        let split = match packed {
            Some(split) => split,
            None => {
                let name = text(self.main.attr_string(&unit, name).ok()?);
                let directory = unit.comp_dir.map_or("", text);
                let mut split = load(self.source.split_off(number, places.len(), directory, name)?);
                split.make_dwo(&self.main);
                split
            }
        };
        let mut headers = split.units();
        while let Ok(Some(header)) = headers.next() {
            let Ok(mut inner) = split.unit(header) else { continue };
            if inner.dwo_id == Some(id) {
                inner.copy_relocated_attributes(&unit);
                return Some(Parsed { split: Some(split), skeleton: Some(unit), unit: inner });
            }
        }
        None
    }
}

impl<'s> Parsed<'s> {
    pub(super) fn dwarf<'a>(&'a self, units: &'a Units<'s>) -> &'a Dwarf<Reader<'s>> {
        self.split.as_ref().unwrap_or(&units.main)
    }
}

/// What is not UTF-8 is no name of Rust's.
pub(super) fn text<'s>(reader: Reader<'s>) -> &'s str {
    std::str::from_utf8(reader.slice()).unwrap_or("")
}

fn bytes<'s>(sections: &'s Sections, name: &str) -> Reader<'s> {
    EndianSlice::new(sections.get(name), NativeEndian)
}

fn load<'s>(sections: &'s Sections) -> Dwarf<Reader<'s>> {
    Dwarf::load(|id| Ok::<_, gimli::Error>(bytes(sections, id.name()))).unwrap_or_default()
}
