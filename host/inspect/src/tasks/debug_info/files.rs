//! Finds and loads the debug information of the running executable.
//!
//! In this order: in the executable itself, in a separate file found by build id or debug link; of those
//! two what was split off into a `.dwp` package or `.dwo` files. Sections are read, not mapped: a mapped file
//! that someone truncates raises a signal. It never looks on the network, and refuses more than
//! [`MAX_BYTES`].

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use object::read::{CompressedData, CompressionFormat};
use object::{Object, ObjectSection, ObjectSegment, ReadCache, ReadRef};

/// Three times the largest executable with full types that was met (a compiler's own, 300 MB).
const MAX_BYTES: u64 = 1 << 30;

/// Where distributions keep separate debug files.
const DEBUG_ROOT: &str = "/usr/lib/debug";

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

/// What an executable has to tell of its types and lines, in memory.
pub(super) struct Files {
    /// The sections of the executable, or of the separate file that holds them instead.
    pub(super) main: Sections,
    /// The package of all that was split off.
    pub(super) package: Option<Sections>,
    /// Where the program headers lie, as linked.
    program_headers: Option<u64>,
}

/// Sections by name, decompressed.
#[derive(Default)]
pub(super) struct Sections {
    loaded: Vec<(&'static str, Vec<u8>)>,
}

impl Sections {
    /// The bytes of a section, named as gimli does (`.debug_info`, `.debug_info.dwo`).
    pub(super) fn get(&self, name: &str) -> &[u8] {
        let bare = name.trim_start_matches('.');
        let bare = bare.strip_suffix(".dwo").unwrap_or(bare);
        self.loaded.iter().find(|(loaded, _)| *loaded == bare).map_or(&[], |(_, bytes)| bytes)
    }
}

impl Files {
    /// Loads what there is for the executable at `path`, which is `/proc/self/exe` for this process.
    pub(super) fn open(path: &Path) -> Result<Files, String> {
        let fail = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let file = File::open(path).map_err(|error| fail(&error))?;
        let cache = ReadCache::new(&file);
        let object = object::File::parse(&cache).map_err(|error| fail(&error))?;
        let real = fs::read_link(path).unwrap_or_else(|_| path.to_owned());
        let mut main = load(&file, &object, "")?;
        let build_id = object.build_id().ok().flatten();
        if main.get("debug_info").is_empty() {
            let separate = separate_files(&object, build_id, &real);
            main = separate.iter().find_map(|path| load_file(path, "", build_id).ok()).unwrap_or_default();
        }
        if main.get("debug_info").is_empty() {
            return Err("the executable has no debug information and none was found beside it".to_owned());
        }
        let mut package = real.into_os_string();
        package.push(".dwp");
        let package = load_file(Path::new(&package), ".dwo", None).ok();
        Ok(Files { main, package, program_headers: program_headers(&object, &cache) })
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
        load_file(&Path::new(directory).join(name), ".dwo", None).ok()
    }
}

fn program_headers<'data, R: ReadRef<'data>>(object: &object::File<'data, R>, file: R) -> Option<u64> {
    // In the header of a 64-bit ELF file, from byte 32 on.
    let offset = u64::from_ne_bytes(file.read_bytes_at(32, 8).ok()?.try_into().ok()?);
    let offset = if object.is_64() { offset } else { return None };
    object.segments().find_map(|segment| {
        let (start, size) = segment.file_range();
        (start..start.saturating_add(size)).contains(&offset).then(|| segment.address() + (offset - start))
    })
}

/// A separate file counts only if it holds types, and is of the same build.
fn load_file(path: &Path, suffix: &str, build_id: Option<&[u8]>) -> Result<Sections, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let cache = ReadCache::new(&file);
    let object = object::File::parse(&cache).map_err(|error| error.to_string())?;
    if build_id.is_some() && build_id != object.build_id().ok().flatten() {
        return Err("of another build".to_owned());
    }
    let sections = load(&file, &object, suffix)?;
    if sections.get("debug_info").is_empty() { Err("no types".to_owned()) } else { Ok(sections) }
}

fn load<'data, R: ReadRef<'data>>(
    file: &File,
    object: &object::File<'data, R>,
    suffix: &str,
) -> Result<Sections, String> {
    let packages: &[&'static str] = if suffix.is_empty() { &[] } else { &PACKAGE_SECTIONS };
    let mut sections = Sections::default();
    let mut total = 0;
    for name in SECTIONS.iter().chain(packages) {
        let suffix = if name.ends_with("_index") { "" } else { suffix };
        let full = format!(".{name}{suffix}");
        let Some(section) = object.section_by_name(&full) else { continue };
        let fail = |error: &dyn std::fmt::Display| format!("{full}: {error}");
        let range = section.compressed_file_range().map_err(|error| fail(&error))?;
        total += range.uncompressed_size;
        if total > MAX_BYTES || range.compressed_size > MAX_BYTES {
            return Err(format!("more than {} MB of debug information", MAX_BYTES >> 20));
        }
        let size = usize::try_from(range.compressed_size).map_err(|error| fail(&error))?;
        let mut bytes = vec![0; size];
        file.read_exact_at(&mut bytes, range.offset).map_err(|error| fail(&error))?;
        if range.format != CompressionFormat::None {
            let data = CompressedData {
                format: range.format,
                data: &bytes,
                uncompressed_size: range.uncompressed_size,
            };
            bytes = data.decompress().map_err(|error| fail(&error))?.into_owned();
        }
        sections.loaded.push((name, bytes));
    }
    Ok(sections)
}

/// Where the separate file of an executable may lie, best first.
///
/// Without a build id nothing could tell whether such a file belongs to this build, so none is taken.
pub(super) fn separate_files<'data, R: ReadRef<'data>>(
    object: &object::File<'data, R>,
    build_id: Option<&[u8]>,
    path: &Path,
) -> Vec<PathBuf> {
    let Some(id) = build_id else { return Vec::new() };
    let mut places = Vec::new();
    let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    if let Some((first, rest)) = hex.split_at_checked(2) {
        places.push(Path::new(DEBUG_ROOT).join(".build-id").join(first).join(format!("{rest}.debug")));
    }
    if let (Ok(Some((name, _))), Some(directory)) = (object.gnu_debuglink(), path.parent()) {
        let name = Path::new(std::str::from_utf8(name).unwrap_or_default());
        places.push(directory.join(name));
        places.push(directory.join(".debug").join(name));
        if let Ok(below_root) = directory.strip_prefix("/") {
            places.push(Path::new(DEBUG_ROOT).join(below_root).join(name));
        }
    }
    places
}
