//! What is no plugin: links to secrets, pipes, devices, files that are not whole, names that nothing can have.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::net::UnixListener;
use std::thread;
use std::time::Duration;

use gmr_test_support::encoding::custom;
use gmr_test_support::guests;
use rustix::fs::{CWD, FileType, Mode};

use crate::attack::{ATTACK, Attack, Step};
use crate::place::{HELLO, SECRET};

const LEADS_OUT: &str = "it is a link that leads out of its folder";

/// How a file is written slowly: so many bytes at once, and a pause.
const PIECE: usize = 64 << 10;
const PAUSE: Duration = Duration::from_millis(10);

pub static ATTACKS: &[Attack] = &[
    Attack {
        name: "link-to-environment",
        source: "1",
        input: "a link to /proc/self/environ",
        settings: &[("GMR_PLUGIN_TEXT", "true")],
        steps: &[Step {
            act: |place| place.link("x.wasm", "/proc/self/environ"),
            says: |seen| seen.refused("x.wasm", LEADS_OUT),
        }],
        ..ATTACK
    },
    Attack {
        name: "link-to-secret",
        source: "1",
        input: "links to a file with a secret, as binary and as text, absolute and relative",
        settings: &[("GMR_PLUGIN_TEXT", "true")],
        steps: &[Step {
            act: |place| {
                place.link("y.wasm", place.path("secret"));
                place.link("z.wat", "../secret");
            },
            says: |seen| seen.refused("y.wasm", LEADS_OUT).and_then(|_| seen.refused("z.wat", LEADS_OUT)),
        }],
        ..ATTACK
    },
    Attack {
        name: "secret-as-file",
        source: "1",
        input: "a file with a secret itself, as binary and as text",
        settings: &[("GMR_PLUGIN_TEXT", "true")],
        steps: &[Step {
            act: |place| {
                place.write("y.wasm", SECRET);
                place.write("z.wat", format!("(component {SECRET})"));
            },
            says: |seen| {
                seen.refused("z.wat", "in line 1, column 12")?;
                seen.refused("y.wasm", "it is no WebAssembly file")
            },
        }],
        ..ATTACK
    },
    Attack {
        name: "no-files",
        source: "held, 11",
        input: "a pipe, a socket, a directory, links to a device, to nothing and to themselves",
        steps: &[Step {
            act: |place| {
                let pipe = place.plugins().join("pipe.wasm");
                rustix::fs::mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
                    .expect("writable");
                drop(UnixListener::bind(place.plugins().join("socket.wasm")).expect("writable"));
                std::fs::create_dir(place.plugins().join("directory.wasm")).expect("writable");
                place.link("device.wasm", "/dev/zero");
                place.link("nowhere.wasm", "nowhere");
                place.link("endless.wasm", "endless.wasm");
            },
            says: |seen| {
                seen.refused("socket.wasm", "it is a socket, not a file")?;
                seen.refused("directory.wasm", "it is a directory, not a file")?;
                seen.refused("device.wasm", LEADS_OUT)?;
                seen.refused("nowhere.wasm", "No such file")?;
                seen.refused("endless.wasm", "symbolic link")?;
                seen.refused("pipe.wasm", "it is a pipe, not a file")
            },
        }],
        ..ATTACK
    },
    Attack {
        name: "sparse-file",
        source: "held",
        input: "a file of 100 GB without content, and one of 30 MiB",
        steps: &[Step {
            act: |place| {
                for (name, bytes) in [("huge.wasm", 100 << 30), ("large.wasm", 30 << 20)] {
                    let file = File::create(place.plugins().join(name)).expect("writable");
                    file.set_len(bytes).expect("the file system has holes");
                }
            },
            says: |seen| {
                seen.refused("large.wasm", "it is no WebAssembly file")?;
                seen.refused("huge.wasm", "the file is larger than 64 MiB")
            },
        }],
        ..ATTACK
    },
    Attack {
        name: "half-written",
        source: "held",
        input: "half of a plugin, then the whole, in place",
        plugins: 1,
        steps: &[
            Step {
                act: |place| place.write("half.wasm", &HELLO[..HELLO.len() / 2]),
                says: |seen| seen.refused("half.wasm", "it is cut off"),
            },
            Step { act: |place| place.write("half.wasm", &*HELLO), says: |seen| seen.shows("half", "hello") },
        ],
        ..ATTACK
    },
    Attack {
        name: "written-slowly",
        source: "11",
        input: "a plugin of 12 MB that is written in pieces of 64 KiB, one each 10 ms",
        plugins: 1,
        memory: 128,
        steps: &[Step {
            act: |place| {
                let bytes = [&**HELLO, &custom("padding", &vec![0; 12_000_000])].concat();
                let path = place.plugins().join("slow.wasm");
                let mut file = OpenOptions::new().create_new(true).append(true).open(path).expect("writable");
                thread::spawn(move || {
                    for piece in bytes.chunks(PIECE) {
                        // The place may be gone, where the attack is lost.
                        let _ = file.write_all(piece);
                        thread::park_timeout(PAUSE);
                    }
                });
            },
            says: |seen| seen.shows("slow", "hello"),
        }],
        ..ATTACK
    },
    Attack {
        name: "names",
        source: "held",
        input: "plugins whose names have a newline, an escape, no UTF-8, 250 letters, a letter that nobody sees",
        steps: &[Step {
            act: |place| {
                let long = "n".repeat(245) + ".wasm";
                for name in [
                    &b"a\nb.wasm"[..],
                    b"c\x1b[2Jd.wasm",
                    b"e\xff.wasm",
                    long.as_bytes(),
                    "f\u{200b}g.wasm".as_bytes(),
                ] {
                    place.write_raw(name, &*HELLO);
                }
            },
            says: |seen| {
                let refused = seen.section("plugins")?.remarks.iter();
                let count = refused.filter(|remark| remark.contains("rename the file")).count();
                // A line of their own would be somebody else's.
                let forged = seen.text.lines().any(|line| line.starts_with("b.wasm"));
                let unseen = seen.text.contains('\u{200b}');
                if count == 5 && !forged && !unseen {
                    return Ok("each: rename the file".to_owned());
                }
                Err(format!("{count} of 5 are refused; forged: {forged}; unseen: {unseen}"))
            },
        }],
        ..ATTACK
    },
    Attack {
        name: "pages-and-pointers",
        source: "1, 11",
        input: "an HTML page, a pointer of git-lfs, a core module, native code, a zip archive, an empty file",
        settings: &[("GMR_PLUGIN_TEXT", "true")],
        steps: &[Step {
            act: |place| {
                place.write("page.wasm", "<!doctype html><title>404</title>");
                place.write("pointer.wasm", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n");
                place.write("core.wat", "(module)");
                place.write("native.wasm", b"\x7fELF\x02\x01");
                place.write("archive.wasm", b"PK\x03\x04");
                place.write("empty.wasm", b"");
            },
            says: |seen| {
                seen.refused("pointer.wasm", "git lfs pull")?;
                seen.refused("core.wat", "wasm-tools component new")?;
                seen.refused("native.wasm", "it is native code")?;
                seen.refused("archive.wasm", "it is a zip archive")?;
                seen.refused("empty.wasm", "the file is empty")?;
                seen.refused("page.wasm", "it is an HTML or XML page")
            },
        }],
        ..ATTACK
    },
    Attack {
        name: "text-where-none-is-taken",
        source: "1",
        input: "a plugin in the text format, where the settings do not take text",
        steps: &[Step {
            act: |place| {
                place.write("t.wat", "(component)");
                place.write("u.wasm", "(component)");
            },
            says: |seen| {
                seen.refused("u.wasm", "plugin_text")?;
                seen.refused("t.wat", "plugin_text")
            },
        }],
        ..ATTACK
    },
    Attack {
        name: "versions",
        source: "held",
        input: "plugins for gmr:plugin 0.2.0 and 1.0.0",
        steps: &[Step {
            act: |place| {
                for (name, version) in [("next.wasm", "0.2.0"), ("far.wasm", "1.0.0")] {
                    place.drop_in(name, &replaced(&HELLO, b"@0.1.0", format!("@{version}").as_bytes()));
                }
            },
            says: |seen| {
                seen.refused("far.wasm", "it is built against gmr:plugin 1.0.0")?;
                seen.refused("next.wasm", "it is built against gmr:plugin 0.2.0")
            },
        }],
        ..ATTACK
    },
    Attack {
        name: "proposals",
        source: "held, 11",
        input: "components with async functions, threads, garbage collection, stack switching, for WASI 0.3",
        settings: &[("GMR_PLUGIN_TEXT", "true")],
        steps: &[Step {
            act: |place| {
                place.write("async.wat", "(component (type (func async (result u32))))");
                place.write("shared.wat", "(component (core module (memory 1 1 shared)))");
                place.write("gc.wat", "(component (core module (type (struct))))");
                place.write("stacks.wat", "(component (core module (type (cont 0))))");
                place.write(
                    "later.wat",
                    "(component (import \"wasi:cli/run@0.3.0\" (instance (export \"f\" (func)))) (component $c) \
                     (instance $i (instantiate $c)) (export \"gmr:plugin/section@0.1.0\" (instance $i)))",
                );
            },
            says: |seen| {
                seen.refused("shared.wat", "it uses threads")?;
                seen.refused("gc.wat", "garbage collection (GC)")?;
                seen.refused("stacks.wat", "it uses stack switching")?;
                seen.refused("later.wat", "it is built for WASI 0.3")?;
                seen.refused("async.wat", "without async: build it for wasm32-wasip2")
            },
        }],
        ..ATTACK
    },
    Attack {
        name: "damaged",
        source: "held",
        input: "ten plugins with some bytes of each overwritten",
        plugins: 10,
        steps: &[Step {
            act: |place| {
                let whole = guests::component("trap");
                for number in 0..10 {
                    let mut bytes = whole.clone();
                    let at = 8 + number * (bytes.len() - 16) / 10;
                    bytes[at..at + 4].fill(0xa5);
                    place.drop_in(&format!("d{number}.wasm"), &bytes);
                }
            },
            says: |seen| {
                let remarks = &seen.section("plugins")?.remarks;
                let refused = remarks.iter().filter(|remark| remark.contains("does not load")).count();
                if refused > 0 {
                    Ok("refused, or their own section".to_owned())
                } else {
                    Err(format!("{remarks:?}"))
                }
            },
        }],
        ..ATTACK
    },
];

/// The bytes with one part in another's place, wherever it stands.
fn replaced(bytes: &[u8], part: &[u8], other: &[u8]) -> Vec<u8> {
    assert_eq!(part.len(), other.len(), "sizes would be wrong");
    let mut made = bytes.to_vec();
    for at in 0..made.len() - part.len() {
        if made[at..].starts_with(part) {
            made[at..at + part.len()].copy_from_slice(other);
        }
    }
    made
}
