//! `gmr doctor`: what an executable will show, and what to do about it.
#![cfg(target_os = "linux")]

mod support;

use support::{Place, bad, good};

#[test]
fn a_binary_with_debug_information_shows_lines() {
    let text = good(&[&"doctor", &env!("CARGO_BIN_EXE_gmr")]);
    assert!(text.starts_with("Threads: everything\n") && text.contains("\nGreen threads: "), "{text}");
    assert!(text.contains("it has line tables"), "{text}");
    assert!(text.contains("\nMemory:\n  at install, to read chains of awaits: "), "{text}");
}

#[test]
fn what_is_no_executable_is_refused() {
    let place = Place::new();
    bad(&[&"doctor", &place.write("words", "words")], &["words", "cannot be read as an executable"]);
    bad(&[&"doctor", &place.path("none")], &["none", "No such file"]);
}
