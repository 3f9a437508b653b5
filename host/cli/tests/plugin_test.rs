//! `gmr plugin test`: cases in which a guest is given what a file says, and what comes of them.

mod support;

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;

use gmr_test_support::guests;
use support::{Place, bad, command, good, one_line};

/// A folder with a guest's component and a case for it.
struct Project {
    place: Place,
    component: PathBuf,
}

impl Project {
    fn new(name: &str, component: &[u8], case: &str) -> Project {
        let place = Place::new();
        fs::create_dir(place.path("cases")).unwrap();
        let component = place.write(&format!("{name}.wasm"), component);
        place.write("cases/a.toml", case);
        Project { place, component }
    }

    fn of_guest(name: &str, case: &str) -> Project {
        Project::new(name, &guests::component(name), case)
    }

    fn expect(&self, file: &str, text: &str) {
        self.place.write(&format!("cases/{file}"), text);
    }

    fn passes(&self) {
        let said = good(&[&"plugin", &"test", &self.place.path("")]);
        assert!(said.starts_with("ok      ") && said.ends_with("cases/a.toml\n"), "{said}");
    }

    /// What it says of a case that fails.
    fn fails(&self) -> String {
        let output = command(&[&"plugin", &"test", &self.place.path("")]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        one_line(&output, &["1 of 1 cases failed", "--update"]);
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.starts_with("FAILED  "), "{said}");
        said
    }
}

#[test]
fn a_case_passes_if_the_section_is_as_expected_and_shows_the_difference_if_not() {
    let project = Project::of_guest("hello", "");
    let said = project.fails();
    assert!(said.contains("cases/a.txt is missing; what came:\n  + hello\n"), "{said}");
    project.expect("a.txt", "hello\n");
    project.passes();
    project.expect("a.txt", "h[..]o\n");
    project.passes();
    project.expect("a.txt", "good bye\n");
    let said = project.fails();
    assert!(said.ends_with("  - good bye\n  + hello\n"), "{said}");
}

#[test]
fn what_came_is_written_on_demand_and_what_was_left_open_stays_so() {
    let project =
        Project::of_guest("tells-its-settings", "[gmr.plugins.tells-its-settings.settings]\na = 1\nb = 2\n");
    let update = |more: &[&dyn AsRef<OsStr>]| {
        let folder = project.place.path("");
        let arguments: Vec<&dyn AsRef<OsStr>> =
            [&"plugin" as &dyn AsRef<OsStr>, &"test", &folder, &"--update"]
                .into_iter()
                .chain(more.iter().copied())
                .collect();
        good(&arguments)
    };
    assert!(update(&[]).starts_with("wrote   "));
    let text = project.place.path("cases/a.txt");
    assert_eq!(fs::read_to_string(&text).unwrap(), "a = 1\nb = 2\n");
    assert!(update(&[]).starts_with("ok      "), "nothing is written that is right");
    project.expect("a.txt", "a = [..]\nb = 3\n");
    update(&[]);
    assert_eq!(fs::read_to_string(&text).unwrap(), "a = [..]\nb = 2\n");

    fs::remove_file(&text).unwrap();
    update(&[&"--format", &"json"]);
    let json = project.place.path("cases/a.json");
    let blocks: serde_json::Value = serde_json::from_str(&fs::read_to_string(&json).unwrap()).unwrap();
    assert_eq!(blocks["blocks"][0]["fields"][0]["key"], "a");
    project.passes();
    fs::write(&json, fs::read_to_string(&json).unwrap().replace("\"value\": 1", "\"value\": \"[..]\""))
        .unwrap();
    project.passes();
    fs::write(&json, fs::read_to_string(&json).unwrap().replace("\"value\": 2", "\"value\": 5")).unwrap();
    let said = project.fails();
    assert!(said.contains("\"value\": 5") && said.contains("\"value\": 2"), "{said}");
    assert!(!text.exists());
}

#[test]
fn a_plugin_sees_the_files_of_its_case_and_no_others() {
    let guest = |path: &str| {
        let text = guests::text("looks-at-files").replace("\"PATH\"", &format!("{path:?}"));
        guests::assemble_for("with-wasi", &text.replace("LENGTH", &path.len().to_string()))
    };
    let granted = "[gmr.plugins.files]\ngrants = ['read:/etc']\n";
    let project =
        Project::new("files", &guest("pool.conf"), &format!("{granted}[files]\n'/etc/pool.conf' = 'xyz'\n"));
    project.expect("a.txt", "0[..]x\n");
    project.passes();

    // This machine has that file.
    let project = Project::new("files", &guest("passwd"), granted);
    project.expect("a.txt", "1[..]-\n");
    project.passes();
    let project = Project::new("files", &guest("passwd"), "[files]\n'../pool.conf' = ''\n");
    bad(&[&"plugin", &"test", &project.place.path("")], &["a.toml", "no absolute path"]);
}

#[test]
fn a_failure_is_expected_like_a_section() {
    let project = Project::of_guest("trap", "");
    project.expect("a.txt", "other\n");
    let said = project.fails();
    assert!(said.contains("  - other\n  + failed: "), "{said}");
    good(&[&"plugin", &"test", &project.place.path(""), &"--update"]);
    let written = fs::read_to_string(project.place.path("cases/a.txt")).unwrap();
    assert!(written.contains("digest [..])"), "{written}");
    project.passes();
}

#[test]
fn further_reports_change_what_is_given() {
    let guest = |path: &str| {
        let text = guests::text("looks-at-files").replace("\"PATH\"", &format!("{path:?}"));
        guests::assemble_for("with-wasi", &text.replace("LENGTH", &path.len().to_string()))
    };
    let case = "[gmr.plugins.files]\ngrants = ['read:/etc']\n[files]\n'/etc/pool.conf' = 'x'\n";
    let then = "[[then]]\n[[then]]\nfiles = { '/etc/pool.conf' = 'y' }\n";
    let project = Project::new("files", &guest("pool.conf"), &format!("{case}{then}"));
    project.expect("a.txt", "0[..]y\n");
    project.passes();
    // What a plugin remembers is there in the next report, and in no other case.
    let project = Project::of_guest("remembers-its-calls", "[[then]]\n[[then]]\n");
    project.place.write("cases/b.toml", "");
    project.expect("a.txt", "before 2\n");
    project.expect("b.txt", "before 0\n");
    good(&[&"plugin", &"test", &project.place.path("")]);
    let project = Project::new("files", &guest("pool.conf"), "[[then]]\nfact = 1\n");
    bad(&[&"plugin", &"test", &project.place.path("")], &["a.toml", "unknown field `fact`"]);
}

#[test]
fn one_case_or_another_folder_may_be_named() {
    let project = Project::of_guest("hello", "");
    project.expect("a.txt", "hello\n");
    fs::create_dir(project.place.path("more")).unwrap();
    let other = project.place.write("more/b.toml", "");
    project.place.write("more/b.txt", "other\n");
    good(&[&"plugin", &"test", &project.component]);
    let output = command(&[&"plugin", &"test", &project.component, &"--cases", &other]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    one_line(&output, &["1 of 1 cases failed"]);
}

#[test]
fn a_case_that_cannot_be_meant_is_refused_with_its_place() {
    let refuse = |case: &str, says: &[&str]| {
        let project = Project::of_guest("hello", case);
        bad(&[&"plugin", &"test", &project.place.path("")], says);
    };
    refuse("[gmr.plugins.hello]\ngrant = []\n", &["a.toml:2", "did you mean `grants`?"]);
    refuse("[gmr.plugins.hallo]\n", &["[gmr.plugins.hallo]", "[gmr.plugins.hello]"]);
    refuse("[fact]\njobs = 1\n", &["a.toml", "unknown field `fact`"]);
    refuse("report = 'none.json'\n", &["none.json"]);
    let place = Place::new();
    bad(&[&"plugin", &"test", &place.path("")], &["no component", "build it first"]);
    place.write("hello.wasm", guests::component("hello"));
    bad(&[&"plugin", &"test", &place.path("")], &["cannot read cases"]);
    fs::create_dir(place.path("cases")).unwrap();
    bad(&[&"plugin", &"test", &place.path("")], &["no case NAME.toml"]);
}
