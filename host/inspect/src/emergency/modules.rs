//! The loaded files, from `/proc/self/maps` and their headers in memory, in tables of a fixed size.
//!
//! The same reading as in [`modules`](crate::modules), without what takes an allocation: a file whose beginning is not
//! mapped has a name and no offsets here.

use super::Module;
use super::proc_files::ProcFiles;
use crate::memory;
use crate::modules::headers::{self, build_id_bytes};
use crate::proc::maps::{Line, VDSO};
use object::NativeEndian;
use object::elf::{FileHeader64, PF_X, PT_GNU_EH_FRAME, PT_LOAD, PT_NOTE, ProgramHeader64};
use object::read::elf::{FileHeader as _, ProgramHeader as _};
use std::ops::Range;

/// Large programs have some hundred; each has one range of code, or a few.
const MOST_MODULES: usize = 512;
const MOST_RANGES: usize = 1024;
/// What the paths of so many modules take; Linux allows 4096 bytes for a single one.
const PATHS: usize = 48 << 10;
/// Notes are a few hundred bytes.
const NOTES: usize = 1024;
/// SHA-1 has 20 bytes, SHA-256 32.
const BUILD_ID: usize = 32;
/// A line of `maps`: 73 characters and a path.
const LINE: usize = 8 << 10;
/// Between the first mapping of a file and that of its code lie others of the same file, and on aarch64, where a gap
/// is between them, perhaps those of another.
const RECENT: usize = 8;

/// A loaded file.
#[derive(Debug)]
struct Loaded {
    /// Where its path stands among all of them.
    path: Range<usize>,
    /// Where its first byte is mapped, if it is.
    first: Option<u64>,
    /// What to add to an address as the file counts it.
    bias: Option<u64>,
    build_id: [u8; BUILD_ID],
    build_id_length: usize,
    /// The address of `.eh_frame_hdr`.
    unwind_header: Option<u64>,
}

/// A mapping of code, and the file that it is of, if it is of one.
#[derive(Debug)]
struct CodeRange {
    range: Range<u64>,
    module: Option<usize>,
}

/// The first mapping of a file, while the file's other mappings are read.
#[derive(Clone, Copy, Default)]
struct First {
    start: u64,
    path: u64,
}

/// All that is loaded, by address. The lists never grow beyond what [`LoadedModules::new`] has reserved.
#[derive(Debug)]
pub(super) struct LoadedModules {
    modules: Vec<Loaded>,
    /// By address, as the kernel lists them.
    code: Vec<CodeRange>,
    paths: Vec<u8>,
    left_out: usize,
}

/// What reading the modules needs beside their table.
pub(super) struct ModuleReader {
    line: Box<[u8]>,
    headers: Box<[u8]>,
}

impl ModuleReader {
    pub fn new() -> ModuleReader {
        // Filled, so that their memory is there when it is needed.
        let buffer = |length| vec![0xff; length].into_boxed_slice();
        ModuleReader { line: buffer(LINE), headers: buffer(headers::LENGTH) }
    }

    /// Reads what is loaded now. Where the kernel shows nothing, there is nothing in the table.
    pub fn read(&mut self, files: &mut ProcFiles, into: &mut LoadedModules) {
        let ModuleReader { line, headers } = self;
        into.clear();
        let mut recent = [First::default(); RECENT];
        let mut next = 0;
        // What was read before a refusal counts.
        let _ = files.lines_of_maps(line, |line| {
            let Some(line) = Line::parse(line) else { return };
            let path = hash(line.path);
            if line.offset == 0 && line.readable && !line.path.is_empty() {
                recent[next % RECENT] = First { start: line.range.start, path };
                next += 1;
            }
            if line.executable {
                let first = (1..=RECENT).map(|back| recent[next.wrapping_sub(back) % RECENT]);
                let first = first.into_iter().find(|first| first.path == path && first.start != 0);
                into.add_code(&line, first.map(|first| first.start), headers);
            }
        });
    }
}

impl LoadedModules {
    pub fn new() -> LoadedModules {
        LoadedModules {
            modules: Vec::with_capacity(MOST_MODULES),
            code: Vec::with_capacity(MOST_RANGES),
            paths: Vec::with_capacity(PATHS),
            left_out: 0,
        }
    }

    fn clear(&mut self) {
        self.modules.clear();
        self.code.clear();
        self.paths.clear();
        self.left_out = 0;
    }

    pub fn iter(&self) -> impl Iterator<Item = Module<'_>> {
        self.modules.iter().map(|module| self.named(module))
    }

    /// How many mappings of code had no room.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// The file that an address lies in, and its bias where that is known.
    pub fn place(&self, address: u64) -> Option<(Module<'_>, Option<u64>)> {
        let module = self.modules.get(self.range_of(address)?.module?)?;
        Some((self.named(module), module.bias))
    }

    /// Whether there is code at the address.
    pub fn is_code(&self, address: u64) -> bool {
        self.range_of(address).is_some()
    }

    /// Whether the code at the address belongs to no file: it was made at run time.
    pub fn is_unnamed_code(&self, address: u64) -> bool {
        self.range_of(address).is_some_and(|code| code.module.is_none())
    }

    /// Whether the same file has both addresses.
    pub fn same_module(&self, one: u64, other: u64) -> bool {
        let module = |address| self.range_of(address).map(|code| code.module);
        module(one) == module(other)
    }

    /// Where the index of the unwind tables lies that are for the code at this address.
    pub fn unwind_header(&self, address: u64) -> Option<u64> {
        self.modules.get(self.range_of(address)?.module?)?.unwind_header
    }

    fn range_of(&self, address: u64) -> Option<&CodeRange> {
        let last = self.code.partition_point(|code| code.range.start <= address).checked_sub(1)?;
        self.code.get(last).filter(|code| code.range.contains(&address))
    }

    fn named<'m>(&'m self, module: &'m Loaded) -> Module<'m> {
        Module {
            path: self.paths.get(module.path.clone()).unwrap_or_default(),
            build_id: module.build_id.get(..module.build_id_length).unwrap_or_default(),
        }
    }

    /// Notes a mapping of code whose file is mapped from `first` on.
    fn add_code(&mut self, line: &Line<'_>, first: Option<u64>, headers: &mut [u8]) {
        let is_of_file = line.path.starts_with(b"/") || line.path == VDSO.as_bytes();
        if line.path == b"[vsyscall]" {
            return;
        }
        let module = if is_of_file { self.module(line, first, headers) } else { Some(None) };
        match module {
            Some(module) if self.code.len() < MOST_RANGES => {
                self.code.push(CodeRange { range: line.range.clone(), module });
            }
            _ => self.left_out += 1,
        }
    }

    /// The place of the mapping's file in the list, which it is added to if it is new. `None` if there is no room.
    fn module(&mut self, line: &Line<'_>, first: Option<u64>, headers: &mut [u8]) -> Option<Option<usize>> {
        let known = |module: &Loaded| first.is_some() && module.first == first;
        if let Some(at) = self.modules.iter().rposition(known) {
            return Some(Some(at));
        }
        let path = self.paths.len()..self.paths.len() + line.path.len();
        if self.modules.len() == MOST_MODULES || path.end > PATHS {
            return None;
        }
        self.paths.extend_from_slice(line.path);
        let mut module = Loaded {
            path,
            first,
            bias: None,
            build_id: [0; BUILD_ID],
            build_id_length: 0,
            unwind_header: None,
        };
        if let Some(first) = first {
            let read = memory::read_some(first, headers);
            let _ = module.read_headers(headers.get(..read).unwrap_or_default(), first, line);
        }
        self.modules.push(module);
        Some(Some(self.modules.len() - 1))
    }
}

impl Loaded {
    /// What the file's headers, which lie at `first`, say of it. `None` where they are no headers.
    fn read_headers(&mut self, bytes: &[u8], first: u64, code: &Line<'_>) -> Option<()> {
        let file = FileHeader64::<NativeEndian>::parse(bytes).ok()?;
        let programs = file.program_headers(NativeEndian, bytes).ok()?;
        let bias = bias(programs, first, code)?;
        self.bias = Some(bias);
        for program in programs {
            let address = bias.wrapping_add(program.p_vaddr(NativeEndian));
            match program.p_type(NativeEndian) {
                PT_GNU_EH_FRAME => self.unwind_header = Some(address),
                PT_NOTE if self.build_id_length == 0 => {
                    self.read_build_id(address, program.p_filesz(NativeEndian));
                }
                _ => {}
            }
        }
        Some(())
    }

    fn read_build_id(&mut self, address: u64, size: u64) {
        let mut notes = [0; NOTES];
        let size = usize::try_from(size).unwrap_or(NOTES).min(NOTES);
        let Some(notes) = notes.get_mut(..size) else { return };
        if memory::read(address, notes).is_ok()
            && let Some(build_id) = build_id_bytes(notes)
            && let Some(into) = self.build_id.get_mut(..build_id.len())
        {
            into.copy_from_slice(build_id);
            self.build_id_length = build_id.len();
        }
    }
}

/// The bias by which the segment of code that lies at the mapping's place in the file came to the mapping's address;
/// failing that, the one by which the segment with the file's first byte came to `first`.
fn bias(programs: &[ProgramHeader64<NativeEndian>], first: u64, code: &Line<'_>) -> Option<u64> {
    let endian = NativeEndian;
    let loaded = || programs.iter().filter(|program| program.p_type(endian) == PT_LOAD);
    let page = |number: u64| number & !0xfff;
    let has_code = |program: &&ProgramHeader64<NativeEndian>| {
        let (offset, size) = (program.p_offset(endian), program.p_filesz(endian));
        program.p_flags(endian).contains(PF_X)
            && (page(offset)..offset.saturating_add(size)).contains(&code.offset)
    };
    let (mapped, segment) = match loaded().find(has_code) {
        Some(segment) if code.path.starts_with(b"/") => (code.range.start.wrapping_sub(code.offset), segment),
        _ => (first, loaded().min_by_key(|program| program.p_vaddr(endian))?),
    };
    Some(mapped.wrapping_add(segment.p_offset(endian)).wrapping_sub(segment.p_vaddr(endian)))
}

/// Paths are compared by this while they are read, since there is no room for those of all mapped files (FNV-1a).
fn hash(path: &[u8]) -> u64 {
    path.iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debug_files::hexadecimal;

    /// The modules as the table has them are those that the allocating look finds.
    #[test]
    fn it_finds_what_the_snapshot_finds() {
        let mut table = LoadedModules::new();
        ModuleReader::new().read(&mut ProcFiles::open().unwrap(), &mut table);
        let snapshot = crate::modules::snapshot();
        assert!(snapshot.modules.len() > 2, "the program, the C library, the vDSO");
        for module in &snapshot.modules {
            let address = module.code[0].start;
            let (found, bias) = table.place(address).unwrap_or_else(|| panic!("{module:?} is missing"));
            assert_eq!(String::from_utf8_lossy(found.path), module.name.path.to_string_lossy());
            assert_eq!(bias, Some(module.bias), "{module:?}");
            let build_id = (!found.build_id.is_empty()).then(|| hexadecimal(found.build_id));
            assert_eq!(build_id, module.name.build_id);
        }
        assert_eq!(table.iter().count(), snapshot.modules.len());
        assert_eq!(table.left_out(), 0);
        assert!(!table.is_code(8) && table.place(u64::MAX).is_none());
    }

    #[test]
    fn what_has_no_room_is_counted_and_nothing_grows() {
        let mut table = LoadedModules::new();
        let capacities = (table.modules.capacity(), table.code.capacity(), table.paths.capacity());
        let path = [b"/".as_slice(), &[b'x'; 200]].concat();
        for at in 0..2000_u64 {
            let start = 0x1000 * at + 0x10_0000;
            let line = Line {
                range: start..start + 0x1000,
                readable: true,
                executable: true,
                offset: 0,
                path: if at % 2 == 0 { &path } else { b"" },
                deleted: false,
            };
            table.add_code(&line, None, &mut [0; headers::LENGTH]);
        }
        assert_eq!(table.code.len() + table.left_out(), 2000);
        assert!(table.left_out() > 0);
        assert_eq!(capacities, (table.modules.capacity(), table.code.capacity(), table.paths.capacity()));
    }
}
