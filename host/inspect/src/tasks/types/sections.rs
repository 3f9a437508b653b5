//! The debug sections of an executable: found, opened, decompressed.
//!
//! They are looked for in the executable itself, then in a separate file that [`debug_files`] finds by build
//! id or debug link; for either, what was split off may be in a `.dwp` package or in `.dwo` files. Files are
//! mapped, so that what is read of them is no memory of the program's own; compressed sections are decompressed when
//! units are first read, one after the other, if the process has enough memory left for all of them. Nothing is looked
//! for on the network, and more than [`MAX_BYTES`] is refused.

use std::cell::OnceCell;
use std::io;
use std::path::Path;
use std::sync::Arc;

use object::NativeEndian;
use object::elf::{FileHeader64, PT_LOAD};
use object::read::elf::{FileHeader as _, ProgramHeader as _};

use crate::debug_files::{self, Held, ObjectBytes, ObjectFile, SectionFault};
use crate::proc_self;
use crate::process::{AvailableMemory, MemoryClaim, MemoryDemand};
use crate::tasks::model::{DebugInformationFault, Reason};

/// Three times the largest executable with full types that was met (a compiler's own, 300 MB).
const MAX_BYTES: u64 = 1 << 30;

/// What reading types takes however few there are: what is known of tokio, and what was read of single types.
const BASE_BYTES: u64 = 4 << 20;

/// So many bytes of `.debug_info` make one byte of the index while it is built, measured: 52 MB of it 8.7 MiB, 260 MB
/// 31.7 MiB.
const DEBUG_INFO_PER_INDEX: u64 = 8;

/// Where a file's program headers are, with room to spare: they follow its header.
const HEADERS_BYTES: u64 = 64 << 10;

/// The sections that types, lines and variables are read from.
const SECTIONS: [&str; 11] = [
    "debug_abbrev",
    "debug_addr",
    "debug_info",
    "debug_line",
    "debug_line_str",
    "debug_loc",
    "debug_loclists",
    "debug_ranges",
    "debug_rnglists",
    "debug_str",
    "debug_str_offsets",
];

/// What else a package has: its index, and the sections that this refers to although nothing is read from
/// them. Without one of them no unit of the package can be found.
const PACKAGE_SECTIONS: [&str; 5] =
    ["debug_cu_index", "debug_macinfo", "debug_macro", "debug_tu_index", "debug_types"];

/// What an executable has to tell of its types and lines.
pub(super) struct Files {
    /// The sections of the executable, or of the separate file that holds them instead.
    pub(super) main: Sections,
    /// The package of all that was split off.
    pub(super) package: Option<Sections>,
    /// Where the program headers lie, as linked.
    program_headers: Option<u64>,
}

/// Sections by name, and the file that they lie in.
pub(super) struct Sections {
    file: ObjectBytes,
    /// Names as they are called here and there. A section that is not there, or damaged, is `None`.
    held: Vec<(&'static str, String, OnceCell<Option<Held>>)>,
    /// For what they are decompressed to.
    _claim: MemoryClaim,
}

impl Sections {
    /// The bytes of a section, named as gimli does (`.debug_info`, `.debug_info.dwo`), once it is loaded.
    pub(super) fn get(&self, name: &str) -> &[u8] {
        let bare = name.trim_start_matches('.');
        let bare = bare.strip_suffix(".dwo").unwrap_or(bare);
        let held = self.held.iter().find(|(held, _, _)| *held == bare);
        let held = held.and_then(|(_, _, section)| section.get()?.as_ref());
        held.map_or(&[], |section| section.bytes(self.file.bytes()))
    }

    /// Decompresses what is compressed, one section after the other.
    pub(super) fn load(&self) -> Result<(), Reason> {
        for (_, name, section) in &self.held {
            if section.get().is_some() {
                continue;
            }
            let held = match self.file.hold(name) {
                Ok(held) => held,
                Err(SectionFault::Damaged) => None,
                Err(SectionFault::NoMemory(bytes)) => {
                    let refused = AvailableMemory::now().refused(MemoryDemand::new(bytes, 0));
                    return Err(Reason::NoMemory(refused));
                }
            };
            let _ = section.set(held);
        }
        Ok(())
    }

    fn of(file: &ObjectFile) -> Result<Sections, Reason> {
        if file.debug_info_bytes() > MAX_BYTES {
            let path = Arc::from(file.path().unwrap_or(Path::new("")));
            let fault = DebugInformationFault::TooLarge { path, limit_bytes: MAX_BYTES };
            return Err(Reason::DebugInformation(fault));
        }
        Sections::open(file, names())
    }

    /// What was split off, if `file` holds that.
    fn split_off(file: &ObjectFile) -> Result<Option<Sections>, Reason> {
        let names = names_split_off();
        let sizes = names.iter().map(|(_, name)| file.section_bytes(name));
        if file.section_bytes(".debug_info.dwo") == 0 || sizes.fold(0, u64::saturating_add) > MAX_BYTES {
            return Ok(None);
        }
        Sections::open(file, names).map(Some)
    }

    fn open(file: &ObjectFile, names: Names) -> Result<Sections, Reason> {
        let claim = MemoryClaim::of(demand_of(file, &names)).map_err(Reason::NoMemory)?;
        let mapped = map(file).map_err(|error| not_opened(file.path().unwrap_or(Path::new("")), error))?;
        let held = names.into_iter().map(|(bare, name)| (bare, name, OnceCell::new())).collect();
        Ok(Sections { file: mapped, held, _claim: claim })
    }
}

/// Sections' names, without and with what is before and behind them.
type Names = Vec<(&'static str, String)>;

fn names() -> Names {
    SECTIONS.iter().map(|name| (*name, format!(".{name}"))).collect()
}

fn names_split_off() -> Names {
    let suffix = |name: &str| if name.ends_with("_index") { "" } else { ".dwo" };
    let names = SECTIONS.iter().chain(&PACKAGE_SECTIONS);
    names.map(|name| (*name, format!(".{name}{}", suffix(name)))).collect()
}

/// What it takes to read types from the debug information in a file, in the index and decompressed.
pub(super) fn demand(file: &ObjectFile) -> MemoryDemand {
    demand_of(file, &names())
}

fn demand_of(file: &ObjectFile, names: &Names) -> MemoryDemand {
    let compressed = file.decompressed_bytes(|section| names.iter().any(|(_, name)| name == section));
    let decompressor = if compressed > 0 { debug_files::DECOMPRESSOR_BYTES } else { 0 };
    let described = names.iter().filter(|(bare, _)| *bare == "debug_info");
    let described: u64 = described.map(|(_, name)| file.section_bytes(name)).sum();
    let index = described / DEBUG_INFO_PER_INDEX + BASE_BYTES;
    MemoryDemand::new(compressed.saturating_add(decompressor).saturating_add(index), file.mapped_bytes())
}

impl Files {
    /// Opens what there is for the executable at `path`, which is `/proc/self/exe` for this process.
    pub(super) fn open(path: &Path) -> Result<Files, Reason> {
        let real = proc_self::read_link(path).unwrap_or_else(|_| path.to_owned());
        let file = open(path)?.known_as(real.clone());
        let program_headers = program_headers(&file);
        let described = if file.has_debug_info() {
            Some(file)
        } else {
            debug_files::find(&file, &debug_files::standard_directories())
        };
        let described = described.ok_or(Reason::DebugInformation(DebugInformationFault::Missing))?;
        let main = Sections::of(&described)?;
        let mut package = real.into_os_string();
        package.push(".dwp");
        let package = ObjectFile::open(Path::new(&package)).ok();
        let package = package.map_or(Ok(None), |file| Sections::split_off(&file))?;
        Ok(Files { main, package, program_headers })
    }

    /// What is added to an address as linked to have it in memory: the kernel keeps the address of the program headers.
    pub(super) fn bias(&self) -> Result<u64, Reason> {
        // SAFETY: the C library owns the vector that it reads and keeps it for the life of the process; the
        // call takes a number and returns one.
        let loaded = unsafe { libc::getauxval(libc::AT_PHDR) };
        let linked = self.program_headers.filter(|_| loaded != 0);
        let linked = linked.ok_or(Reason::DebugInformation(DebugInformationFault::LoadAddressUnknown))?;
        Ok(loaded.wrapping_sub(linked))
    }

    /// What was split off into a file of its own: `name` as the executable has it, from the directory that
    /// it was compiled in. The number of its unit shows whether it is the right one.
    pub(super) fn split_off(directory: &str, name: &str) -> Option<Sections> {
        let file = ObjectFile::open(&Path::new(directory).join(name)).ok()?;
        let sections = Sections::split_off(&file).ok()??;
        sections.load().is_ok().then_some(sections)
    }
}

fn map(file: &ObjectFile) -> io::Result<ObjectBytes> {
    // SAFETY: the executable or its debug information, which are replaced and not written to: what is relied
    // on, and what comes of it otherwise, stands at `debug_files`.
    unsafe { file.map() }
}

/// Opens an object file.
pub(super) fn open(path: &Path) -> Result<ObjectFile, Reason> {
    ObjectFile::open(path).map_err(|error| not_opened(path, error))
}

fn not_opened(path: &Path, error: io::Error) -> Reason {
    let (path, error) = (Arc::from(path), error.into());
    Reason::DebugInformation(DebugInformationFault::NotOpened { path, error })
}

/// Where the program headers lie, as linked.
fn program_headers(file: &ObjectFile) -> Option<u64> {
    // SAFETY: as for the whole file.
    let file = unsafe { file.map_beginning(HEADERS_BYTES) }.ok()?;
    let header = FileHeader64::<NativeEndian>::parse(file.bytes()).ok()?;
    let endian = header.endian().ok()?;
    let offset = header.e_phoff(endian);
    let segments = header.program_headers(endian, file.bytes()).ok()?;
    segments.iter().find_map(|segment| {
        let (start, size) = segment.file_range(endian);
        let holds =
            segment.p_type(endian) == PT_LOAD && (start..start.saturating_add(size)).contains(&offset);
        holds.then(|| segment.p_vaddr(endian).wrapping_add(offset - start))
    })
}
