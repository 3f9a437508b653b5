//! `gmr plugin check` and `gmr plugin run`: with the guests of the whole project's tests.

mod support;

use std::path::PathBuf;

use gmr_test_support::guests;
use serde_json::{Value, json};
use support::{Place, bad, command, good, misuse, one_line};

/// A guest's component, as a file that has the guest's name.
fn guest(place: &Place, name: &str) -> PathBuf {
    place.write(&format!("{name}.wasm"), guests::component(name))
}

#[test]
fn a_check_tells_what_a_plugin_is_wants_and_prints() {
    let place = Place::new();
    let text = good(&[&"plugin", &"check", &guest(&place, "wants-process")]);
    for part in [
        "plugin    wants-process\n",
        "title     Guest\n",
        "version   1.0.0\n",
        "exports   gmr:plugin/section@0.1.0\n",
        "wants     process\n",
        "compiled  in ",
        "code      ",
        "call      ",
        " of memory\n",
        "Guest",
        "hello\n",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_second_check_takes_the_code_from_the_cache() {
    let place = Place::new();
    let (file, cache) = (guest(&place, "hello"), place.path("cache/gmr"));
    let check = |more: &[&dyn AsRef<std::ffi::OsStr>]| {
        let arguments: Vec<&dyn AsRef<std::ffi::OsStr>> =
            [&"plugin" as &dyn AsRef<std::ffi::OsStr>, &"check", &file]
                .into_iter()
                .chain(more.iter().copied())
                .collect();
        good(&arguments)
    };
    let compiled = |text: &str| text.contains("\ncompiled  in ");
    let cached = |text: &str| text.contains("\ncompiled  before: its code came from the cache in ");
    let cache_dir: [&dyn AsRef<std::ffi::OsStr>; 2] = [&"--cache-dir", &cache];
    assert!(compiled(&check(&cache_dir)));
    let mode = std::os::unix::fs::PermissionsExt::mode(&cache.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o700);
    assert!(cached(&check(&cache_dir)));
    let run = good(&[&"plugin", &"run", &file, &"--cache-dir", &cache]);
    assert!(run.ends_with("hello\n"), "{run}");
    assert!(compiled(&check(&[&"--no-cache"])));
    std::fs::write(&file, guests::component("wants-process")).unwrap();
    assert!(compiled(&check(&cache_dir)), "another plugin in the same file");
    let home = place.path("home");
    for expected in [&compiled as &dyn Fn(&str) -> bool, &cached] {
        let output = command(&[&"plugin", &"check", &file]).env("HOME", &home).output().unwrap();
        assert!(expected(std::str::from_utf8(&output.stdout).unwrap()), "{output:?}");
    }
    assert!(home.join(".cache/gmr").is_dir());
}

#[test]
fn a_cache_that_others_may_enter_is_not_used_and_the_check_says_so() {
    let place = Place::new();
    let (file, cache) = (guest(&place, "hello"), place.path("cache"));
    std::fs::create_dir(&cache).unwrap();
    std::fs::set_permissions(&cache, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let text = good(&[&"plugin", &"check", &file, &"--cache-dir", &cache]);
    assert!(text.contains("it needs mode 0700"), "{text}");
}

#[test]
fn a_limit_that_is_near_is_named() {
    let place = Place::new();
    let file = guest(&place, "hello");
    let near = |text: &str| {
        let settings = place.write("app.toml", format!("[gmr.plugins.hello]\n{text}\n"));
        good(&[&"plugin", &"check", &file, &"--settings-file", &settings])
    };
    // Its section is one block.
    let text = near("blocks = 1");
    assert!(text.contains("near      1 of its `blocks` of 1\n"), "{text}");
    let text = near("blocks = 2");
    assert!(!text.contains("`blocks`"), "{text}");
}

#[test]
fn made_up_facts_are_named() {
    let place = Place::new();
    let file = guest(&place, "hello");
    let text = good(&[&"plugin", &"check", &file, &"--grant", &"facts:pool"]);
    assert!(text.contains("facts     pool: made up; --fact NAME=JSON gives your own\n"), "{text}");
    let text = good(&[&"plugin", &"check", &file, &"--grant", &"facts:pool", &"--fact", &"pool=1"]);
    assert!(!text.contains("made up;"), "{text}");
}

#[test]
fn a_plugin_that_does_not_load_fails_the_check() {
    let place = Place::new();
    bad(&[&"plugin", &"check", &place.path("none.wasm")], &["none.wasm", "No such file"]);
    bad(&[&"plugin", &"check", &place.write("words.wasm", "words")], &["words.wasm", "no WebAssembly file"]);
    bad(&[&"plugin", &"check", &place.write("core.wat", "(module)")], &["core.wat", "wasm32-wasip2"]);
    bad(&[&"plugin", &"check", &place.write("a b.wasm", "")], &["rename the file"]);
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let place = Place::new();
    let pipe = place.path("pipe.wasm");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let directory = place.path("directory.wasm");
    std::fs::create_dir(&directory).unwrap();
    let device = place.path("device.wasm");
    std::os::unix::fs::symlink("/dev/zero", &device).unwrap();
    for verb in ["check", "run"] {
        for path in [&pipe, &directory, &device] {
            bad(&[&"plugin", &verb, path], &[path.to_str().unwrap(), "not a file"]);
        }
    }
}

#[test]
fn a_section_that_fails_fails_the_check_and_is_printed_all_the_same() {
    let place = Place::new();
    for command_name in ["check", "run"] {
        let output = command(&[&"plugin", &command_name, &guest(&place, "trap")]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        one_line(&output, &["trap.wasm", "the section failed"]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("Guest") && text.contains("no"), "{text}");
    }
}

#[test]
fn a_plugin_that_hangs_is_ended() {
    let place = Place::new();
    let settings = place.write("app.toml", "[gmr.plugins.loop-in-render]\ndeadline = '50ms'\n");
    let file = guest(&place, "loop-in-render");
    let output = command(&[&"plugin", &"run", &file, &"--settings-file", &settings]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    one_line(&output, &["the section failed"]);
}

#[test]
fn a_run_prints_the_section_for_people_and_for_programs() {
    let place = Place::new();
    let file = guest(&place, "hello");
    let text = good(&[&"plugin", &"run", &file]);
    assert!(text.contains("Guest") && text.ends_with("hello\n"), "{text}");
    let json: Value = serde_json::from_str(&good(&[&"plugin", &"run", &file, &"--format", &"json"])).unwrap();
    assert_eq!(json["name"], "hello");
    assert_eq!(json["blocks"], json!([{ "type": "paragraph", "text": "hello" }]));
}

#[test]
fn what_a_plugin_prints_commands_no_terminal() {
    let place = Place::new();
    let file = guest(&place, "escapes");
    for arguments in
        [&[&"plugin" as &dyn AsRef<std::ffi::OsStr>, &"run", &file][..], &[&"plugin", &"check", &file]]
    {
        let text = good(arguments);
        assert!(!text.contains('\u{1b}') && text.contains("\\u{1b}"), "{text}");
    }
}

#[test]
fn settings_for_another_plugin_are_a_mistake() {
    let place = Place::new();
    let file = guest(&place, "hello");
    let settings = place.write("app.toml", "[gmr.plugins.hallo]\n");
    bad(&[&"plugin", &"run", &file, &"--settings-file", &settings], &["[gmr.plugins.hello]"]);
    let wrong = place.write("wrong.toml", "[gmr.plugins.hello]\ngrant = []\n");
    bad(&[&"plugin", &"run", &file, &"--settings-file", &wrong], &["wrong.toml:2", "did you mean `grants`?"]);
    bad(&[&"plugin", &"run", &file, &"--report", &settings], &["app.toml", "no report in JSON"]);
}

#[test]
fn an_applications_table_is_judged() {
    let place = Place::new();
    let file = guest(&place, "wants-process");
    let config = place.write("app.toml", "[gmr.plugins.wants-process]\ngrants = ['report']\n");
    let text = good(&[&"plugin", &"check", &file, &"--config", &config]);
    assert!(text.contains("remarks   process is not granted: "), "{text}");
    assert!(text.contains("report is granted and not asked for: "), "{text}");
    let text = good(&[&"plugin", &"check", &file]);
    assert!(!text.contains("remarks"), "without an application all of it is granted: {text}");

    let file = guest(&place, "describes-its-settings");
    let check = |settings: &str| {
        let table = format!("[gmr.plugins.describes-its-settings.settings]\n{settings}\n");
        let config = place.write("app.toml", table);
        command(&[&"plugin", &"check", &file, &"--config", &config]).output().unwrap()
    };
    let right = check("warn = 90");
    assert!(right.status.success(), "{right:?}");
    let text = String::from_utf8(right.stdout).unwrap();
    assert!(text.contains("settings  warn: a whole number from 1 to 100"), "{text}");
    for (settings, reason) in [("wran = 90", "did you mean `warn`?"), ("warn = 101", "from 1 to 100")] {
        let wrong = check(settings);
        assert_eq!(wrong.status.code(), Some(1));
        one_line(&wrong, &["the section failed", "its settings are not right", "app.toml:2:", reason]);
        let text = String::from_utf8(wrong.stdout).unwrap();
        assert!(text.contains("remarks   ") && text.contains("app.toml:2:"), "{text}");
    }
}

#[test]
fn wrong_grants_and_facts_are_wrong_usage() {
    misuse(&[&"plugin", &"run", &"a.wasm", &"--grant", &"reed:/etc"], "read:/a/path");
    misuse(&[&"plugin", &"run", &"a.wasm", &"--fact", &"pool"], "NAME=JSON");
    misuse(&[&"plugin", &"run", &"a.wasm", &"--fact", &"pool=busy"], "no JSON");
    misuse(&[&"plugin", &"check", &"a.wasm", &"--fact", &"=1"], "no name");
}
