//! Fuzz tests of what is read of loaded files: headers and notes, object files by their sections, modules by the mappings
//! that `/proc/self/maps` tells.

use super::{from_mappings, headers};
use crate::debug_files::{self, ObjectFile};
use crate::proc::maps;
use crate::test_object::{FileOf, objects};
use gmr_test_fuzz::{bytes, within};

/// The most that one input may take: its own size for a copy, and much less for what is read of it.
const MEMORY: u64 = 2 << 20;

/// The most that is asked of a section, and what the decompression needs beside it.
const SECTION: u64 = 1 << 20;

#[test]
fn elf_headers() {
    // The first page is all that is read.
    let beginnings: Vec<&[u8]> = objects().iter().map(|object| &object[..headers::LENGTH]).collect();
    bytes("elf_headers", 3000, &beginnings, |bytes| {
        let Some(found) = within(MEMORY, || headers::parse(bytes)) else { return };
        assert!(!found.segments.is_empty() && found.fingerprint.len() <= bytes.len());
        for segment in &found.segments {
            assert!(segment.addresses.start <= segment.addresses.end);
        }
    });
    let note = b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0aaaabbbbccccddddeeee";
    bytes("elf_notes", 1000, &[note], |bytes| {
        let id = within(MEMORY, || headers::build_id(bytes));
        assert!(id.is_none_or(|id| id.len() <= bytes.len() * 2 && !id.is_empty()));
    });
}

#[test]
fn object_files() {
    bytes("object_files", 500, objects(), |bytes| {
        let Some(file) = within(MEMORY, || ObjectFile::from_bytes(bytes.to_vec())) else { return };
        within(MEMORY, || {
            file.build_id();
            file.debug_info_bytes();
            debug_files::find(&file, &[]);
            debug_files::find_shared(&file, &[]);
        });
        for section in [".text", ".debug_info", ".debug_str"] {
            // Twice the size: what grows into it, and what is made of it; a window of zstd's, which it names itself.
            let content = within(3 * SECTION, || file.read_section(section, SECTION));
            assert!(content.is_none_or(|content| content.len() as u64 <= SECTION), "{section}");
        }
    });
}

#[test]
fn mappings() {
    let Some(object) = objects().first() else { return gmr_test_support::skip("no compiler") };
    let file = FileOf::new(object);
    let path = file.path();
    let text = format!(
        "10000000-10003000 r--p 00000000 00:01 7 {path}\n10003000-10009000 r-xp 00003000 00:01 7 {path}\n\
         20000000-20001000 rwxp 00000000 00:00 0 \n7fff0000-7fff1000 r-xp 00000000 00:00 0 [vdso]\n",
        path = path.display()
    );
    bytes("mappings", 500, &[text], |text| {
        let snapshot = within(MEMORY, || from_mappings(&maps::parse(text)));
        for module in &snapshot.modules {
            assert!(module.range.start < module.range.end, "{module:?}");
        }
        for address in [0, 0x1000_0000, 0x1000_3004, u64::MAX] {
            if let Some(module) = snapshot.find(address) {
                assert!(module.segments().any(|segment| segment.contains(&address)));
            }
        }
    });
}
