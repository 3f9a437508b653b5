//! Plugins that would be somebody else: another plugin, a section of the report's own, what serves already.

use std::fs;

use gmr::plugin::{CompileOptions, compile};
use gmr::report::Block;
use gmr_test_support::guests;

use crate::attack::{ATTACK, Attack, Step};
use crate::guests::says;
use crate::place::HELLO;

pub static ATTACKS: &[Attack] = &[
    Attack {
        name: "pinned",
        source: "9",
        input: "a plugin with grants, whose digest is pinned, is overwritten by one that asks for everything",
        plugins: 1,
        before: |place| {
            place.drop_in("pool.wasm", &HELLO);
            // The digest is the file's, wherever its compiled code goes.
            let compiled =
                compile(&place.plugins().join("pool.wasm"), &place.path("other"), &CompileOptions::default());
            let digest = compiled.expect("it compiles").digest;
            let settings =
                format!("[gmr.plugins.pool]\ngrants = [\"process\", \"report\"]\ndigest = \"{digest}\"\n");
            place.set(&settings);
        },
        steps: &[Step {
            act: |place| place.drop_in("pool.wasm", &guests::component("asks-for-grants")),
            says: |seen| {
                seen.shows("pool", "hello")?;
                seen.refused("pool.wasm", "the settings want sha256:")
            },
        }],
        ..ATTACK
    },
    Attack {
        name: "open-to-all",
        source: "9",
        input: "a plugin with grants, which is not pinned, becomes writable by every user",
        plugins: 1,
        before: |place| {
            place.drop_in("pool.wasm", &guests::component("asks-for-grants"));
            let settings = "[gmr.plugins.pool]\ngrants = [\"process\", \"report\"]\n";
            place.set(settings);
        },
        steps: &[Step {
            act: |place| {
                use std::os::unix::fs::PermissionsExt as _;
                let file = place.plugins().join("pool.wasm");
                fs::set_permissions(file, fs::Permissions::from_mode(0o666)).expect("it is ours");
            },
            says: |seen| seen.remark(&["pool has none of its grants"]),
        }],
        ..ATTACK
    },
    Attack {
        name: "same-name",
        source: "8",
        input: "a file of a name that a plugin of a later folder has, and then it goes again",
        plugins: 1,
        before: |place| {
            fs::write(place.path("second").join("pool.wasm"), says("Pool", "the second")).expect("writable");
        },
        steps: &[
            Step { act: |_| (), says: |seen| seen.shows("pool", "the second") },
            Step {
                act: |place| place.drop_in("pool.wasm", &says("Pool", "the first")),
                says: |seen| {
                    seen.refused("pool.wasm", "has the same name and comes first")?;
                    seen.shows("pool", "the first")
                },
            },
            Step {
                act: |place| fs::remove_file(place.plugins().join("pool.wasm")).expect("it is ours"),
                says: |seen| {
                    let remarks = &seen.section("plugins")?.remarks;
                    if remarks.is_empty() {
                        seen.shows("pool", "the second")
                    } else {
                        Err(format!("{remarks:?}"))
                    }
                },
            },
        ],
        ..ATTACK
    },
    Attack {
        name: "title-of-another",
        source: "10",
        input: "a plugin with the title Threads that would come first, and one with letters in it that nobody sees",
        plugins: 2,
        steps: &[Step {
            act: |place| {
                place.drop_in("evil.wasm", &says("Threads", "1 thread: all is well"));
                place.drop_in("worse.wasm", &says("Thr\u{200b}eads", "1 thread: all is well"));
            },
            says: |seen| {
                let (evil, worse) = (seen.section("evil")?, seen.section("worse")?);
                assert_eq!(evil.blocks, [Block::paragraph("1 thread: all is well")]);
                match (evil.title.ends_with(" (plugin evil)"), worse.title.ends_with(" (plugin worse)")) {
                    (true, true) => Ok(format!("its title is \"{}\"", evil.title)),
                    _ => Err(format!("the titles are {:?} and {:?}", evil.title, worse.title)),
                }
            },
        }],
        ..ATTACK
    },
    Attack {
        name: "name-of-another",
        source: "10",
        input: "plugins called Threads, GREEN-threads and D1AGNOSIS",
        steps: &[Step {
            act: |place| {
                let names = ["Threads.wasm", "GREEN-threads.wasm", "D1AGNOSIS.wasm"];
                names.iter().for_each(|name| place.drop_in(name, &HELLO));
            },
            says: |seen| {
                seen.refused("GREEN-threads.wasm", "a section of the report's own")?;
                seen.refused("D1AGNOSIS.wasm", "a section of the report's own")?;
                seen.has_none("Threads")?;
                seen.refused("Threads.wasm", "a section of the report's own")
            },
        }],
        ..ATTACK
    },
];
