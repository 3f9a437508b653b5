//! An ELF file's table of contents: which sections it has, and what its notes and links say.
//!
//! Read from the headers alone: the `object` crate's own view of a file begins with its whole symbol table, which a file
//! that is not mapped would have to be copied for.

use super::hexadecimal;
use object::elf::{self, FileHeader32, FileHeader64};
use object::read::elf::{FileHeader, Note, NoteIterator, ProgramHeader as _, SectionHeader};
use object::read::{CompressedFileRange, CompressionFormat, FileKind, ReadRef};
use object::{Endian as _, Endianness};

/// Sections beyond this are not listed. An executable has some forty, an object file of one function a section
/// thousands, none of which is asked for.
const MAX_SECTIONS: usize = 20_000;

/// The most that a note or a link may have; they have some dozens of bytes.
const MAX_NOTES: u64 = 64 << 10;

pub(super) struct Contents {
    sections: Vec<Section>,
    /// In lower-case hexadecimal.
    pub(super) build_id: Option<String>,
    /// The file that holds the debug information instead, and the checksum it must have.
    pub(super) debug_link: Option<(String, u32)>,
    /// The file that holds what this file's debug information shares with others, and its build id.
    pub(super) shared_link: Option<(String, String)>,
}

/// Where a section is in the file, and how.
pub(super) struct Section {
    /// With the name that it has where it is not compressed: `.debug_info` for `.zdebug_info`.
    name: String,
    pub(super) range: CompressedFileRange,
}

impl Section {
    pub(super) fn is_compressed(&self) -> bool {
        self.range.format != CompressionFormat::None
    }
}

impl Contents {
    /// `None` if it is no ELF file.
    pub(super) fn parse<'d, R: ReadRef<'d>>(data: R) -> Option<Contents> {
        match FileKind::parse(data).ok()? {
            FileKind::Elf32 => parse::<FileHeader32<Endianness>, R>(data),
            FileKind::Elf64 => parse::<FileHeader64<Endianness>, R>(data),
            _ => None,
        }
    }

    /// The section of that name, as it is called where it is not compressed.
    pub(super) fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// The sections of debug information.
    pub(super) fn debug_sections(&self) -> impl Iterator<Item = (&str, &Section)> {
        let named = self.sections.iter().map(|section| (section.name.as_str(), section));
        named.filter(|(name, _)| name.starts_with(".debug_"))
    }
}

fn parse<'d, Elf: FileHeader<Endian = Endianness>, R: ReadRef<'d>>(data: R) -> Option<Contents> {
    let header = Elf::parse(data).ok()?;
    let endian = header.endian().ok()?;
    let table = header.sections(endian, data).ok()?;
    let mut contents = Contents { sections: Vec::new(), build_id: None, debug_link: None, shared_link: None };
    for section in table.iter().take(MAX_SECTIONS) {
        let name = table.section_name(endian, section).unwrap_or_default();
        let name = std::str::from_utf8(name).unwrap_or_default();
        let bytes = || small::<Elf, R>(section, endian, data);
        match name {
            ".gnu_debuglink" => contents.debug_link = bytes().and_then(|link| debug_link(link, endian)),
            ".gnu_debugaltlink" => contents.shared_link = bytes().and_then(shared_link),
            _ => {}
        }
        if section.sh_type(endian) == elf::SHT_NOTE && contents.build_id.is_none() {
            let align = section.sh_addralign(endian);
            let notes = bytes().and_then(|notes| NoteIterator::<Elf>::new(endian, align, notes).ok());
            contents.build_id = notes.and_then(|notes| build_id(notes, endian));
        }
        let listed = match name.strip_prefix(".zdebug_") {
            Some(rest) => format!(".debug_{rest}"),
            None => name.to_owned(),
        };
        let range = file_range::<Elf, R>(section, name, endian, data);
        contents.sections.push(Section { name: listed, range });
    }
    if table.is_empty() {
        contents.build_id = build_id_of_segments(header, endian, data);
    }
    Some(contents)
}

/// A section's content, unless it is larger than what is read of such.
fn small<'d, Elf: FileHeader<Endian = Endianness>, R: ReadRef<'d>>(
    section: &Elf::SectionHeader,
    endian: Endianness,
    data: R,
) -> Option<&'d [u8]> {
    let (offset, size) = section.file_range(endian)?;
    data.read_bytes_at(offset, Some(size).filter(|size| *size <= MAX_NOTES)?).ok()
}

/// Where a section is in the file. A damaged one has the largest size, so that nobody takes it.
fn file_range<'d, Elf: FileHeader<Endian = Endianness>, R: ReadRef<'d>>(
    section: &Elf::SectionHeader,
    name: &str,
    endian: Endianness,
    data: R,
) -> CompressedFileRange {
    let damaged = CompressedFileRange {
        format: CompressionFormat::Unknown,
        offset: 0,
        compressed_size: 0,
        uncompressed_size: u64::MAX,
    };
    let Some((offset, size)) = section.file_range(endian) else { return CompressedFileRange::none(None) };
    if name.starts_with(".zdebug_") {
        return gnu_compression(offset, size, data).unwrap_or(damaged);
    }
    match section.compression(endian, data) {
        Ok(None) => CompressedFileRange::none(Some((offset, size))),
        Err(_) => damaged,
        Ok(Some((header, offset, compressed_size))) => {
            use object::read::elf::CompressionHeader as _;
            let format = match header.ch_type(endian) {
                elf::ELFCOMPRESS_ZLIB => CompressionFormat::Zlib,
                elf::ELFCOMPRESS_ZSTD => CompressionFormat::Zstandard,
                _ => return damaged,
            };
            let uncompressed_size = header.ch_size(endian).into();
            CompressedFileRange { format, offset, compressed_size, uncompressed_size }
        }
    }
}

/// The older kind of compression: `ZLIB`, the size in eight bytes, the most significant first, and the content.
fn gnu_compression<'d, R: ReadRef<'d>>(offset: u64, size: u64, data: R) -> Option<CompressedFileRange> {
    const HEADER: u64 = 12;
    let header = data.read_bytes_at(offset, HEADER).ok()?;
    let length = header.strip_prefix(b"ZLIB")?.try_into().ok()?;
    Some(CompressedFileRange {
        format: CompressionFormat::Zlib,
        offset: offset.checked_add(HEADER)?,
        compressed_size: size.checked_sub(HEADER)?,
        uncompressed_size: u64::from_be_bytes(length),
    })
}

fn build_id<Elf: FileHeader>(notes: NoteIterator<'_, Elf>, endian: Elf::Endian) -> Option<String> {
    let is_build_id = |note: &Note<'_, Elf>| {
        note.name() == elf::ELF_NOTE_GNU && note.n_type(endian) == elf::NT_GNU_BUILD_ID
    };
    notes.map_while(Result::ok).find(is_build_id).map(|note| hexadecimal(note.desc()))
}

/// For a file whose section headers were cut off.
fn build_id_of_segments<'d, Elf: FileHeader<Endian = Endianness>, R: ReadRef<'d>>(
    header: &Elf,
    endian: Endianness,
    data: R,
) -> Option<String> {
    let segments = header.program_headers(endian, data).ok()?;
    let small = segments.iter().filter(|segment| segment.p_filesz(endian).into() <= MAX_NOTES);
    small
        .filter_map(|segment| segment.notes(endian, data).ok().flatten())
        .find_map(|notes| build_id(notes, endian))
}

/// A file name, and behind it, at the next word, the checksum.
fn debug_link(link: &[u8], endian: Endianness) -> Option<(String, u32)> {
    let (name, end) = name(link)?;
    let start = end.next_multiple_of(4);
    let checksum = link.get(start..start + 4)?.try_into().ok()?;
    let checksum =
        if endian.is_big_endian() { u32::from_be_bytes(checksum) } else { u32::from_le_bytes(checksum) };
    Some((name, checksum))
}

/// A file name, and behind it a build id.
fn shared_link(link: &[u8]) -> Option<(String, String)> {
    let (name, end) = name(link)?;
    Some((name, hexadecimal(&link[end..])))
}

/// The name that the bytes begin with, and where what follows it begins.
fn name(bytes: &[u8]) -> Option<(String, usize)> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    Some((String::from_utf8_lossy(&bytes[..end]).into_owned(), end + 1))
}
