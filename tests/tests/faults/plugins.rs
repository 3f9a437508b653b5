//! Plugins that misbehave, and places where none can be compiled or kept.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use gmr_test_support::guests::{assemble_for, component, text};
use gmr_test_support::wait_for_compiler;

use crate::line::{Line, Told};
use crate::report::Seen;
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

/// The plugin's section says what it did, and nobody else notices.
fn misbehaves(stage: &Stage, guest: &str, component: &[u8]) -> Told {
    let mut subject = stage.launch().set("GMR_PLUGIN_DIR", plugins(stage, guest, component)).start();
    let seen = with_plugin(&mut subject, guest);
    assert!(!seen.failure(guest).is_empty(), "its section says nothing");
    let report = format!("{}; its section: \"{:.50}\"", seen.whole(), seen.failure(guest));
    subject.finish(report)
}
