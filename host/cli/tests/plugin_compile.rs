//! `gmr plugin compile`: plugins into a cache, from which services take them.

mod support;

use gmr_test_support::guests;
use support::{Place, bad, command, good, misuse};

#[test]
fn a_plugin_is_compiled_once_and_found_again() {
    let place = Place::new();
    let (file, cache) = (place.write("hello.wasm", guests::component("hello")), place.path("cache"));
    let text = good(&[&"plugin", &"compile", &"--cache-dir", &cache, &file]);
    assert!(text.starts_with("hello  sha256:"), "{text}");
    assert!(text.contains(" in the cache, compiled in "), "{text}");
    // The command itself is the child that compiles.
    assert!(cfg!(not(target_os = "linux")) || text.contains(" of memory"), "{text}");
    let again = good(&[&"plugin", &"compile", &"--cache-dir", &cache, &file]);
    assert!(again.contains(" in the cache, was there"), "{again}");
    assert_eq!(text.split(' ').take(3).collect::<Vec<_>>(), again.split(' ').take(3).collect::<Vec<_>>());
}

#[test]
fn what_cannot_be_compiled_is_told_and_the_others_are_compiled() {
    let place = Place::new();
    let cache = place.path("cache");
    let (words, world) = (place.write("words.wasm", "words"), place.write("other.wat", "(component)"));
    let hello = place.write("hello.wasm", guests::component("hello"));
    let output =
        command(&[&"plugin", &"compile", &"--cache-dir", &cache, &words, &world, &hello]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    for part in ["words.wasm: it is no", "other.wat: it exports nothing", "2 of 3 plugins are not in "] {
        assert!(errors.contains(part), "{errors}");
    }
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("hello  sha256:"));
}

#[test]
fn the_services_settings_hold() {
    let place = Place::new();
    let (file, cache) = (place.write("hello.wasm", guests::component("hello")), place.path("cache"));
    let settings = place.write(
        "app.toml",
        format!("[gmr]\ncache_dir = '{}'\n[gmr.plugins.hello]\nfunctions = 1\n", cache.display()),
    );
    bad(
        &[&"plugin", &"compile", &"--settings-file", &settings, &file],
        &["hello.wasm: it has", "more than its limit `functions` of 1"],
    );
    let settings = place.write("app.toml", format!("[gmr]\ncache_dir = '{}'\n", cache.display()));
    assert!(good(&[&"plugin", &"compile", &"--settings-file", &settings, &file]).starts_with("hello  "));
    let settings = place.write("app.toml", "[gmr]\n");
    bad(&[&"plugin", &"compile", &"--settings-file", &settings, &file], &["no `cache_dir`"]);
    misuse(&[&"plugin", &"compile", &file], "--cache-dir");
}

#[test]
fn a_cache_that_others_may_enter_is_not_used() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let (file, cache) = (place.write("hello.wasm", guests::component("hello")), place.path("cache"));
    std::fs::create_dir(&cache).unwrap();
    std::fs::set_permissions(&cache, std::fs::Permissions::from_mode(0o755)).unwrap();
    bad(&[&"plugin", &"compile", &"--cache-dir", &cache, &file], &["hello.wasm: ", "it needs mode 0700"]);
}
