//! Many at once: what files and plugins cost together, of which each alone is harmless.

use std::fs;

use gmr_test_support::guests;

use crate::attack::{ATTACK, Attack, Step};
use crate::place::Place;
use crate::report::Seen;

/// Reports of so many plugins are longer than one of an honest service, and no longer than this: text of 8 MiB and its notes.
const MOST_TEXT: usize = 12 << 20;

pub static ATTACKS: &[Attack] = &[
    Attack {
        name: "files-8000",
        source: "6",
        input: "8,000 empty files",
        steps: &[Step { act: |place| many_files(place, 8000), says: left_out }],
        ..ATTACK
    },
    Attack {
        name: "files-20000",
        source: "6",
        input: "20,000 empty files, in two folders",
        steps: &[Step { act: |place| many_files(place, 20_000), says: left_out }],
        ..ATTACK
    },
    Attack {
        name: "plugins-2000",
        source: "7",
        input: "2,000 files that are no plugins, each for a reason",
        steps: &[Step {
            act: |place| {
                (0..2000)
                    .for_each(|number| place.write(&format!("f{number}.wasm"), format!("number {number}")));
            },
            says: left_out,
        }],
        ..ATTACK
    },
    Attack {
        name: "output-of-300",
        source: "7",
        input: "300 plugins that fill their output of 1 MiB",
        plugins: 300,
        memory: 400,
        steps: &[Step {
            act: |place| {
                let flood = guests::component("flood");
                for number in 0..150 {
                    place.drop_in(&format!("flood{number}.wasm"), &flood);
                    fs::write(place.path("second").join(format!("more{number}.wasm")), &flood)
                        .expect("writable");
                }
            },
            says: |seen| {
                for name in ["flood0", "flood149", "more0", "more149"] {
                    seen.section(name)?;
                }
                if seen.text.len() > MOST_TEXT {
                    return Err(format!("the report has {} MiB", seen.text.len() >> 20));
                }
                Ok(format!("a report of {} MiB, each has its part", seen.text.len() >> 20))
            },
        }],
        ..ATTACK
    },
    Attack {
        name: "memory-of-20",
        source: "11",
        input: "20 plugins that fill 128 MiB in an instruction and never return",
        plugins: 20,
        memory: 800,
        steps: &[Step { act: |place| twenty(place, "fills-memory"), says: |seen| all_fail(seen, 20) }],
        ..ATTACK
    },
    Attack {
        name: "loops-of-20",
        source: "11",
        input: "20 plugins that never return",
        plugins: 20,
        memory: 128,
        steps: &[Step { act: |place| twenty(place, "loop-in-render"), says: |seen| all_fail(seen, 20) }],
        ..ATTACK
    },
];

fn many_files(place: &Place, files: usize) {
    for number in 0..files {
        let folder = if number % 4 == 3 { "second" } else { "plugins" };
        fs::write(place.path(folder).join(format!("f{number}.wasm")), "").expect("writable");
    }
}

fn twenty(place: &Place, guest: &str) {
    let bytes = guests::component(guest);
    (10..30).for_each(|number| place.drop_in(&format!("evil{number}.wasm"), &bytes));
}

/// How many files are not looked into, in a report that is short.
fn left_out(seen: &Seen) -> Result<String, String> {
    let said = seen.remark(&["more files are not looked into"])?;
    seen.remark(&["more files that do not load"])?;
    if seen.text.len() > 256 << 10 {
        return Err(format!("the report has {} KiB", seen.text.len() >> 10));
    }
    Ok(said)
}

/// Each of the hostile plugins has a section that says why it is none.
fn all_fail(seen: &Seen, count: usize) -> Result<String, String> {
    let evil = seen.report.sections.iter().filter(|section| section.name.starts_with("evil"));
    let failed: Vec<&str> = evil.filter_map(|section| section.failure.as_deref()).collect();
    if failed.len() < count {
        return Err(format!("{} of {count} have failed", failed.len()));
    }
    let no_turn = failed.iter().filter(|failure| failure.contains("before its turn")).count();
    Ok(format!("all fail, {no_turn} had no turn: {:.60}", failed[0]))
}
