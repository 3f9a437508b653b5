//! What the doctor says of executables with and without types.

#![cfg(target_os = "linux")]

use std::path::Path;

use gmr_inspect::tasks::{Level, Track, doctor};

#[test]
fn this_test_shows_everything() {
    // The canary and tokio's types are in only if something uses them.
    drop(std::future::ready(1).tracked("used"));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    drop(gmr_inspect::tasks::look(&[runtime.handle().clone()], &gmr_inspect::tasks::Options::default()));

    let own = doctor(std::env::current_exe().unwrap()).unwrap();
    assert_eq!((own.threads.level, own.tasks.level), (Level::Full, Level::Full), "{own:#?}");
    assert_eq!((own.threads.advice, own.tasks.advice), (vec![], vec![]));
}

#[test]
fn an_executable_without_types_gets_advice() {
    let cargo = std::env::var_os("CARGO").expect("the tests are run by cargo");
    let other = doctor(Path::new(&cargo)).unwrap();
    assert_eq!(other.tasks.level, Level::Least, "{other:#?}");
    assert!(other.tasks.advice[0].contains("debug = 2"), "{other:#?}");
    assert!(!other.tasks.reasons.is_empty());
}

#[test]
fn what_is_no_executable_is_refused_with_its_path() {
    let text = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    for path in [Path::new("/no/such/file"), &text] {
        let error = doctor(path).unwrap_err();
        assert!(error.starts_with(path.to_str().unwrap()), "{error}");
    }
}
