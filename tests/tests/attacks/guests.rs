//! Plugins that load and then misbehave: in what they run, in what they answer, in what they would have read.

use gmr_test_support::encoding::{debug_information, with_memories, with_sections};
use gmr_test_support::guests;

use crate::attack::{ATTACK, Attack, Step};
use crate::place::{HELLO, Place};

/// A line of the table: a guest of `tests/guests`, and how its section fails; on a slow machine perhaps by its deadline.
macro_rules! guest {
    ($name:literal, $input:literal, $words:literal) => {
        guest!($name, "plugin", $input, $words)
    };
    ($name:literal, $world:literal, $input:literal, $words:literal) => {
        Attack {
            name: $name,
            source: "held",
            input: $input,
            plugins: 1,
            memory: 200,
            steps: &[Step {
                act: |place| place.drop_in("evil.wasm", &guests::assemble_for($world, &guests::text($name))),
                says: |seen| {
                    seen.failed("evil", $words).or_else(|lack| seen.overran("evil").map_err(|_| lack))
                },
            }],
            ..ATTACK
        }
    };
}

pub static ATTACKS: &[Attack] = &[
    Attack {
        name: "dwarf",
        source: "2",
        input: "a plugin of 12 MB that traps, with 1,000,000 units of debug information",
        plugins: 1,
        memory: 128,
        steps: &[Step {
            act: |place| place.drop_in("evil.wasm", &dwarf(1_000_000)),
            says: |seen| seen.failed("evil", "it trapped: "),
        }],
        ..ATTACK
    },
    Attack {
        name: "more-dwarf",
        source: "2",
        input: "the same with 2,500,000 units, 30 MB",
        steps: &[Step {
            act: |place| place.drop_in("evil.wasm", &dwarf(2_500_000)),
            says: |seen| seen.refused("evil.wasm", "its limit `custom`"),
        }],
        ..ATTACK
    },
    Attack {
        name: "descriptors-of-five",
        source: "4",
        input: "five plugins of 190 core modules with data each, and thirty of three",
        plugins: 30,
        steps: &[Step {
            act: |place| {
                for number in 0..5 {
                    place.drop_in(&format!("bomb{number}.wasm"), &with_memories(&HELLO, 190));
                }
                small(place);
            },
            says: |seen| {
                (0..30).try_for_each(|number| seen.shows(&format!("small{number}"), "hello").map(drop))?;
                let bombs =
                    (0..5).map(|number| seen.refused(&format!("bomb{number}.wasm"), "its limit `modules`"));
                Ok(bombs.collect::<Result<Vec<_>, _>>()?.swap_remove(0))
            },
        }],
        ..ATTACK
    },
    Attack {
        name: "descriptors-within-limits",
        source: "4",
        input: "twenty plugins of 60 core modules with data each",
        plugins: 20,
        memory: 200,
        steps: &[Step {
            act: |place| {
                for number in 0..20 {
                    place.drop_in(&format!("many{number}.wasm"), &with_memories(&HELLO, 60));
                }
            },
            says: |seen| {
                let mut whole = 0;
                for name in (0..20).map(|number| format!("many{number}")) {
                    match seen.shows(&name, "hello") {
                        Ok(_) => whole += 1,
                        // Its 61 memories reserve more address space than its limits count.
                        Err(_) => drop(
                            seen.failed(&name, "Cannot allocate memory").or_else(|_| seen.overran(&name))?,
                        ),
                    }
                }
                Ok(format!("{whole} of 20 sections, and no address space for the others"))
            },
        }],
        ..ATTACK
    },
    guest!("trap", "a plugin that traps", "it trapped: "),
    guest!("divides-by-zero", "a plugin that divides by zero", "it trapped: "),
    guest!("reads-beyond-memory", "a plugin that reads beyond its memory", "out of bounds memory access"),
    guest!("recursion", "a plugin that recurses without end", "its calls are nested too deeply"),
    guest!("exit", "with-wasi", "a plugin that ends the process", "it exited with status 1"),
    guest!("loop-in-render", "a plugin that never returns", "its deadline of 1 s passed"),
    guest!("sleep", "with-wasi", "a plugin that sleeps for an hour", "it waited in WASI"),
    guest!(
        "fills-memory",
        "a plugin that fills its memory in an instruction and never returns",
        "its deadline of 1 s passed"
    ),
    guest!("memory-growth", "a plugin that takes memory without end", "of memory"),
    guest!("table-growth", "a plugin that takes table elements without end", "table elements"),
    guest!("host-calls", "a plugin that calls the host without end", "it called the host more than"),
    guest!(
        "gigabyte-string",
        "a plugin whose answer is a text of a gigabyte, beyond its memory",
        "out of bounds"
    ),
    guest!(
        "million-blocks",
        "a plugin that answers with a million blocks",
        "it handed over far more than it may"
    ),
    guest!("invalid-case", "a plugin whose answer is of a kind that there is not", "discriminant"),
    guest!("invalid-text", "a plugin whose answer is no UTF-8", "utf-8"),
    Attack {
        name: "escapes",
        source: "held",
        input: "a plugin whose text clears a terminal",
        plugins: 1,
        steps: &[Step {
            act: |place| place.drop_in("evil.wasm", &guests::component("escapes")),
            says: |seen| seen.shows("evil", "\\u{1b}[2J"),
        }],
        ..ATTACK
    },
    Attack {
        name: "unseen-text",
        source: "11",
        input: "a plugin whose text and title have letters that nobody sees, and that turn the direction",
        plugins: 1,
        steps: &[Step {
            act: |place| place.drop_in("evil.wasm", &says("Ev\u{2060}il", UNSEEN)),
            says: |seen| {
                let shown = UNSEEN
                    .chars()
                    .filter(|letter| !letter.is_ascii())
                    .find(|letter| seen.text.contains(*letter));
                match shown {
                    Some(letter) => Err(format!("{letter:?} is printed as it is")),
                    None => seen.shows("evil", "pass\\u{200b}word"),
                }
            },
        }],
        ..ATTACK
    },
    Attack {
        name: "forged-banner",
        source: "held",
        input: "a plugin whose text is the banner of another section",
        plugins: 1,
        steps: &[Step {
            act: |place| {
                let text = format!("x\n{0}\n===={1:^64}====\n{0}", "=".repeat(72), "Threads");
                place.drop_in("evil.wasm", &says("Evil", &text));
            },
            says: |seen| {
                let banner = format!("===={:^64}====", "Threads");
                let count = seen.text.lines().filter(|line| **line == *banner).count();
                if count == 1 {
                    seen.shows("evil", "Threads")
                } else {
                    Err(format!("{count} banners of threads"))
                }
            },
        }],
        ..ATTACK
    },
];

/// Letters that nobody sees: zero width, soft hyphen, joiners, right to left, tags.
const UNSEEN: &str = "pass\u{200b}word \u{ad}\u{2060}\u{200d}\u{202e}\u{feff}\u{e0041}.";

fn dwarf(units: usize) -> Vec<u8> {
    with_sections(&guests::component("trap"), &debug_information(units))
}

/// Thirty plugins of three core modules with data each.
fn small(place: &Place) {
    let bytes = with_memories(&HELLO, 3);
    (0..30).for_each(|number| place.drop_in(&format!("small{number}.wasm"), &bytes));
}

/// A plugin of this title that answers with a paragraph.
pub fn says(title: &str, paragraph: &str) -> Vec<u8> {
    let data = |text: &str| -> String { text.bytes().map(|byte| format!("\\{byte:02x}")).collect() };
    let word = |number: usize| {
        u32::try_from(number)
            .expect("a short text")
            .to_le_bytes()
            .map(|byte| format!("\\{byte:02x}"))
            .concat()
    };
    // The records of title, summary, order, version and wants; an answer of one block, which is a paragraph.
    let (title_at, version_at, text_at) = (0x4000, 0x3f00, 0x5000);
    let description =
        [(title_at, title.len()), (title_at, 0), (i32::MIN.cast_unsigned() as usize, version_at), (5, 0)];
    let description: String =
        description.iter().map(|(first, second)| word(*first) + &word(*second)).collect::<String>()
            + &word(0);
    guests::assemble(&format!(
        r#"(module
          (; memory ;)
          (data (i32.const {title_at}) "{}") (data (i32.const {version_at}) "1.0.0") (data (i32.const {text_at}) "{}")
          (data (i32.const 1024) "{description}")
          (func (export "gmr:plugin/section@0.1.0#describe") (result i32) (i32.const 1024))
          (data (i32.const 2048) "{}{}{}") (data (i32.const 3072) "{}{}{}")
          (func (export "gmr:plugin/section@0.1.0#render") (param i32) (result i32) (i32.const 2048)))"#,
        data(title),
        data(paragraph),
        word(0),
        word(3072),
        word(1),
        word(1),
        word(text_at),
        word(paragraph.len()),
    ))
}
