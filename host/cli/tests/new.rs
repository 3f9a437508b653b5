//! `gmr plugin new`: whole projects, under a name of their own, in a directory of their own.

mod support;

use std::fs;
use std::path::Path;

use support::{Place, bad, good, misuse};

/// All text of a directory, and all paths.
fn everything(folder: &Path) -> String {
    let entries = folder.read_dir().unwrap().flatten();
    let text = |path: &Path| if path.is_dir() { everything(path) } else { fs::read_to_string(path).unwrap() };
    entries.map(|entry| format!("{}\n{}", entry.path().display(), text(&entry.path()))).collect()
}

#[test]
fn each_language_has_a_project_under_the_plugins_name() {
    for (language, files, build) in [
        (
            "rust",
            &["Cargo.toml", "src/lib.rs", "README.md"][..],
            "cargo build --release --target wasm32-wasip2",
        ),
        (
            "python",
            &["pool_2.py", "requirements.txt", "build.sh", "cases/example.toml", "wit/document.wit"],
            "sh build.sh",
        ),
        ("javascript", &["pool_2.js", "package.json", "build.mjs", "wit/world.wit"], "npm run build"),
        ("c", &["pool_2.c", "bindings/plugin.h", "build.sh", "wit/world.wit"], "sh build.sh"),
        ("go", &["main.go", "gmr/plugin.go", "go.mod", "build.sh", "wit/world.wit"], "sh build.sh"),
        ("assemblyscript", &["pool_2.ts", "gmr.ts", "package.json", "wit/world.wit"], "sh build.sh"),
    ] {
        let place = Place::new();
        let project = place.path("deep/down");
        let said = good(&[&"plugin", &"new", &"pool_2", &"--lang", &language, &"--path", &project]);
        assert!(said.contains(&format!("cd {}\n", project.display())), "{said}");
        // The tests' `gmr` is in no folder of PATH, so it is called by its path.
        let check = format!("    {} plugin check ", env!("CARGO_BIN_EXE_gmr"));
        assert!(said.contains(build) && said.contains(&check), "{said}");
        for file in files {
            assert!(project.join(file).is_file(), "{language}: {file}");
        }
        let everything = everything(&project);
        assert!(everything.contains("pool_2") && !everything.contains("my_plugin"), "{everything}");
    }
}

#[test]
fn without_a_path_the_directory_has_the_plugins_name() {
    let place = Place::new();
    fs::create_dir(place.path("work")).unwrap();
    let output = support::command(&[&"plugin", &"new", &"pool", &"--lang", &"rust"])
        .current_dir(place.path("work"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(place.path("work/pool/Cargo.toml").is_file());
}

#[test]
fn the_sdk_may_come_from_a_directory() {
    let place = Place::new();
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/sdk");
    let line = format!("gmr-plugin = {{ path = {:?} }}\n", sdk.canonicalize().unwrap());
    let project = place.path("pool");
    good(&[&"plugin", &"new", &"pool", &"--lang", &"rust", &"--path", &project, &"--sdk", &sdk]);
    // Without it, from the checkout that the command was built from.
    let found = place.path("found");
    good(&[&"plugin", &"new", &"pool", &"--lang", &"rust", &"--path", &found]);
    for project in [&project, &found] {
        let manifest = fs::read_to_string(project.join("Cargo.toml")).unwrap();
        assert!(manifest.contains(&line), "{manifest}");
    }
    let other = place.path("other");
    let new = |language, sdk: &Path, expected: &[&str]| {
        bad(&[&"plugin", &"new", &"pool", &"--lang", &language, &"--path", &other, &"--sdk", &sdk], expected);
        assert!(!other.exists());
    };
    new("python", &sdk, &["--sdk is for --lang rust"]);
    new("rust", &place.path("missing"), &["cannot find", "missing"]);
    new("rust", &project.join("src"), &["it has no Cargo.toml"]);
}

#[test]
fn what_is_there_already_is_left_alone() {
    let place = Place::new();
    fs::create_dir(place.path("project")).unwrap();
    let file = place.write("project/kept", "kept");
    for path in [place.path("project"), file] {
        bad(
            &[&"plugin", &"new", &"pool", &"--lang", &"rust", &"--path", &path],
            &["exists already", "--path"],
        );
    }
    assert_eq!(fs::read_dir(place.path("project")).unwrap().count(), 1);
}

#[test]
fn names_that_would_not_build_are_refused() {
    let place = Place::new();
    let long = "a".repeat(65);
    for name in ["Pool", "2pool", "_pool", "pool-2", "../pool", "", "größe", &long, "threads", "fn", "gmr"]
    {
        misuse(&[&"plugin", &"new", &name, &"--lang", &"rust", &"--path", &place.path("p")], "invalid value");
        assert!(!place.path("p").exists(), "{name}");
    }
    misuse(&[&"plugin", &"new", &"pool", &"--lang", &"cobol"], "javascript");
}
