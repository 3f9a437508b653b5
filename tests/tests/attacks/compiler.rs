//! Plugins that take the compiler long or much, within the limits of files: it is a process of its own, under limits.

use gmr::plugin::{CompileOptions, compile};
use gmr_test_support::{compilers_of, guests, wait_for_compiler};
use rustix::process::{Pid, Signal, kill_process};

use crate::attack::{ATTACK, Attack, Step};
use crate::place::{HELLO, Place, honest};

pub static ATTACKS: &[Attack] = &[
    Attack {
        name: "compiler-out-of-time",
        source: "3",
        input: "500 functions of 400 operations, where the compiler may have 1 s",
        settings: &[("GMR_COMPILE", "child"), ("GMR_COMPILE_TIME", "1")],
        steps: &[Step {
            act: |place| place.drop_in("p.wasm", &guests::laborious(500, 400)),
            says: |seen| seen.refused("p.wasm", "its limit `compile_time`"),
        }],
        ..ATTACK
    },
    Attack {
        name: "compiler-out-of-memory",
        source: "3",
        input: "a function of 100,000 operations, where the compiler may have 256 MiB",
        settings: &[("GMR_COMPILE", "child"), ("GMR_COMPILE_MEMORY", "256 MiB")],
        steps: &[Step {
            act: |place| place.drop_in("p.wasm", &guests::laborious(1, 100_000)),
            says: |seen| seen.refused("p.wasm", "its limit `compile_memory`"),
        }],
        ..ATTACK
    },
    Attack {
        name: "compiler-killed",
        source: "3",
        input: "a plugin whose compiler is killed",
        settings: &[("GMR_COMPILE", "child")],
        steps: &[Step {
            act: |place| {
                place.drop_in("p.wasm", &guests::laborious(500, 400));
                kill_the_compiler(place);
            },
            says: |seen| seen.refused("p.wasm", "the compiler was killed"),
        }],
        ..ATTACK
    },
    Attack {
        name: "compiler-at-work",
        source: "3",
        input: "a plugin that takes the compiler some seconds, while reports are asked for",
        plugins: 1,
        steps: &[Step {
            act: |place| place.drop_in("p.wasm", &guests::laborious(100, 400)),
            says: |seen| seen.shows("p", "hello"),
        }],
        ..ATTACK
    },
    Attack {
        name: "compile-never",
        source: "3",
        input: "a plugin that is not in the cache, where nothing is compiled",
        settings: &[("GMR_COMPILE", "never")],
        before: |place| {
            let cache = place.path("cache");
            for name in honest() {
                let file = place.plugins().join(name).with_extension("wasm");
                compile(&file, &cache, &CompileOptions::default()).expect("it compiles");
            }
            place.set(&format!("[gmr]\ncache_dir = {:?}\n", cache.display().to_string()));
        },
        steps: &[Step {
            act: |place| place.drop_in("p.wasm", &another()),
            says: |seen| seen.refused("p.wasm", "it is not in the cache, and `compile` is \"never\""),
        }],
        ..ATTACK
    },
];

/// A plugin that the cache does not know.
fn another() -> Vec<u8> {
    [&**HELLO, &gmr_test_support::encoding::custom("another", b"")].concat()
}

fn kill_the_compiler(place: &Place) {
    let compiler = wait_for_compiler(|| {
        let compilers = compilers_of(place.process.get());
        let id = compilers.first().and_then(|folder| folder.file_name()?.to_str()?.parse().ok());
        id.and_then(Pid::from_raw).ok_or("no compiler")
    });
    kill_process(compiler, Signal::KILL).expect("it is ours");
}
