//! What is refused, by the words that its author needs, and what no refusal may quote.

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
