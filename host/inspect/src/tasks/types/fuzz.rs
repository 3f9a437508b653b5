//! Fuzz tests of the way from DWARF to a chain: the index of damaged debug information, its types, the plans that are made
//! of them, and what these make of memory. Names by themselves, too.

use super::names::{function_path, resume_function};
use super::{Index, Shape, Source, Types, display, without_generics};
use crate::debug_files::ObjectFile;
use crate::tasks::decode::{
    Compiler, FUTURES_UTIL, Interpreter, Libraries, OWN, Output, Plans, ReadSet, STANDARD,
};
use crate::test_object::{FileOf, assembled, objects};
use gmr_test_fuzz::{bytes, bytes_in_place, within};
use std::cell::Cell;

/// The most that one input may take: sections decompressed, units parsed, types read.
const MEMORY: u64 = 64 << 20;

/// The most plans that are made for one value: as many as the library has types, several times over.
const PLANS: usize = 5000;

#[test]
fn types_plans_and_memory() {
    let decoded = Cell::new(0);
    bytes_in_place("types_plans_and_memory", 200, objects(), |bytes| {
        // What a compressed section says of its size is a matter of the test of object files.
        let object = ObjectFile::from_bytes(bytes.to_vec());
        if object.is_none_or(|object| object.debug_info_bytes() > MEMORY / 16) {
            return;
        }
        let file = FileOf::new(bytes);
        let source = Source::new(file.path());
        let Ok(index) = within(MEMORY, || Index::build(&source, || false)) else { return };
        decoded.set(decoded.get() + within(MEMORY, || look(&source, &index, bytes)));
    });
    assert!(objects().is_empty() || decoded.get() > 200, "{} awaits were decoded", decoded.get());
}

#[test]
fn types_whose_discriminants_have_discriminants_without_end() {
    const TYPES: usize = 20_000;
    let abbreviations = "
        .section .debug_abbrev, \"\", @progbits
        .uleb128 1, 0x11, 1, 0, 0
        .uleb128 2, 0x13, 1, 0x03, 0x08, 0, 0 /* structure type: name */
        .uleb128 3, 0x33, 1, 0x15, 0x13, 0, 0 /* variant part: discriminant */
        .uleb128 4, 0x0d, 0, 0x03, 0x08, 0x49, 0x13, 0, 0 /* member: name, type */
        .byte 0
        .section .debug_info, \"\", @progbits
        unit: .long end - start
        start: .value 4
        .long 0
        .byte 8
        .uleb128 1";
    let entry = |at: usize| {
        format!(
            "
        type{at}: .uleb128 2
        .asciz \"t{at}\"
        .uleb128 3
        .long member{at} - unit
        member{at}: .uleb128 4
        .asciz \"m\"
        .long type{next} - unit
        .byte 0, 0",
            next = (at + 1) % TYPES
        )
    };
    let entries: String = (0..TYPES).map(entry).collect();
    let Some(object) = assembled(&format!("{abbreviations}{entries}\n.byte 0\nend:\n")) else {
        return gmr_test_support::skip("no C compiler");
    };
    let file = FileOf::new(&object);
    let source = Source::new(file.path());
    let index = Index::build(&source, || false).unwrap();
    assert_eq!(index.types.all().len(), TYPES);
    let types = Types::new(&source, &index, 0);
    let first = types.by_name("t0").unwrap();
    assert!(matches!(&first.shape, Shape::Enum { discriminant: Some(_), .. }), "{first:?}");
}

/// Everything that a look at tasks asks of types; how many awaits it comes to.
fn look(source: &Source, index: &Index, memory: &[u8]) -> usize {
    let types = Types::new(source, index, 0);
    let compiler = Compiler::new(&types, Libraries(&[&STANDARD, &FUTURES_UTIL, &OWN]));
    let mut plans = Plans::default();
    let memory = memory_of(memory);
    let address = memory.as_ptr().addr() as u64;
    let mut nodes = 0;
    for (_, id) in index.types.all().iter().take(1000) {
        let found = types.get(*id);
        types.find(&found, "no such member");
        types.path(&found, &["pointer", "pointer"]);
        types.function_name(&found);
        types.is_future(&found.name);
        for member in found.members.iter().take(10) {
            types.file(found.id.unit, member.file);
        }
        let plan = plans.number(*id);
        let (mut reads, mut output) = (ReadSet::default(), Output::default());
        for _ in 0..PLANS {
            let Err(missing) =
                Interpreter::new(&plans, &mut reads, &mut output, &mut { 1_000 }).decode(plan, address)
            else {
                break;
            };
            compiler.make(&mut plans, missing, |vtable| vtable.checked_rem(4096));
            reads.clear();
            output.clear();
        }
        output.is_sound();
        nodes += output.nodes.len();
    }
    for (start, id) in index.functions.all().iter().take(1000) {
        types.functions_at(*start).count();
        compiler.polled_by(*id);
    }
    for (address, _) in index.vtables.all().iter().take(1000) {
        types.behind_vtable(*address);
    }
    nodes
}

/// Words such as futures hold: small numbers, as states are, and addresses of other words.
fn memory_of(input: &[u8]) -> Vec<u64> {
    let mut words = vec![0_u64; 1024];
    let start = words.as_ptr().addr() as u64;
    for (at, word) in words.iter_mut().enumerate() {
        let byte = u64::from(input[(at * 31) % input.len()]);
        *word = match byte % 4 {
            0 => start + byte * 16,
            1 => byte,
            // Small in each of its bytes, wherever a state lies.
            _ => (byte % 5) * 0x0101_0101_0101_0101,
        };
    }
    words
}

#[test]
fn names_of_types_and_functions() {
    let seeds = [
        "a::B<c::D<E>, F>::g",
        "a::f::{async_fn_env#0}<T>",
        "<a::S<u8> as a::T<fn() -> u8>>::f::{async_block_env#1}",
        "core::pin::Pin<&mut \u{fc}>",
        "_ZN4core3ptr42drop_in_place$LT$alloc..string..String$GT$17h0123456789abcdefE",
    ];
    bytes("names_of_types_and_functions", 3000, &seeds, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        within(4 << 20, || {
            assert!(without_generics(&text).len() <= text.len());
            display(&text);
            function_path(&text);
            resume_function(&text);
        });
    });
}
