//! Files that would take a compiler minutes and gigabytes: plugins that are whole, with one thing more in them.

use gmr_test_support::encoding::{
    COMPONENT, custom, function, leb, module_of_data, module_of_functions, nested_components, section,
    with_module,
};
use gmr_test_support::guests;

use crate::attack::{ATTACK, Attack, Step};
use crate::place::{HELLO, Place};

/// Instructions: `local.get 0`, `local.set 0` and so on by their bytes, as the specification has them.
const BLOCK: &[u8] = b"\x02\x40";
const LOOP: &[u8] = b"\x03\x40";
const IF_ZERO: &[u8] = b"\x41\0\x04\x40";
const END: &[u8] = b"\x0b";
const ADD: &[u8] = b"\x6a";
const DROP: &[u8] = b"\x1a";
const ONE: &[u8] = b"\x41\x01";
/// Branches to the innermost loop if the first local says so, and leaves it.
const AGAIN: &[u8] = b"\x20\0\x0d\0\x0b";

/// A line of the table: a bomb is refused, and named by its limit.
macro_rules! bomb {
    ($name:literal, $input:literal, $bytes:expr, $words:literal) => {
        Attack {
            name: $name,
            source: "3",
            input: $input,
            steps: &[Step {
                act: |place| place.drop_in("bomb.wasm", &$bytes),
                says: |seen| seen.refused("bomb.wasm", $words),
            }],
            ..ATTACK
        }
    };
}

pub static ATTACKS: &[Attack] = &[
    bomb!(
        "nest",
        "components nested 10,000 deep",
        [&**HELLO, &section(COMPONENT, &nested_components(10_000))].concat(),
        "its limit `nesting`"
    ),
    bomb!(
        "loops-1000",
        "1,000 locals in 100 loops in one another",
        loops(1000, 100),
        "its limit `branching`"
    ),
    bomb!(
        "loops-5000",
        "5,000 locals in 500 loops in one another",
        loops(5000, 500),
        "its limit `branching`"
    ),
    bomb!(
        "loops-10000",
        "10,000 locals in 1,000 loops in one another",
        loops(10_000, 1000),
        "its limit `locals`"
    ),
    bomb!(
        "straight",
        "a function of 2,000,000 operations in a row",
        of_one_function(&[ONE, &b"\x41\x03\x6c\x41\x07\x6a".repeat(1_000_000), DROP].concat()),
        "its limit `function`"
    ),
    bomb!(
        "stack",
        "a function with 1,900,000 operands at once",
        of_one_function(&[&*ONE.repeat(1_900_000), &ADD.repeat(1_899_999), DROP].concat()),
        "its limit `function`"
    ),
    bomb!(
        "blocks",
        "2,000,000 blocks in one another",
        of_one_function(&[BLOCK.repeat(2_000_000), END.repeat(2_000_000)].concat()),
        "its limit `function`"
    ),
    bomb!(
        "ifs",
        "1,000,000 conditions in one another",
        of_one_function(&[IF_ZERO.repeat(1_000_000), END.repeat(1_000_000)].concat()),
        "its limit `function`"
    ),
    bomb!(
        "functions",
        "100,000 functions",
        with_module(&HELLO, &module_of_functions(100_000, &function(0, &[]))),
        "its limit `functions`"
    ),
    bomb!(
        "branch-tables",
        "100 branches with 65,000 targets each",
        of_one_function(&[BLOCK, b"\x41\0\x0e", &leb(65_000), &*vec![0; 65_001], END].concat().repeat(100)),
        "its limit `function`"
    ),
    bomb!(
        "branch-table",
        "a branch with 65,000 targets in a function of 1,000 locals",
        with_module(
            &HELLO,
            &module_of_functions(
                1,
                &function(1000, &[BLOCK, b"\x41\0\x0e", &leb(65_000), &*vec![0; 65_001], END].concat())
            )
        ),
        "its limit `branching`"
    ),
    bomb!(
        "data",
        "60 MB of data",
        with_module(&HELLO, &module_of_data(1, &vec![0; 60 << 20])),
        "its limit `file`"
    ),
    bomb!(
        "segments",
        "100,000 segments of data",
        with_module(&HELLO, &module_of_data(100_000, b"x")),
        "its limit `data_segments`"
    ),
    bomb!(
        "custom-sections",
        "20 MB of sections that no engine reads",
        [&**HELLO, &custom("notes", &vec![0; 20 << 20])].concat(),
        "its limit `custom`"
    ),
    bomb!(
        "long-name",
        "a function's name of 90 KB, which each frame of a trap would have",
        with_module(&HELLO, &[module_of_functions(1, &function(0, &[])), long_name(90_000)].concat()),
        "a name of more than 64.0 KiB"
    ),
    bomb!(
        "modules",
        "1,000 core modules",
        [&**HELLO, &section(1, b"\0asm\x01\0\0\0").repeat(1000)].concat(),
        "its limit `modules`"
    ),
    Attack {
        name: "doubling",
        source: "3",
        input: "components with two instances each of the one before, in all 2 to the power of 60",
        settings: &[("GMR_PLUGIN_TEXT", "true")],
        steps: &[Step {
            act: |place| place.write("bomb.wat", guests::doubling(60)),
            says: |seen| seen.refused("bomb.wat", "its limit `component_instances`"),
        }],
        ..ATTACK
    },
    Attack {
        name: "wide-text",
        source: "3",
        input: "24 MB of text with 4,000,000 functions",
        settings: &[("GMR_PLUGIN_TEXT", "true")],
        steps: &[Step {
            act: |place| {
                place.write("bomb.wat", format!("(component (core module {}))", "(func)".repeat(4_000_000)));
            },
            says: |seen| seen.refused("bomb.wat", "text of more than 1 MiB"),
        }],
        ..ATTACK
    },
    Attack {
        name: "deep-text",
        source: "3",
        input: "1 MB of text with 500,000 parentheses, and one of comments",
        settings: &[("GMR_PLUGIN_TEXT", "true")],
        steps: &[Step {
            act: |place| {
                place.write("bomb.wat", "(".repeat(500_000) + &")".repeat(500_000));
                place.write("comments.wat", "(;".repeat(500_000));
            },
            says: |seen| {
                seen.refused("comments.wat", "in line 1")?;
                seen.refused("bomb.wat", "in line 1")
            },
        }],
        ..ATTACK
    },
    Attack {
        name: "all-at-once",
        source: "3",
        input: "all bombs of one function and of loops at once, while reports are asked for",
        steps: &[Step { act: all_at_once, says: |seen| seen.refused("bomb0.wasm", "its limit `branching`") }],
        ..ATTACK
    },
];

fn all_at_once(place: &Place) {
    let straight = of_one_function(&[ONE, &b"\x41\x03\x6c\x41\x07\x6a".repeat(1_000_000), DROP].concat());
    let blocks = of_one_function(&[BLOCK.repeat(2_000_000), END.repeat(2_000_000)].concat());
    for (number, bomb) in [loops(5000, 500), loops(1000, 100), straight, blocks].into_iter().enumerate() {
        place.drop_in(&format!("bomb{number}.wasm"), &bomb);
    }
}

fn of_one_function(instructions: &[u8]) -> Vec<u8> {
    with_module(&HELLO, &module_of_functions(1, &function(0, instructions)))
}

/// A function whose compiler keeps track of so many locals at the beginning of so many loops, each inside of the one before.
fn loops(locals: usize, depth: usize) -> Vec<u8> {
    let mut instructions = LOOP.repeat(depth);
    for local in 0..locals {
        let local = leb(local);
        // local.get N, i32.const 1, i32.add, local.set N.
        instructions.extend([b"\x20", &*local, ONE, ADD, b"\x21", &local].concat());
    }
    instructions.extend(AGAIN.repeat(depth));
    with_module(&HELLO, &module_of_functions(1, &function(locals, &instructions)))
}

/// A section that gives the first function a name of so many bytes.
fn long_name(bytes: usize) -> Vec<u8> {
    let names = [&b"\x01\0"[..], &leb(bytes), &vec![b'n'; bytes]].concat();
    custom("name", &section(1, &names))
}
