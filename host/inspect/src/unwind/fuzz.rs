//! Fuzz tests of the unwinder: tables that are damaged, stacks of nonsense, expressions and code that nobody wrote.

use super::stack_memory::{Copied, StackMemory};
use super::walk::KEPT;
use super::{CodeMap, Registers, Unwinder};
use super::{call_sites, cleanup, expression};
use crate::arch::instructions;
use crate::arch::registers::COUNT;
use crate::modules::from_mappings;
use crate::proc::maps;
use crate::test_object::{FileOf, objects};
use gimli::constants as op;
use gmr_test_fuzz::{bytes, bytes_in_place, within};
use std::cell::Cell;

/// The most that one stack may take: its frames, the rules of each of them, and a copy of the module, of which as much
/// is made as its headers say, if its file is not the one that was loaded.
const MEMORY: u64 = 66 << 20;

/// Where the stack lies, and where the module: nothing of this process does.
const STACK: u64 = 0x7000_0000;
const MODULE: u64 = 0x1000_0000;

/// A stack that counts how often it is read.
struct Counted<'c> {
    stack: Copied<'c>,
    words: usize,
}

impl StackMemory for Counted<'_> {
    fn word(&mut self, address: u64) -> Option<u64> {
        self.words += 1;
        self.stack.word(address)
    }
}

/// A stack made of the input: code addresses, stack addresses and numbers.
fn stack_of(input: &[u8], code: u64) -> Vec<u8> {
    let byte = |at: usize| input.get(at % input.len().max(1)).copied().unwrap_or(0);
    let word = |at: usize| {
        let number = u64::from_le_bytes(std::array::from_fn(|index| byte(at * 31 + index)));
        match byte(at * 7) % 4 {
            0 => code.wrapping_add(number % 0x4000),
            1 => STACK + number % 0x1000,
            2 => number,
            _ => 0,
        }
    };
    (0..512).flat_map(|at| word(at).to_ne_bytes()).collect()
}

#[test]
fn unwind_tables_and_stacks() {
    let Some(object) = objects().first() else { return gmr_test_support::skip("no compiler") };
    // Without its debug information, which is not read here.
    let loaded = &object[..object.len().min(16 << 10)];
    let deepest = Cell::new(0);
    bytes_in_place("unwind_tables_and_stacks", 400, &[object.as_slice(), loaded], |bytes| {
        let file = FileOf::new(bytes);
        let map = format!("{MODULE:x}-{:x} r-xp 00000000 00:01 7 {}", MODULE + 0x8000, file.path().display());
        let map = CodeMap::new(from_mappings(&maps::parse(map.as_bytes())));
        let Some(code) = map.snapshot.modules.first().and_then(|module| module.code.first()).cloned() else {
            return;
        };
        let stack = stack_of(bytes, code.start);
        let ranges = [(STACK, &stack[..])];
        let mut memory = Counted { stack: Copied(&ranges), words: 0 };
        let mut unwinder = Unwinder::new(&map);
        for at in (0..code.end.wrapping_sub(code.start).min(0x4000)).step_by(0x61) {
            for recover in [false, true] {
                let mut registers =
                    Registers::of_all(std::array::from_fn(|number| STACK + number as u64 * 64));
                registers.set(super::PROGRAM_COUNTER, Some(code.start.wrapping_add(at)));
                memory.words = 0;
                let walk = within(MEMORY, || unwinder.walk(registers, &mut memory, recover));
                assert!(walk.frames.len() <= KEPT);
                deepest.set(deepest.get().max(walk.frames.iter().filter(|frame| frame.verified).count()));
                assert!(walk.certain.is_none_or(|certain| certain <= walk.frames.len()));
                // Each register by a rule, which may be an expression.
                let most = (walk.count() + 1) * COUNT * expression::LONGEST;
                assert!(memory.words <= most, "{} words of the stack were read", memory.words);
            }
        }
    });
    assert!(deepest.get() > 2, "the tables were followed to {} frames at the most", deepest.get());
}

#[test]
fn dwarf_expressions() {
    let seeds: [&[u8]; 4] = [
        // How a stub of the procedure linkage table finds its caller.
        &[0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22],
        &[
            op::DW_OP_const8u.0,
            0,
            0,
            0,
            0x70,
            0,
            0,
            0,
            0,
            op::DW_OP_deref.0,
            op::DW_OP_plus_uconst.0,
            0x80,
            1,
        ],
        &[op::DW_OP_lit0.0 + 9, op::DW_OP_dup.0, op::DW_OP_over.0, op::DW_OP_swap.0, op::DW_OP_shra.0],
        &[op::DW_OP_consts.0, 0xff, 0x7f, op::DW_OP_constu.0, 0xff, 1, op::DW_OP_mul.0, op::DW_OP_neg.0],
    ];
    let stack = stack_of(b"expression", MODULE);
    bytes("dwarf_expressions", 5000, &seeds, |bytes| {
        let ranges = [(STACK, &stack[..])];
        let mut memory = Counted { stack: Copied(&ranges), words: 0 };
        let registers = Registers::of_code_and_stack(MODULE, STACK);
        within(MEMORY, || expression::evaluate(bytes, &registers, &mut memory, Some(STACK)));
        assert!(memory.words <= bytes.len().min(expression::LONGEST));
    });
}

#[test]
fn machine_code() {
    let seeds: Vec<&[u8]> = objects().iter().map(|object| &object[..object.len().min(16 << 10)]).collect();
    bytes("machine_code", 1000, &seeds, |code| {
        for at in 0..code.len().min(2000) {
            instructions::is_stub(&code[at..]);
            instructions::is_signal_return(&code[at..]);
            instructions::follows_call(&code[..at]);
            instructions::frame_pointer_distance(&code[..at], &code[at..], 24);
        }
    });
}

#[test]
fn tables_of_call_sites() {
    let seeds: [&[u8]; 3] = [
        &[0xff, 0xff, 1, 13, 0x10, 0x10, 0x80, 1, 0, 0x20, 8, 0, 0, 0x30, 8, 0x40, 0],
        &[0xff, 0x9b, 25, 3, 13, 4, 0, 0, 0, 4, 0, 0, 0, 0x20, 0, 0, 0, 1],
        &[0xff, 0xff, 4, 25, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0],
    ];
    let function = MODULE..MODULE + 0x1000;
    bytes("tables_of_call_sites", 5000, &seeds, |bytes| {
        for at in (0..0x1000).step_by(0x1ff) {
            let area = gimli::EndianSlice::new(bytes, gimli::NativeEndian);
            let sites = within(1 << 20, || call_sites::read(area, &function, MODULE + at));
            let Some(sites) = sites else { continue };
            assert!(sites.pads.is_sorted() && sites.pads.iter().all(|pad| function.contains(pad)));
            assert!(sites.pad.is_none_or(|pad| sites.pads.contains(&pad)));
        }
    });
}

#[test]
fn code_of_landing_pads() {
    let seeds: Vec<&[u8]> = objects().iter().map(|object| &object[..object.len().min(16 << 10)]).collect();
    bytes("code_of_landing_pads", 1000, &seeds, |bytes| {
        let end = MODULE + bytes.len() as u64;
        let pads: Vec<u64> = (MODULE..end).step_by(97).collect();
        let code = |region: &std::ops::Range<u64>| {
            let at = |address: u64| usize::try_from(address - MODULE).unwrap_or(usize::MAX).min(bytes.len());
            &bytes[at(region.start)..at(region.end)]
        };
        for pad in pads.iter().step_by(11) {
            let mut regions = within(1 << 20, || cleanup::regions(code, *pad, &pads, end));
            assert!(regions.len() <= 16);
            regions.sort_by_key(|region| region.start);
            assert!(regions.is_sorted_by(|one, next| one.end <= next.start), "{regions:x?}");
        }
    });
}
