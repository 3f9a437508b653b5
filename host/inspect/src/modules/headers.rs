//! ELF headers: segments, build id, and where the unwind tables lie, from a file's first page and its notes.
//! Reads bytes only; where they came from is the caller's matter.

use crate::debug_files::hexadecimal;
use object::NativeEndian;
use object::elf::{ELF_NOTE_GNU, FileHeader64, NT_GNU_BUILD_ID, PF_X, PT_GNU_EH_FRAME, PT_LOAD, PT_NOTE};
use object::read::elf::{FileHeader as _, Note, NoteIterator, ProgramHeader as _};
use std::ops::Range;

/// How many bytes at a file's beginning hold its headers. Linkers put the program headers right after the
/// file header: 64 bytes and 56 for each, so one page holds 72 of them; real files have about a dozen.
pub(crate) const LENGTH: usize = 4096;

/// A part of the file that is mapped into memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// Where it lies in memory, as the file counts it.
    pub addresses: Range<u64>,
    /// Where it begins in the file.
    pub offset: u64,
    /// How many of its bytes the file holds; the rest is zero.
    pub file_size: u64,
    pub executable: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Headers {
    /// The bytes all of this was read from: two builds of a file hardly ever agree in them.
    pub fingerprint: Vec<u8>,
    pub segments: Vec<Segment>,
    /// Address and size of each range of notes.
    pub notes: Vec<(u64, u64)>,
    /// The address of `.eh_frame_hdr`, as the file counts it.
    pub eh_frame_header: Option<u64>,
}

/// `None` where the bytes are no ELF file for this machine.
pub(crate) fn parse(bytes: &[u8]) -> Option<Headers> {
    let file = FileHeader64::<NativeEndian>::parse(bytes).ok()?;
    let endian = file.endian().ok()?;
    let programs = file.program_headers(endian, bytes).ok()?;
    let mut headers =
        Headers { fingerprint: Vec::new(), segments: Vec::new(), notes: Vec::new(), eh_frame_header: None };
    for program in programs {
        let address = program.p_vaddr(endian);
        let file_size = program.p_filesz(endian);
        match program.p_type(endian) {
            PT_LOAD => headers.segments.push(Segment {
                addresses: address..address.checked_add(program.p_memsz(endian))?,
                offset: program.p_offset(endian),
                file_size,
                executable: program.p_flags(endian).contains(PF_X),
            }),
            PT_NOTE => headers.notes.push((address, file_size)),
            PT_GNU_EH_FRAME => headers.eh_frame_header = Some(address),
            _ => {}
        }
    }
    if headers.segments.is_empty() {
        return None;
    }
    let table = usize::try_from(file.e_phoff(endian)).ok()?;
    let end = table.checked_add(size_of_val(programs))?;
    headers.fingerprint = [bytes.get(..64)?, bytes.get(table..end)?].concat();
    Some(headers)
}

/// The build id in a range of notes, in lower-case hexadecimal.
pub(crate) fn build_id(notes: &[u8]) -> Option<String> {
    build_id_bytes(notes).map(hexadecimal)
}

/// The same as its bytes: to be had without an allocation.
pub(crate) fn build_id_bytes(notes: &[u8]) -> Option<&[u8]> {
    const ALIGNMENT: u32 = 4;
    let notes =
        NoteIterator::<FileHeader64<NativeEndian>>::new(NativeEndian, ALIGNMENT.into(), notes).ok()?;
    let is_build_id = |note: &Note<'_, _>| {
        note.n_type(NativeEndian) == NT_GNU_BUILD_ID && note.name() == ELF_NOTE_GNU && !note.desc().is_empty()
    };
    notes.map_while(Result::ok).find(is_build_id).map(|note| note.desc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(kind: u32, name: &[u8], value: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for number in [name.len() as u32, value.len() as u32, kind] {
            bytes.extend(number.to_ne_bytes());
        }
        for part in [name, value] {
            bytes.extend(part);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        bytes
    }

    #[test]
    fn the_build_id_is_found_behind_other_notes() {
        let notes = [note(1, b"GNU\0", &[9; 7]), note(3, b"GNU\0", &[0xab, 0x01, 0xff])].concat();
        assert_eq!(build_id(&notes).as_deref(), Some("ab01ff"));
        assert_eq!(build_id(&note(3, b"Go\0\0", &[1])), None);
    }

    #[test]
    fn every_cut_of_a_note_is_survived() {
        let whole = note(3, b"GNU\0", &[1, 2, 3, 4]);
        for length in 0..whole.len() {
            assert_eq!(build_id(&whole[..length]), None, "cut at {length}");
        }
        let mut huge = whole.clone();
        huge[..4].copy_from_slice(&u32::MAX.to_ne_bytes());
        assert_eq!(build_id(&huge), None);
    }

    #[test]
    fn what_is_no_elf_file_is_refused() {
        assert_eq!(parse(b"#!/bin/sh"), None);
        assert_eq!(parse(&[]), None);
        assert_eq!(parse(&[0x7f; LENGTH]), None);
    }
}
