//! What plugins that are made to cost much cost the process that they are in, when a report is made and between two: memory
//! and descriptors. The files are made up here, as an attacker would.

use std::path::Path;
use std::time::Duration;

use gmr::plugin::PluginConfig;
use gmr::report::{Block, Report};
use gmr::{Builder, Guard, Settings};
use gmr_test_support::memory::{self, COUNTING, Counting};
use gmr_test_support::{guests, wait_for_compiler};

#[global_allocator]
static ALLOCATOR: Counting = COUNTING;

/// A number as WebAssembly writes it.
fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(byte);
            return bytes;
        }
        bytes.push(byte | 0x80);
    }
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [&[id], &*leb(content.len()), content].concat()
}

fn custom(name: &str, content: &[u8]) -> Vec<u8> {
    section(0, &[&leb(name.len()), name.as_bytes(), content].concat())
}

/// The sections of a component, by their numbers.
fn sections(component: &[u8]) -> Vec<(u8, &[u8])> {
    let mut sections = Vec::new();
    let mut rest = &component[8..];
    while let [id, after @ ..] = rest {
        let length = after.iter().take_while(|byte| **byte & 0x80 != 0).count() + 1;
        let size = after[..length].iter().rev().fold(0, |size, byte| size << 7 | usize::from(byte & 0x7f));
        sections.push((*id, &after[length..length + size]));
        rest = &after[length + size..];
    }
    sections
}

/// The number of a section that is a core module, and of one with core instances.
const MODULE: u8 = 1;
const INSTANCES: u8 = 2;

/// A component whose first core module has more sections.
fn with_sections(component: &[u8], more: &[u8]) -> Vec<u8> {
    let mut made = component[..8].to_vec();
    let mut is_first = true;
    for (id, content) in sections(component) {
        let extended = [content, if id == MODULE && is_first { more } else { &[] }].concat();
        is_first &= id != MODULE;
        made.extend(section(id, &extended));
    }
    made
}

/// Debug information of so many units, each of which is nothing but its header.
fn debug_information(units: usize) -> Vec<u8> {
    let unit = b"\x08\0\0\0\x04\0\0\0\0\0\x04\x01";
    [custom(".debug_abbrev", b"\x01\x11\0\0\0\0"), custom(".debug_info", &unit.repeat(units))].concat()
}

/// A component with so many core modules more, each with a memory and data of its own, and an instance.
fn with_memories(component: &[u8], more: usize) -> Vec<u8> {
    let before = sections(component).iter().filter(|(id, _)| *id == MODULE).count();
    let mut made = component.to_vec();
    for number in 0..more {
        let data = format!("data of {number}");
        let segment = [b"\x01\0\x41\0\x0b", &*leb(data.len()), data.as_bytes()].concat();
        let module = [b"\0asm\x01\0\0\0", &*section(5, b"\x01\0\x01"), &section(11, &segment)].concat();
        made.extend(section(MODULE, &module));
        made.extend(section(INSTANCES, &[b"\x01\0", &*leb(before + number), b"\0"].concat()));
    }
    made
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Reports until the plugins are there.
fn report_with(guard: &Guard, plugins: &[&str]) -> Report {
    wait_for_compiler(|| {
        let report = guard.report().unwrap();
        let is_there = |name: &&str| report.section(name).is_some();
        if plugins.iter().all(is_there) {
            Ok(report)
        } else {
            Err(format!("{:?}", report.section("plugins")))
        }
    })
}

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    std::fs::write(folder.join(format!("{name}.wasm")), bytes).unwrap();
}

/// One test: descriptors and memory belong to a whole process.
#[test]
fn what_is_made_to_cost_much_costs_little() {
    let folder = tempfile::tempdir().unwrap();
    let hello = guests::component("hello");
    write(folder.path(), "hello", &hello);
    write(folder.path(), "dwarf", &with_sections(&guests::component("trap"), &debug_information(500_000)));
    let many = ["many-1", "many-2", "many-3", "many-4"];
    for name in many {
        write(folder.path(), name, &with_memories(&hello, 50));
    }
    let mut settings = Settings::default();
    settings.plugin_dir = vec![folder.path().to_owned()];
    settings.deadline = Duration::from_secs(60);
    settings.plugins = [("hello".to_owned(), PluginConfig::default())].into();
    let before = descriptors();
    let guard = Builder::new(gmr::package!()).settings(settings).install().unwrap();
    let plugins = [&["hello", "dwarf"][..], &many].concat();
    report_with(&guard, &plugins);

    let allocated = memory::allocated();
    let report = guard.report().unwrap();
    let allocated = memory::allocated() - allocated;
    for name in ["hello"].iter().chain(&many) {
        assert_eq!(report.section(name).unwrap().blocks, [Block::paragraph("hello")], "{name}");
    }
    let trapped = report.section("dwarf").unwrap();
    assert!(trapped.failure.as_ref().unwrap().starts_with("it trapped: "), "{trapped:?}");
    // wasmtime would take 1.2 KB a unit.
    assert!(allocated < 200 << 20, "{allocated} bytes were allocated for a report");
    // The reporter's own, of which there are about a dozen, and two a plugin.
    let more = descriptors() - before;
    assert!(more <= 20 + 2 * plugins.len(), "{more} descriptors more");
}
