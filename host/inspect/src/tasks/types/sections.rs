//! The debug sections of an executable: found, opened, decompressed.
//!
//! They are looked for in the executable itself, then in a separate file that [`debug_files`] finds by build
//! id or debug link; for either, what was split off may be in a `.dwp` package or in `.dwo` files. Files are
//! mapped, so that what is read of them is no memory of the program's own. Nothing is looked for on the
//! network, and more than [`MAX_BYTES`] is refused.

use std::path::Path;
use std::sync::Arc;

use object::NativeEndian;
use object::elf::{FileHeader64, PT_LOAD};
use object::read::elf::{FileHeader as _, ProgramHeader as _};

use crate::debug_files::{self, Held, ObjectBytes, ObjectFile};
use crate::proc_self;
use crate::tasks::model::{DebugInformationFault, Reason};

/// Three times the largest executable with full types that was met (a compiler's own, 300 MB).
const MAX_BYTES: u64 = 1 << 30;

/// The sections that types and lines are read from.
const SECTIONS: [&str; 10] = [
    "debug_abbrev",
    "debug_addr",
    "debug_info",
    "debug_line",
    "debug_line_str",
    "debug_ranges",
    "debug_rnglists",
    "debug_str",
    "debug_str_offsets",
    "debug_types",
];

/// What else a package has: its index, and the sections that this refers to although nothing is read from
/// them. Without one of them no unit of the package can be found.
const PACKAGE_SECTIONS: [&str; 6] =
    ["debug_cu_index", "debug_loc", "debug_loclists", "debug_macinfo", "debug_macro", "debug_tu_index"];

/// What an executable has to tell of its types and lines.
pub(super) struct Files {
    /// The sections of the executable, or of the separate file that holds them instead.
    pub(super) main: Sections,
    /// The package of all that was split off.
    pub(super) package: Option<Sections>,
    /// Where the program headers lie, as linked.
    program_headers: Option<u64>,
}

/// Sections by name, decompressed, and the file that they lie in.
pub(super) struct Sections {
    file: ObjectBytes,
    held: Vec<(&'static str, Held)>,
}

impl Sections {
    /// The bytes of a section, named as gimli does (`.debug_info`, `.debug_info.dwo`).
    pub(super) fn get(&self, name: &str) -> &[u8] {
        let bare = name.trim_start_matches('.');
        let bare = bare.strip_suffix(".dwo").unwrap_or(bare);
        let held = self.held.iter().find(|(held, _)| *held == bare);
        held.map_or(&[], |(_, section)| section.bytes(self.file.bytes()))
    }

    /// `None` if there is more of it than is read.
    fn of(file: &ObjectFile) -> Option<Sections> {
        if file.debug_info_bytes() > MAX_BYTES {
            return None;
        }
        let file = map(file)?;
        let held = SECTIONS.iter().filter_map(|name| Some((*name, file.hold(&format!(".{name}"))?)));
        Some(Sections { held: held.collect(), file })
    }

    /// What was split off, if the file at `path` holds that.
    fn split_off(path: &Path) -> Option<Sections> {
        let file = map(&ObjectFile::open(path).ok()?)?;
        let mut held = Vec::new();
        for name in SECTIONS.iter().chain(&PACKAGE_SECTIONS) {
            let suffix = if name.ends_with("_index") { "" } else { ".dwo" };
            let full = format!(".{name}{suffix}");
            held.extend(file.hold(&full).map(|section| (*name, section)));
        }
        let sections = Sections { file, held };
        let total: u64 = sections.held.iter().map(|(name, _)| sections.get(name).len() as u64).sum();
        (total <= MAX_BYTES && !sections.get("debug_info").is_empty()).then_some(sections)
    }
}

impl Files {
    /// Opens what there is for the executable at `path`, which is `/proc/self/exe` for this process.
    pub(super) fn open(path: &Path) -> Result<Files, Reason> {
        let real = proc_self::read_link(path).unwrap_or_else(|_| path.to_owned());
        let file = open(path)?.known_as(real.clone());
        let program_headers = map(&file).as_ref().and_then(program_headers);
        let described = if file.has_debug_info() {
            Some(file)
        } else {
            debug_files::find(&file, &debug_files::standard_directories())
        };
        let described = described.ok_or(Reason::DebugInformation(DebugInformationFault::Missing))?;
        let main = Sections::of(&described).ok_or_else(|| {
            let path = Arc::from(path);
            Reason::DebugInformation(DebugInformationFault::TooLarge { path, limit_bytes: MAX_BYTES })
        })?;
        let mut package = real.into_os_string();
        package.push(".dwp");
        Ok(Files { main, package: Sections::split_off(Path::new(&package)), program_headers })
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
        Sections::split_off(&Path::new(directory).join(name))
    }
}

fn map(file: &ObjectFile) -> Option<ObjectBytes> {
    // SAFETY: the executable or its debug information, which are replaced and not written to: what is relied
    // on, and what comes of it otherwise, stands at `debug_files`.
    unsafe { file.map() }.ok()
}

/// Opens an object file.
pub(super) fn open(path: &Path) -> Result<ObjectFile, Reason> {
    ObjectFile::open(path).map_err(|error| {
        let (path, error) = (Arc::from(path), error.into());
        Reason::DebugInformation(DebugInformationFault::NotOpened { path, error })
    })
}

/// Where the program headers lie, as linked.
fn program_headers(file: &ObjectBytes) -> Option<u64> {
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
