//! Refusals of files: what a file is instead of a component, and what in it this host does not have, each with the way
//! out for who made it. None quotes what the file holds: whoever may drop a file, or a link to one, need not be allowed
//! to read it, and the report is read by others.

use crate::plugin::interface::output_limits::cut;

/// Text is for trying things out: to parse it takes some 75 times its size of memory.
pub const MOST_TEXT_BYTES: usize = 1 << 20;

/// Bytes of a refusal: names in a component may be as long as the component.
const MOST_BYTES: u64 = 600;

const MODULE: &str = "it is a core WebAssembly module, not a component: build it for wasm32-wasip2, or turn it into \
                      a component with `wasm-tools component new`";

/// What a file is that is no component, by its first bytes.
///
/// # Errors
///
/// That, and what to do about it.
pub fn refuse_what_is_no_component(bytes: &[u8]) -> Result<(), String> {
    const MAGIC: &[u8] = b"\0asm";
    if bytes.is_empty() {
        return Err("the file is empty".to_owned());
    }
    if MAGIC.starts_with(&bytes[..bytes.len().min(4)]) {
        // Version 1 of layer 0 is a core module, any version of layer 1 a component.
        return match bytes {
            [_, _, _, _, _, _, 0, 0, ..] => Err(MODULE.to_owned()),
            [_, _, _, _, _, _, _, _, ..] => Ok(()),
            short => Err(cut_off(8, short.len())),
        };
    }
    match FORMATS.iter().find(|(signature, _)| bytes.starts_with(signature)) {
        Some((_, reason)) => Err((*reason).to_owned()),
        None if is_text(bytes) => refuse_text(bytes),
        None if is_markup(bytes) => Err(
            "it is an HTML or XML page, as of a login or an error, and no WebAssembly file: download the plugin itself"
                .to_owned(),
        ),
        None => Err("it is no WebAssembly file: neither the binary format nor text".to_owned()),
    }
}

/// What is found where a plugin was meant to be, by how it begins (each format's own specification; `file(1)` has them all).
const FORMATS: &[(&[u8], &str)] = &[
    (
        b"version https://git-lfs.github.com/spec/",
        "it is a pointer of git-lfs, not the file itself: run `git lfs pull` where it comes from",
    ),
    (b"\x1f\x8b", "it is compressed by gzip: unpack it, as with `gunzip`"),
    (b"\x28\xb5\x2f\xfd", "it is compressed by zstd: unpack it, as with `unzstd`"),
    (b"\xfd7zXZ\0", "it is compressed by xz: unpack it, as with `unxz`"),
    (b"BZh", "it is compressed by bzip2: unpack it, as with `bunzip2`"),
    (b"PK\x03\x04", "it is a zip archive: unpack it and take the plugin in it"),
    (
        b"\x7fELF",
        "it is native code (ELF) and no WebAssembly file: build the plugin for wasm32-wasip2; of compiled components \
         (.cwasm) give the original",
    ),
];

/// Whether the file can be WebAssembly text: a parenthesis, or a comment before it.
pub fn is_text(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii_start();
    text.starts_with(b"(") || text.starts_with(b";;")
}

fn refuse_text(bytes: &[u8]) -> Result<(), String> {
    let parse = "turn it into the binary format, as with `wasm-tools parse`";
    if bytes.len() > MOST_TEXT_BYTES {
        return Err(format!("it is WebAssembly text of more than {} MiB: {parse}", MOST_TEXT_BYTES >> 20));
    }
    match std::str::from_utf8(bytes) {
        Err(_) => Err("it begins as WebAssembly text and is no UTF-8".to_owned()),
        Ok(text) if text.trim_start().starts_with("(module") => Err(MODULE.to_owned()),
        Ok(_) => Ok(()),
    }
}

fn is_markup(bytes: &[u8]) -> bool {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start().starts_with(b"<")
}

fn cut_off(end: usize, length: usize) -> String {
    format!(
        "it is cut off: by its own account it has at least {end} bytes, and there are {length}; it is still being \
         written, or its download broke off"
    )
}

/// Where the last section of a component ends by its own account, if that is beyond the end of the file, or where the
/// file ends in the midst of a section's size.
/// By <https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md>.
fn end_beyond(bytes: &[u8]) -> Option<usize> {
    let mut at = 8;
    while at < bytes.len() {
        let mut size = 0_u64;
        let mut shift = 0;
        loop {
            at += 1;
            let Some(byte) = bytes.get(at) else { return Some(at + 1) };
            size |= u64::from(byte & 0x7f).checked_shl(shift)?;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
            if shift > 28 {
                // No size of a section; what is wrong is told by the parser.
                return None;
            }
        }
        at = usize::try_from(size).ok()?.checked_add(at + 1)?;
    }
    (at > bytes.len()).then_some(at)
}

/// Something that this host does not have, and by which of the engine's words it is known.
struct Missing {
    words: &'static [&'static str],
    /// What the component has and the way out.
    reason: &'static str,
}

/// What toolchains produce and this host does not take. By wasmparser's messages, each of which a test provokes.
const MISSING: &[Missing] = &[
    Missing {
        words: &["component model async", "component model error-context"],
        reason: "it has async functions or streams, as of WASI 0.3, and this host has WASI 0.2 without async: build it \
                 for wasm32-wasip2",
    },
    Missing {
        words: &["threads must be enabled", "threads support", "shared-everything-threads"],
        reason: "it uses threads (shared memory or atomic operations), and plugins have none: build it for \
                 wasm32-wasip2, in C without `-pthread`, in Rust without the target feature `atomics`",
    },
    Missing {
        words: &["`cm64`"],
        reason: "its interface uses a memory of 64 bits (memory64), and this host has those of 32 bits: build it for \
                 wasm32",
    },
    Missing {
        words: &["exceptions proposal", "exceptions support", "legacy_exceptions"],
        reason: "it uses WebAssembly's exceptions, which this host does not have: in C++ build it with \
                 `-fno-exceptions`, in C without setjmp, in Rust with `panic = \"abort\"`",
    },
    Missing {
        words: &["stack switching"],
        reason: "it uses stack switching, which this host does not have: switch it off in the compiler",
    },
    Missing {
        words: &["when gc types are disabled", "which requires gc"],
        reason: "it uses WebAssembly's garbage collection (GC), which this host does not have: switch it off in the \
                 compiler, or take a language that brings its own collector",
    },
    Missing {
        words: &[
            "is not enabled",
            "must be enabled",
            "to be enabled",
            "is not active",
            "require the component model",
            "requires the component model",
        ],
        reason: "it uses a proposal to WebAssembly that this host does not have: switch it off in the compiler, or take \
                 an older version of the tools",
    },
];

/// Why the engine does not compile a file that begins as a component.
pub fn invalid(error: &wasmtime::Error, bytes: &[u8]) -> String {
    let reason = format!("{error:#}");
    if is_text(bytes) {
        if let Some(reason) = of_text(&reason) {
            return line(&format!("it is no valid WebAssembly text: {reason}"));
        }
    } else if let Some(end) = end_beyond(bytes) {
        return cut_off(end, bytes.len());
    }
    let missing = MISSING.iter().find(|missing| missing.words.iter().any(|words| reason.contains(words)));
    line(&match missing {
        Some(missing) => format!("{} ({reason})", missing.reason),
        None => format!("it is no valid component: {reason}"),
    })
}

/// Why compiled code cannot be run.
pub fn not_loaded(error: &wasmtime::Error) -> String {
    let reason = format!("{error:#}");
    line(&if reason.contains("make memory executable") {
        // Forbidden by PR_SET_MDWE, SELinux or the like.
        format!("this process may not make memory executable, as plugins need it: {reason}")
    } else {
        format!("its compiled code cannot be run here: {reason}")
    })
}

/// The parser's message and the place, of an error that shows the line of the text below them:
///
/// ```text
/// expected `(`
///      --> <anon>:1:1
///       |
///     1 | what stands there
///       | ^
/// ```
///
/// or, in long lines, `expected valid module field at <anon>:1:1000`. A name that the message has is left out.
fn of_text(error: &str) -> Option<String> {
    let (message, place) =
        error.split_once("\n     --> <anon>:").or_else(|| error.rsplit_once(" at <anon>:"))?;
    let (row, rest) = place.split_once(':')?;
    let column: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let message = message.lines().next().unwrap_or_default();
    // What is expected is of the grammar, anything else may be a name.
    let message = if message.starts_with("expected ") || message.starts_with("unexpected token") {
        message.to_owned()
    } else {
        let mut parts = message.split('`');
        let mut kept = parts.next().unwrap_or_default().to_owned();
        while let (Some(_), Some(rest)) = (parts.next(), parts.next()) {
            kept = format!("{kept}`…`{rest}");
        }
        kept
    };
    Some(format!("{message} in line {row}, column {column}"))
}

/// Why the linker does not have what a component imports.
pub fn unknown_import(error: &wasmtime::Error, version: &str) -> String {
    let reason = format!("{error:#}");
    line(&if reason.contains("gmr:plugin") {
        format!(
            "it asks for what gmr:plugin {version} does not have; rebuild the plugin against {version}, or the \
             program with a newer gmr: {reason}"
        )
    } else if reason.contains("`wasi:") && reason.contains("@0.3.") {
        format!("it is built for WASI 0.3, and this host has WASI 0.2: build it for wasm32-wasip2: {reason}")
    } else if reason.contains("`wasi:http/") {
        format!(
            "it asks for HTTP, and plugins have no network: build it without, as componentize-js with `--disable http`: {reason}"
        )
    } else {
        format!("it asks for what the host does not have (only gmr:plugin and WASI 0.2): {reason}")
    })
}

/// One line of limited length.
fn line(reason: &str) -> String {
    cut(reason.replace('\n', " "), MOST_BYTES)
}

#[cfg(test)]
mod tests {
    use gmr_test_support::guests;

    use super::*;
    use crate::plugin::Limits;
    use crate::plugin::sandbox::{component, engine};

    /// Why the file is refused.
    #[track_caller]
    fn refused(bytes: &[u8]) -> String {
        let engine = engine::engine(Limits::default().wasm_stack_bytes).unwrap();
        let linker = engine::linker(&engine).unwrap();
        let compiled = component::load(&engine, bytes);
        let reason = compiled.and_then(|component| component::link(&engine, &linker, &component)).err();
        let reason = reason.unwrap_or_else(|| panic!("not refused"));
        assert!(!reason.contains('\n') && reason.len() < 650, "{reason}");
        reason
    }

    #[track_caller]
    fn check(bytes: impl AsRef<[u8]>, expected: &str) {
        let reason = refused(bytes.as_ref());
        assert!(reason.contains(expected), "{reason}");
    }

    #[test]
    fn what_is_found_in_place_of_a_plugin_says_how_to_get_one() {
        check("", "the file is empty");
        check("<!DOCTYPE html><title>Log in</title>", "an HTML or XML page, as of a login");
        check("\u{feff}\n<html>", "download the plugin itself");
        check("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n", "`git lfs pull`");
        check(b"\x1f\x8b\x08\0", "`gunzip`");
        check(b"\x28\xb5\x2f\xfd\0", "`unzstd`");
        check(b"\xfd7zXZ\0\0", "`unxz`");
        check("BZh91AY", "`bunzip2`");
        check(b"PK\x03\x04\0", "a zip archive");
        check(b"\x7fELF\x02", "build the plugin for wasm32-wasip2");
        check(b"\0\0\0\0\0\0\0\0", "it is no WebAssembly file");
        check(b"\xff\xfe", "it is no WebAssembly file");
        check("hello", "it is no WebAssembly file");
        check("; hello", "it is no WebAssembly file");
        check(b"(\xff", "is no UTF-8");
        check("(module)", "wasm-tools component new");
        check(wat::parse_str("(module)").unwrap(), "wasm-tools component new");
    }

    #[test]
    fn no_refusal_quotes_what_the_file_holds() {
        let long = format!("(component {} \"hunter2\")", " ".repeat(600));
        let many = "(".repeat(3000) + "hunter2";
        let texts = [
            "hunter2-the-password",
            "(hunter2-the-password)",
            "(component (hunter2))",
            "(component hunter2)",
            "(component $hunter2 (export \"hunter2\" (func $hunter2)))",
            "(component (core module (func call $hunter2)))",
            "(component (alias outer $hunter2 0 (core module $m)))",
            "(component (core module (func $hunter2) (func $hunter2)))",
            "(component\n(core module (func i32.const hunter2)))",
            "(component \"hunter2",
            "(component (; hunter2",
            "SECRET=hunter2\0PATH=/bin\0",
            ";; hunter2\nhunter2",
            &long,
            &many,
        ];
        for text in texts {
            let reason = refused(text.as_bytes());
            assert!(!reason.contains("hunter"), "{reason}");
        }
        check("(component\n  (core module (func call $hunter2)))", "find name `…` in line 2, column 27");
        check(&long, "expected `(` in line 1, column 613");
    }

    #[test]
    fn text_is_taken_up_to_its_limit() {
        let text = |length: usize| " ".repeat(length - 11) + "(component)";
        check(text(MOST_TEXT_BYTES), "it exports nothing");
        check(text(MOST_TEXT_BYTES + 1), "text of more than 1 MiB: turn it into the binary format");
    }

    #[test]
    fn cut_off_is_what_ends_before_its_last_section_does() {
        let whole = guests::component("hello");
        for length in 1..8 {
            check(&whole[..length], "it is cut off: by its own account it has at least 8 bytes");
        }
        check(&whole[..9], "at least 10 bytes, and there are 9");
        check(&whole[..whole.len() / 2], "it is cut off: ");
        // Whole, and wrong: an empty section of types, which ends in the midst of its own count.
        let wrong = [&whole[..8], &[7, 1, 0xff]].concat();
        check(&wrong, "it is no valid component: ");
        assert!(!refused(&wrong).contains("cut off"));
        // No size of a section has more than five bytes.
        check([&whole[..8], &[7, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]].concat(), "it is no valid component: ");
    }

    #[test]
    fn a_proposal_that_the_host_does_not_have_is_named_with_the_way_out() {
        let cases = [
            ("(component (type (func async (result u32))))", "without async: build it for wasm32-wasip2"),
            ("(component (core func (canon task.cancel)))", "as of WASI 0.3"),
            ("(component (type (stream u8)))", "as of WASI 0.3"),
            ("(component (type (future)))", "as of WASI 0.3"),
            ("(component (core func (canon waitable-set.new)))", "as of WASI 0.3"),
            ("(component (type error-context))", "as of WASI 0.3"),
            ("(component (core module (memory 1 1 shared)))", "in C without `-pthread`"),
            (
                "(component (core module (memory 1) (func (drop (i32.atomic.load (i32.const 0))))))",
                "it uses threads",
            ),
            ("(component (core type $t (func)) (core func (canon thread.spawn-ref $t)))", "it uses threads"),
            (
                "(component (core module $m (memory (export \"m\") i64 1)) (core instance $i (instantiate $m)) \
              (import \"f\" (func $f (param \"s\" string))) (core func (canon lower (func $f) (memory (core memory $i \"m\")))))",
                "build it for wasm32",
            ),
            ("(component (core module (tag)))", "in C++ build it with `-fno-exceptions`"),
            ("(component (core module (func (try_table))))", "it uses WebAssembly's exceptions"),
            ("(component (core module (func try end)))", "it uses WebAssembly's exceptions"),
            ("(component (core module (type (cont 0))))", "it uses stack switching"),
            ("(component (core module (type (struct))))", "garbage collection (GC)"),
            ("(component (core module (func (param externref))))", "garbage collection (GC)"),
            ("(component (core module (memory 1 (pagesize 1))))", "it uses a proposal to WebAssembly"),
            (
                "(component (core module (func (result i64 i64) i64.const 0 i64.const 0 i64.mul_wide_u)))",
                "it uses a proposal",
            ),
            ("(component (type (map string u8)))", "it uses a proposal to WebAssembly"),
            ("(component (type (list u8 4)))", "it uses a proposal to WebAssembly"),
            ("(component (core module (func (result i32))))", "it is no valid component: "),
        ];
        let told: Vec<String> = cases
            .iter()
            .map(|(text, expected)| (expected, format!("{text}: {}", refused(text.as_bytes()))))
            .filter(|(expected, told)| !told.contains(*expected))
            .map(|(_, told)| told)
            .collect();
        assert!(told.is_empty(), "{}", told.join("\n"));
    }

    #[test]
    fn interfaces_of_wasi_that_are_not_there_say_what_to_build() {
        let import = |name: &str| {
            format!(
                "(component (import \"{name}\" (instance (export \"f\" (func))))
                   (component $c) (instance $i (instantiate $c))
                   (export \"gmr:plugin/section@0.1.0\" (instance $i)))"
            )
        };
        check(import("wasi:cli/run@0.3.0"), "it is built for WASI 0.3, and this host has WASI 0.2");
        check(import("wasi:http/types@0.2.0"), "plugins have no network");
        check(
            import("wasi:nn/tensor@0.2.0"),
            "asks for what the host does not have (only gmr:plugin and WASI 0.2)",
        );
        check(import("gmr:plugin/magic@0.1.0"), "what gmr:plugin 0.1.0 does not have");
        check(import(&format!("a:{}/b", "x".repeat(10_000))), "…");
    }

    #[test]
    fn a_process_that_may_not_run_plugins_does_not_blame_the_file() {
        // As wasmtime's `CodeMemory::publish` has it where the kernel refuses `mprotect`.
        let refused = wasmtime::Error::new(std::io::Error::from(std::io::ErrorKind::PermissionDenied))
            .context("unable to make memory executable");
        let reason = not_loaded(&refused);
        assert!(reason.starts_with("this process may not make memory executable"), "{reason}");
        assert!(!reason.contains("no valid component"), "{reason}");
    }
}
