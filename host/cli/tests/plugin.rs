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
        " of memory\n",
        "Guest",
        "hello\n",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
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
            bad(&[&"plugin", &verb, path], &[path.to_str().unwrap(), "no file"]);
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
fn wrong_grants_and_facts_are_wrong_usage() {
    misuse(&[&"plugin", &"run", &"a.wasm", &"--grant", &"reed:/etc"], "read:/a/path");
    misuse(&[&"plugin", &"run", &"a.wasm", &"--fact", &"pool"], "NAME=JSON");
    misuse(&[&"plugin", &"run", &"a.wasm", &"--fact", &"pool=busy"], "no JSON");
    misuse(&[&"plugin", &"check", &"a.wasm", &"--fact", &"=1"], "no name");
}
