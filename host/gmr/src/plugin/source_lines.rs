//! Files and lines of the frames of a trap, from the debug information in a plugin's file: for its author, where a plugin is
//! checked. A report has the functions' names alone: how much time and memory debug information takes is up to whoever made
//! it, and no limit of a plugin counts that.

use std::collections::BTreeMap;
use std::ops::Range;

use addr2line::Context;
use addr2line::gimli::{Dwarf, EndianSlice, LittleEndian, SectionId, UnitHeader};
use gmr_report::{Call, Frame};
use wasmtime_environ::wasmparser::{Encoding, Parser, Payload};

/// Debug information of more than this is not read; a debug build of a plugin in Rust has a few megabytes.
const MOST_BYTES: usize = 16 << 20;

/// Nor is that of more units than this, each of which takes a kilobyte before anything is looked up; the same build has
/// some hundred.
const MOST_UNITS: usize = 4096;

type Reader<'a> = EndianSlice<'a, LittleEndian>;

/// A core module in a file.
#[derive(Default)]
struct Module<'a> {
    /// Where its code stands in the file. Addresses in debug information count from there, by
    /// <https://yurydelendik.github.io/webassembly-dwarf/>.
    code: Range<u64>,
    /// Its debug information, by the sections' names.
    sections: BTreeMap<&'a str, &'a [u8]>,
}

/// Adds to each frame what the debug information in a component's file knows of its place: calls that were inlined there,
/// files and lines.
pub fn add(frames: &mut [Frame], file: &[u8]) {
    for module in modules(file) {
        let within = |frame: &Frame| frame.offset.filter(|offset| module.code.contains(offset));
        if !frames.iter().any(|frame| within(frame).is_some()) {
            continue;
        }
        let Some(context) = module.context() else { continue };
        for frame in frames.iter_mut() {
            let Some(offset) = within(frame) else { continue };
            let calls = calls(&context, offset - module.code.start);
            if !calls.is_empty() {
                frame.calls = calls;
            }
        }
    }
}

/// The modules of a file in the binary format, up to where it cannot be read.
fn modules(file: &[u8]) -> Vec<Module<'_>> {
    let mut modules = Vec::new();
    // The kinds of what is open, the outermost first.
    let mut open = Vec::new();
    for payload in Parser::new(0).parse_all(file).map_while(Result::ok) {
        match payload {
            Payload::Version { encoding, .. } => {
                open.push(encoding);
                if encoding == Encoding::Module {
                    modules.push(Module::default());
                }
            }
            Payload::End(_) => drop(open.pop()),
            Payload::CodeSectionStart { range, .. } => {
                if let Some(module) = modules.last_mut() {
                    module.code = range.start as u64..range.end as u64;
                }
            }
            // A module has no other inside.
            Payload::CustomSection(section) if open.last() == Some(&Encoding::Module) => {
                if let Some(module) = modules.last_mut().filter(|_| section.name().starts_with(".debug_")) {
                    module.sections.insert(section.name(), section.data());
                }
            }
            _ => {}
        }
    }
    modules
}

impl<'a> Module<'a> {
    fn context(&self) -> Option<Context<Reader<'a>>> {
        let size: usize = self.sections.values().map(|section| section.len()).sum();
        if size == 0 || size > MOST_BYTES {
            return None;
        }
        let section = |id: SectionId| -> Result<Reader<'a>, addr2line::gimli::Error> {
            Ok(EndianSlice::new(self.sections.get(id.name()).copied().unwrap_or_default(), LittleEndian))
        };
        let dwarf = Dwarf::load(section).ok()?;
        if units(&dwarf) > MOST_UNITS {
            return None;
        }
        Context::from_dwarf(dwarf).ok()
    }
}

fn units(dwarf: &Dwarf<Reader<'_>>) -> usize {
    let mut headers = dwarf.units();
    std::iter::from_fn(|| headers.next().ok().flatten()).map(|_: UnitHeader<_>| 1).take(MOST_UNITS + 1).sum()
}

fn calls(context: &Context<Reader<'_>>, address: u64) -> Vec<Call> {
    let Ok(mut frames) = context.find_frames(address).skip_all_loads() else { return Vec::new() };
    let mut calls = Vec::new();
    while let Ok(Some(frame)) = frames.next() {
        let Some(name) = frame.function.as_ref().and_then(|function| function.demangle().ok()) else { break };
        let mut call = Call::of(name);
        if let Some(location) = &frame.location {
            call.file = location.file.map(str::to_owned);
            (call.line, call.column) = (location.line.filter(|line| *line > 0), location.column);
        }
        calls.push(call);
    }
    calls
}
