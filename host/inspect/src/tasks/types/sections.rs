//! Finds and opens the debug information of the running executable.
//!
//! In this order: in the executable itself, in a separate file that [`debug_files`] finds by build id or debug link; of
//! those two what was split off into a `.dwp` package or `.dwo` files. Files are mapped, so that what is read of them is
//! no memory of the program's own. It never looks on the network, and refuses more than [`MAX_BYTES`].

use std::fs;
use std::path::Path;

use object::{Object, ObjectSegment, ReadRef};

use crate::debug_files::{self, Held, ObjectFile};

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
    file: ObjectFile,
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

    fn of(file: ObjectFile) -> Result<Sections, String> {
        if file.debug_info_bytes() > MAX_BYTES {
            return Err(format!("more than {} MB of debug information", MAX_BYTES >> 20));
        }
        let held = SECTIONS.iter().filter_map(|name| Some((*name, file.hold(&format!(".{name}"))?)));
        Ok(Sections { held: held.collect(), file })
    }

    /// What was split off, if the file at `path` holds that.
    fn split_off(path: &Path) -> Option<Sections> {
        let file = ObjectFile::open(path).ok()?;
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
    pub(super) fn open(path: &Path) -> Result<Files, String> {
        let fail = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let real = fs::read_link(path).unwrap_or_else(|_| path.to_owned());
        let file = ObjectFile::open(path).map_err(|error| fail(&error))?.known_as(real.clone());
        let program_headers = program_headers(&file);
        let described = match file.has_debug_info() {
            true => Some(file),
            false => debug_files::find(&file, &debug_files::standard_directories()),
        };
        let described =
            described.ok_or("the executable has no debug information and none was found beside it")?;
        let main = Sections::of(described).map_err(|error| fail(&error))?;
        let mut package = real.into_os_string();
        package.push(".dwp");
        Ok(Files { main, package: Sections::split_off(Path::new(&package)), program_headers })
    }

    /// What is added to an address as linked to have it in memory: the kernel tells where it put the
    /// program headers.
    pub(super) fn bias(&self) -> Result<u64, String> {
        // SAFETY: the call takes a number and returns one.
        let loaded = unsafe { libc::getauxval(libc::AT_PHDR) };
        let linked = self.program_headers.filter(|_| loaded != 0);
        let linked = linked.ok_or("the executable's place in memory is not known")?;
        Ok(loaded.wrapping_sub(linked))
    }

    /// What was split off into a file of its own: `name` as the executable has it, from the directory that
    /// it was compiled in. Whether it is the right one is told by the number of its unit.
    pub(super) fn split_off(directory: &str, name: &str) -> Option<Sections> {
        Sections::split_off(&Path::new(directory).join(name))
    }
}

fn program_headers(file: &ObjectFile) -> Option<u64> {
    let object = file.object()?;
    // In the header of a 64-bit ELF file, from byte 32 on.
    let offset = u64::from_ne_bytes(file.bytes().read_bytes_at(32, 8).ok()?.try_into().ok()?);
    let offset = if object.is_64() { offset } else { return None };
    object.segments().find_map(|segment| {
        let (start, size) = segment.file_range();
        (start..start.saturating_add(size)).contains(&offset).then(|| segment.address() + (offset - start))
    })
}
