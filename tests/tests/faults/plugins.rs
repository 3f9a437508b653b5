//! Plugins that misbehave, and places where none can be compiled or kept.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use gmr_test_support::guests::{assemble_for, component, text};
use gmr_test_support::wait_for_compiler;

use crate::line::{Line, Told};
use crate::report::{SECRET, Seen};
use crate::stage::{Stage, python, require, run};
use crate::subject::Subject;

/// Memory that was writable never becomes executable, then the program.
const NO_NEW_CODE: &str = "
import ctypes, os, sys
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) != 0:
    sys.exit('no PR_SET_MDWE')
os.execvp(sys.argv[1], sys.argv[1:])
";

pub static LINES: &[Line] = &[
    Line {
        name: "plugin-exits",
        source: "oslo",
        condition: "a plugin calls exit",
        run: |stage| misbehaves(stage, "exit", &assemble_for("with-wasi", &text("exit"))),
    },
    Line {
        name: "plugin-traps",
        source: "oslo",
        condition: "a plugin traps",
        run: |stage| misbehaves(stage, "trap", &component("trap")),
    },
    Line {
        name: "plugin-loops",
        source: "oslo",
        condition: "a plugin never returns",
        run: |stage| misbehaves(stage, "loop-in-render", &component("loop-in-render")),
    },
    Line {
        name: "plugin-takes-memory",
        source: "oslo",
        condition: "a plugin takes memory without end",
        run: |stage| misbehaves(stage, "memory-growth", &component("memory-growth")),
    },
    Line {
        name: "plugin-recurses",
        source: "oslo",
        condition: "a plugin recurses without end",
        run: |stage| misbehaves(stage, "recursion", &component("recursion")),
    },
    Line {
        name: "odd-files-among-plugins",
        source: "trouble 32",
        condition: "a FIFO, a link that leads nowhere, an empty and a cut file lie in the folder of plugins",
        run: |stage| {
            let folder = plugins(stage, "hello", &component("hello"));
            let whole = component("hello");
            run(Command::new("mkfifo").arg(folder.join("fifo.wasm")));
            std::os::unix::fs::symlink("nowhere", folder.join("dangling.wasm")).expect("writable");
            fs::write(folder.join("empty.wasm"), "").expect("writable");
            fs::write(folder.join("cut.wasm"), &whole[..whole.len() / 2]).expect("writable");
            let mut subject = stage.launch().set("GMR_PLUGIN_DIR", &folder).start();
            let seen = with_plugin(&mut subject, "hello");
            assert_eq!(seen.failure("hello"), "", "the good one has gone with them");
            let report = seen.whole();
            subject.finish(format!("{report}, the good plugin"))
        },
    },
    Line {
        name: "links-among-plugins",
        source: "attack 1",
        condition: "links in the folder of plugins lead to the environment, to a secret and to a device",
        run: |stage| {
            let folder = plugins(stage, "hello", &component("hello"));
            let secret = stage.folder("secrets").join("password");
            fs::write(&secret, SECRET).expect("writable");
            for (name, target) in [
                ("environ.wasm", PathBuf::from("/proc/self/environ")),
                ("secret.wat", secret),
                ("near.wasm", PathBuf::from("../secrets/password")),
                ("device.wasm", PathBuf::from("/dev/null")),
            ] {
                std::os::unix::fs::symlink(target, folder.join(name)).expect("writable");
            }
            let mut subject = stage
                .launch()
                .set("GMR_PLUGIN_DIR", &folder)
                .set("GMR_PLUGIN_TEXT", "true")
                .set("PASSWORD_OF_THE_TEST", SECRET)
                .start();
            // A report that shows the secret fails by itself.
            let seen = with_plugin(&mut subject, "hello");
            assert_eq!(seen.failure("hello"), "", "the good one has gone with them");
            let report = seen.whole();
            let reason = seen.says(&["it is a link that leads out of its folder"]);
            subject.finish(format!("{report}, the good plugin, \"{reason}\", and no secret"))
        },
    },
    Line {
        name: "many-files-among-plugins",
        source: "attack 6",
        condition: "20,000 files lie in the folder of plugins",
        run: |stage| {
            // Of so many files those that come first by name are looked into.
            let folder = plugins(stage, "a-honest", &component("hello"));
            for number in 0..20_000 {
                fs::write(folder.join(format!("f{number}.wasm")), "").expect("writable");
            }
            let mut subject = stage.launch().set("GMR_DEADLINE", "5").set("GMR_PLUGIN_DIR", &folder).start();
            let seen = with_plugin(&mut subject, "a-honest");
            assert_eq!(seen.failure("a-honest"), "", "the good one has gone with them");
            let report = seen.whole();
            keeps_its_deadline(&seen);
            seen.says(&["more files are not looked into"]);
            let length = seen.text.len() >> 10;
            assert!(length < 1024, "the report has {length} KiB");
            subject.finish(format!("{report}, the good plugin, in time, and how many files there are"))
        },
    },
    Line {
        name: "plugins-fill-their-output",
        source: "attack 7",
        condition: "300 plugins fill their output",
        run: |stage| {
            let (first, second) = (plugins(stage, "zz-honest", &component("hello")), stage.folder("more"));
            let flood = component("flood");
            for number in 0..150 {
                fs::write(first.join(format!("flood{number}.wasm")), &flood).expect("writable");
                fs::write(second.join(format!("more{number}.wasm")), &flood).expect("writable");
            }
            let folders = format!("{}:{}", first.display(), second.display());
            let cache = stage.folder("cache");
            let mut subject = stage
                .launch()
                .set("GMR_DEADLINE", "5")
                .set("GMR_PLUGIN_DIR", folders)
                .set("GMR_CACHE_DIR", cache.join("made"))
                .start();
            // One for the code of each plugin.
            subject.descriptors_differ();
            let seen = with_all(&mut subject, &["zz-honest", "flood0", "flood149", "more0", "more149"]);
            assert_eq!(seen.failure("zz-honest"), "", "the good one has gone with them");
            let report = seen.whole();
            keeps_its_deadline(&seen);
            let length = seen.text.len() >> 20;
            assert!(length < 16, "the report has {length} MiB");
            subject.finish(format!("{report}, the good plugin, in time, and 8 MiB of the others"))
        },
    },
    Line {
        name: "plugins-fill-their-memory",
        source: "attack 11",
        condition: "20 plugins fill their memory in an instruction and never return",
        run: |stage| {
            let folder = plugins(stage, "zz-honest", &component("hello"));
            let eater = component("fills-memory");
            for number in 10..30 {
                fs::write(folder.join(format!("eat{number}.wasm")), &eater).expect("writable");
            }
            let mut subject = stage.launch().set("GMR_DEADLINE", "5").set("GMR_PLUGIN_DIR", folder).start();
            // One for the code of each plugin.
            subject.descriptors_differ();
            let mut seen = with_all(&mut subject, &["zz-honest", "eat10", "eat29"]);
            for _ in 0..3 {
                assert_eq!(seen.failure("zz-honest"), "", "the good one has gone with them");
                keeps_its_deadline(&seen);
                seen = subject.report();
            }
            let report = seen.whole();
            subject.finish(format!("{report}, the good plugin each time, in time"))
        },
    },
    Line {
        name: "no-new-code",
        source: "trouble 32",
        condition: "the process may not make memory executable (PR_SET_MDWE), and there is a plugin",
        run: |stage| {
            let deny = [python(), "-c", NO_NEW_CODE];
            require(
                "PR_SET_MDWE",
                "python3 -c 'import ctypes; exit(ctypes.CDLL(None).prctl(65, 1, 0, 0, 0))'",
            );
            let launch = stage
                .launch()
                .under(deny)
                .set("GMR_PLUGIN_DIR", plugins(stage, "hello", &component("hello")));
            let subject = launch.start();
            let seen = wait_for_compiler(|| {
                let seen = subject.report();
                if seen.text.contains("executable") {
                    Ok(seen)
                } else {
                    Err("the report does not say why".to_owned())
                }
            });
            let report = seen.whole();
            assert!(!seen.text.contains("no valid component"), "the file is blamed");
            subject.finish(format!("{report}, and that memory may not become executable"))
        },
    },
    Line {
        name: "cache-without-code",
        source: "trouble 32",
        condition: "the directory for compiled plugins is mounted noexec",
        run: |stage| {
            require("mounts", "unshare -m true");
            let cache = stage.folder("cache");
            let mount = format!("mount -t tmpfs -o noexec,mode=700 none {}", cache.display());
            let launch = stage
                .launch()
                .set("GMR_CACHE_DIR", &cache)
                .set("GMR_PLUGIN_DIR", plugins(stage, "hello", &component("hello")));
            let mut subject = launch.under(["unshare", "-m"]).after(&mount).start();
            let seen = with_plugin(&mut subject, "hello");
            let report = seen.whole();
            let reason = seen.says(&["noexec"]);
            subject.finish(format!("{report}, the plugin, \"{reason}\""))
        },
    },
];

/// A folder with this plugin.
fn plugins(stage: &Stage, guest: &str, component: &[u8]) -> PathBuf {
    let folder = stage.folder("plugins");
    fs::write(folder.join(format!("{guest}.wasm")), component).expect("writable");
    folder
}

/// A report in which the plugin has its section, or its failure.
fn with_plugin(subject: &mut Subject, name: &str) -> Seen {
    wait_for_compiler(|| {
        let seen = subject.report();
        let is_there = seen.report.section(name).is_some();
        if is_there { Ok(seen) } else { Err(format!("no section {name}")) }
    })
}

/// A report in which all of these plugins have their sections, and nothing is still being compiled.
fn with_all(subject: &mut Subject, names: &[&str]) -> Seen {
    wait_for_compiler(|| {
        let seen = subject.report();
        let are_there = names.iter().all(|name| seen.report.section(name).is_some());
        if are_there && !seen.text.contains("still being compiled") {
            return Ok(seen);
        }
        Err(format!("not all of {names:?}"))
    })
}

/// No more than the second after which an emergency report would be written in its place.
fn keeps_its_deadline(seen: &Seen) {
    let took = seen.report.header.took.expect("it is whole");
    assert!(took < Duration::from_secs(6), "the report took {took:?} of its 5 s");
}

/// The plugin's section says what it did, and nobody else notices.
fn misbehaves(stage: &Stage, guest: &str, component: &[u8]) -> Told {
    let mut subject = stage.launch().set("GMR_PLUGIN_DIR", plugins(stage, guest, component)).start();
    let seen = with_plugin(&mut subject, guest);
    assert!(!seen.failure(guest).is_empty(), "its section says nothing");
    let report = format!("{}; its section: \"{:.50}\"", seen.whole(), seen.failure(guest));
    subject.finish(report)
}
