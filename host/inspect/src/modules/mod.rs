//! The files whose code is loaded into this process: which, where, and which build of them.
//!
//! Read from `/proc/self/maps` and the files' own headers as they stand in memory, never by
//! `dl_iterate_phdr`: the lock behind that may be held by the very thread that is stuck. A library file
//! that the process maps as data is no module.

#![cfg_attr(not(stacks), allow(dead_code, reason = "there is no unwinding that would read a module's bytes"))]

mod code_address;
pub(crate) mod headers;
#[cfg(unix)]
mod image;

#[cfg(unix)]
pub(crate) use image::{Image, file_of};

pub use code_address::CodeAddress;

use crate::memory;
use crate::proc::maps::{self, Mapping, VDSO};
use crate::proc_self;
use headers::Headers;
use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A loaded file, as a report needs to name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ModuleName {
    /// Where it was loaded from.
    pub path: PathBuf,
    /// Its build id in hexadecimal, if it has one.
    pub build_id: Option<String>,
}

impl ModuleName {
    /// A loaded file's name.
    pub fn new(path: impl Into<PathBuf>, build_id: Option<String>) -> ModuleName {
        ModuleName { path: path.into(), build_id }
    }
}

/// A loaded file.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Module {
    /// Path and build id. The path is the one it was loaded from; the kernel's own module is `[vdso]`.
    pub name: Arc<ModuleName>,
    /// What to add to an address as the file counts it for the address in memory.
    pub bias: u64,
    /// The addresses from its first segment to its last. There may be gaps between, and another module in a
    /// gap: on aarch64, where segments are 64 KiB apart, the kernel puts its own into the loader's.
    pub range: Range<u64>,
    /// The addresses of its code.
    pub code: Vec<Range<u64>>,
    /// The file has been deleted or replaced since it was loaded.
    pub deleted: bool,
    headers: Arc<Headers>,
    /// Where its first bytes are mapped, if they are.
    first_mapping: Option<Range<u64>>,
}

impl Module {
    fn segments(&self) -> impl Iterator<Item = Range<u64>> {
        let at = |address: u64| address.wrapping_add(self.bias);
        self.headers.segments.iter().map(move |s| at(s.addresses.start)..at(s.addresses.end))
    }
}

/// All modules at one moment.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Snapshot {
    /// The modules, by address.
    pub modules: Vec<Module>,
    /// Executable memory that belongs to no module: code made at run time.
    pub unnamed_code: Vec<Range<u64>>,
    /// Each segment with its module's place in the list, by address.
    segments: Vec<(Range<u64>, usize)>,
}

impl Snapshot {
    fn of(mut modules: Vec<Module>, unnamed_code: Vec<Range<u64>>) -> Snapshot {
        modules.sort_by_key(|module| module.range.start);
        let mut segments: Vec<_> = (modules.iter().enumerate())
            .flat_map(|(index, module)| module.segments().map(move |segment| (segment, index)))
            .collect();
        segments.sort_by_key(|(segment, _)| segment.start);
        Snapshot { modules, unnamed_code, segments }
    }

    /// The module that has a segment at the address.
    pub fn find(&self, address: u64) -> Option<&Module> {
        self.index_of(address).and_then(|index| self.modules.get(index))
    }

    #[cfg(stacks)]
    pub(crate) fn index_and_module(&self, address: u64) -> Option<(usize, &Module)> {
        let index = self.index_of(address)?;
        Some((index, self.modules.get(index)?))
    }

    pub(crate) fn index_of(&self, address: u64) -> Option<usize> {
        let last = self.segments.partition_point(|(segment, _)| segment.start <= address).checked_sub(1)?;
        let (segment, module) = self.segments.get(last)?;
        segment.contains(&address).then_some(*module)
    }
}

/// What is loaded now. Empty where the system does not tell (elsewhere than on Linux, or without `/proc`).
///
/// ```
/// let snapshot = gmr_inspect::modules::snapshot();
/// # #[cfg(target_os = "linux")] {
/// let here = snapshot.find(gmr_inspect::modules::snapshot as *const () as u64).unwrap();
/// assert_eq!(here.name.path, std::env::current_exe().unwrap());
/// # }
/// ```
pub fn snapshot() -> Snapshot {
    if !cfg!(target_os = "linux") {
        return Snapshot::default();
    }
    // The lines of a million mappings, at about a hundred bytes each; by default the kernel allows 65,530.
    const LIMIT: u64 = 100 << 20;
    let Ok(file) = proc_self::open(Path::new("/proc/self/maps")) else { return Snapshot::default() };
    // Line by line: each thread has two of them, and few are of interest.
    let (mut file, mut line, mut mappings) = (BufReader::new(file.take(LIMIT)), Vec::new(), Vec::new());
    while file.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        mappings.extend(maps::parse(&line));
        line.clear();
    }
    from_mappings(&mappings)
}

pub(crate) fn from_mappings(mappings: &[Mapping]) -> Snapshot {
    let (mut modules, mut unnamed_code) = (Vec::<Module>::new(), Vec::new());
    let mut firsts: HashMap<&str, &Mapping> = HashMap::new();
    for mapping in mappings {
        if mapping.offset == 0 && mapping.has_file() && mapping.readable {
            firsts.insert(&mapping.path, mapping);
        }
        let overlaps =
            |other: &Range<u64>| other.start < mapping.range.end && mapping.range.start < other.end;
        let known = |module: &Module| overlaps(&module.range) && module.segments().any(|s| overlaps(&s));
        if !mapping.executable || modules.iter().any(known) {
            continue;
        }
        // Text that was moved to huge pages is anonymous memory amidst the file's other mappings: the
        // file mapping before it is tried too.
        let first = if mapping.has_file() {
            firsts.get(mapping.path.as_str()).copied()
        } else {
            firsts
                .values()
                .filter(|first| first.range.start < mapping.range.start)
                .max_by_key(|first| first.range.start)
                .copied()
        };
        match module_with(first, mapping) {
            Some(module) => modules.push(module),
            None if mapping.path != "[vsyscall]" => unnamed_code.push(mapping.range.clone()),
            None => {}
        }
    }
    Snapshot::of(modules, unnamed_code)
}

/// The module whose first bytes are mapped at `first` and whose code is mapped at `code`.
fn module_with(first: Option<&Mapping>, code: &Mapping) -> Option<Module> {
    let named = first.unwrap_or(code);
    let headers = first.and_then(live_headers).or_else(|| file_headers(named))?;
    let bias = bias(&headers, code).or_else(|| first.and_then(|first| bias_of_first(&headers, first)))?;
    let span = |ranges: &mut dyn Iterator<Item = &headers::Segment>| {
        ranges.map(|s| s.addresses.clone()).reduce(|a, b| a.start.min(b.start)..a.end.max(b.end))
    };
    let whole = span(&mut headers.segments.iter())?;
    let at = |range: &Range<u64>| range.start.wrapping_add(bias)..range.end.wrapping_add(bias);
    let range = at(&whole);
    let code_ranges: Vec<_> =
        headers.segments.iter().filter(|s| s.executable).map(|s| at(&s.addresses)).collect();
    // A file mapped as data has headers too, but no code where they say.
    if range.start >= range.end
        || !code_ranges.iter().any(|r| r.start < code.range.end && code.range.start < r.end)
    {
        return None;
    }
    let build_id =
        headers.notes.iter().find_map(|(address, size)| live_build_id(bias.wrapping_add(*address), *size));
    let build_id = build_id.or_else(|| first.is_none().then(|| file_build_id(named)).flatten());
    Some(Module {
        name: Arc::new(ModuleName { path: PathBuf::from(&named.path), build_id }),
        bias,
        range,
        code: code_ranges,
        deleted: named.deleted,
        headers: Arc::new(headers),
        first_mapping: first.map(|first| first.range.clone()),
    })
}

/// The bias by which the segment that lies at the code mapping's place in the file came to the mapping's
/// address.
fn bias(headers: &Headers, code: &Mapping) -> Option<u64> {
    if !code.path.starts_with('/') {
        return None;
    }
    let page = |number: u64| number & !0xfff;
    let segment = headers.segments.iter().filter(|segment| segment.executable).find(|segment| {
        (page(segment.offset)..segment.offset.saturating_add(segment.file_size)).contains(&code.offset)
    })?;
    // code.range.start is where byte code.offset of the file lies.
    Some(
        code.range
            .start
            .wrapping_sub(code.offset)
            .wrapping_add(segment.offset)
            .wrapping_sub(segment.addresses.start),
    )
}

/// The bias if `first` maps the file's first byte as the segment that holds it.
fn bias_of_first(headers: &Headers, first: &Mapping) -> Option<u64> {
    let segment = headers.segments.iter().min_by_key(|segment| segment.addresses.start)?;
    Some(first.range.start.wrapping_add(segment.offset).wrapping_sub(segment.addresses.start))
}

fn live_headers(first: &Mapping) -> Option<Headers> {
    let mut page = vec![0; headers::LENGTH];
    let read = memory::read_some(first.range.start, &mut page);
    headers::parse(page.get(..read)?)
}

/// From the file instead of memory: where memory cannot be read, or does not hold the file's beginning.
fn file_headers(mapping: &Mapping) -> Option<Headers> {
    if mapping.deleted || !mapping.path.starts_with('/') {
        return None;
    }
    headers::parse(&beginning(mapping)?)
}

fn beginning(mapping: &Mapping) -> Option<Vec<u8>> {
    // Opening a device or a pipe may block or have effects.
    let path = Path::new(&mapping.path);
    if !proc_self::is_regular_file(path).ok()? {
        return None;
    }
    let mut bytes = Vec::new();
    proc_self::open(path).ok()?.take(headers::LENGTH as u64).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Notes are a few hundred bytes; a larger range is damaged.
const MAX_NOTES: u64 = 4096;

fn live_build_id(address: u64, size: u64) -> Option<String> {
    let mut notes = vec![0; usize::try_from(size.min(MAX_NOTES)).ok()?];
    memory::read(address, &mut notes).ok()?;
    headers::build_id(&notes)
}

fn file_build_id(mapping: &Mapping) -> Option<String> {
    if mapping.deleted || mapping.path == VDSO {
        return None;
    }
    crate::debug_files::ObjectFile::open(mapping.path.as_ref()).ok()?.build_id()
}

#[cfg(all(test, stacks))]
mod fuzz;
#[cfg(all(test, target_os = "linux"))]
mod tests;
