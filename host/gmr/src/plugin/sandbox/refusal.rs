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
mod tests;
