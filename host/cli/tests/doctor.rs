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

#[test]
fn who_may_replace_a_plugin_with_grants_is_told_of_a_configuration() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;

    let place = Place::new();
    let plugin = place.write("p.wasm", "");
    let folder = plugin.parent().unwrap().display().to_string();
    let settings = format!("[gmr]\nplugin_dir = '{folder}'\n[gmr.plugins.p]\ngrants = ['process']");
    let settings = place.write("shop.toml", &settings);
    let doctor = || good(&[&"doctor", &env!("CARGO_BIN_EXE_gmr"), &"--config", &settings]);
    let set_mode = |mode| set_permissions(&plugin, Permissions::from_mode(mode)).unwrap();
    set_mode(0o644);
    assert!(doctor().ends_with("\nPlugins: nobody else may replace what has grants\n"), "{}", doctor());
    set_mode(0o666);
    let expected = "\nPlugins:\n  p will have none of its grants: every user may write to ";
    assert!(doctor().contains(expected), "{}", doctor());
}
