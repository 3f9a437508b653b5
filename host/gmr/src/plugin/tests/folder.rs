//! The folder as reports see it: files that come, change and go.

use super::*;

#[test]
fn plugins_come_change_and_go() {
    let bench = Bench::new();
    bench.check(&[]);
    bench.install("b.wasm", says("first"));
    bench.check(&["b: first"]);
    bench.install("a.wasm", says("other"));
    bench.check(&["a: other", "b: first"]);
    bench.install("b.wasm", says("newer"));
    bench.check(&["a: other", "b: newer"]);
    std::fs::remove_file(bench.folder.path().join("a.wasm")).unwrap();
    bench.check(&["b: newer"]);
}

#[test]
fn a_file_that_is_written_in_place_serves_when_it_is_whole() {
    let bench = Bench::new();
    bench.install("p.wasm", says("first"));
    bench.check(&["p: first"]);
    let (path, new) = (bench.folder.path().join("p.wasm"), says("newer"));
    std::fs::write(&path, &new[..new.len() / 2]).unwrap();
    bench.check(&["p: first"]);
    assert!(bench.remarks().contains("p.wasm does not load"), "{}", bench.remarks());
    assert!(bench.remarks().contains("the version before it serves"), "{}", bench.remarks());
    assert_eq!(bench.cell("p", "state"), Value::from("an older version"));
    std::fs::write(&path, new).unwrap();
    bench.check(&["p: newer"]);
    assert_eq!(bench.remarks(), "");
}

/// A volume that Kubernetes fills: files are links into a folder that is itself a link, which is swapped.
#[test]
fn a_config_map_is_followed_when_its_link_is_swapped() {
    use std::os::unix::fs::symlink;
    let bench = Bench::new();
    let folder = bench.folder.path();
    let version = |number: u32, word: &str| {
        let data = format!("..2026_{number}");
        std::fs::create_dir(folder.join(&data)).unwrap();
        std::fs::write(folder.join(&data).join("p.wasm"), says(word)).unwrap();
        symlink(&data, folder.join("..data_tmp")).unwrap();
        std::fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
    };
    version(1, "first");
    symlink("..data/p.wasm", folder.join("p.wasm")).unwrap();
    bench.check(&["p: first"]);
    version(2, "newer");
    std::fs::remove_dir_all(folder.join("..2026_1")).unwrap();
    bench.check(&["p: newer"]);
    std::fs::remove_file(folder.join("p.wasm")).unwrap();
    bench.check(&[]);
}

#[test]
fn a_folder_may_be_a_link_that_is_swapped() {
    use std::os::unix::fs::symlink;
    let bench = Bench::with(|config| config.directories = vec![config.directories[0].join("current")]);
    let folder = bench.folder.path();
    for word in ["first", "newer"] {
        std::fs::create_dir(folder.join(word)).unwrap();
        std::fs::write(folder.join(word).join("p.wasm"), says(word)).unwrap();
        symlink(word, folder.join("new")).unwrap();
        std::fs::rename(folder.join("new"), folder.join("current")).unwrap();
        bench.check(&[&format!("p: {word}")]);
    }
}

#[test]
fn a_change_is_noticed_without_a_report() {
    let bench = Bench::new();
    bench.settle();
    bench.install("p.wasm", says("first"));
    let end = Instant::now() + BOUND;
    // Nothing is asked for here but what stands in the catalogue already.
    while !matches!(bench.plugins.section().blocks[..], [Block::Table { .. }]) {
        assert!(Instant::now() < end, "the watch does not tell");
        std::thread::yield_now();
    }
}

#[test]
fn a_folder_may_appear_later_and_again() {
    let bench = Bench::with(|config| config.directories = vec![config.directories[0].join("deep/plugins")]);
    bench.check(&[]);
    let folder = bench.folder.path().join("deep/plugins");
    for word in ["first", "again"] {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("p.wasm"), says(word)).unwrap();
        bench.check(&[&format!("p: {word}")]);
        std::fs::remove_dir_all(bench.folder.path().join("deep")).unwrap();
        bench.check(&[]);
    }
}

#[test]
fn replacements_under_reports_are_whole_and_in_order() {
    const REPLACEMENTS: u32 = 1000;
    let bench = Bench::with(|config| {
        let limits = Limits { deadline: Duration::from_secs(20), ..Limits::default() };
        config.plugins.insert("p".into(), PluginConfig { limits, ..PluginConfig::default() });
    });
    bench.install("p.wasm", says("00000"));
    bench.check(&["p: 00000"]);
    let template = says("XXXXX");
    let at = template.windows(5).position(|window| window == b"XXXXX").unwrap();
    let version = |number: u32| {
        let mut bytes = template.clone();
        bytes[at..at + 5].copy_from_slice(format!("{number:05}").as_bytes());
        bytes
    };
    let mut latest = 0;
    std::thread::scope(|scope| {
        let storm =
            scope.spawn(|| (1..=REPLACEMENTS).for_each(|number| bench.install("p.wasm", version(number))));
        while !storm.is_finished() {
            let sections = bench.sections_within(BOUND);
            let shown: Vec<String> = sections.iter().map(words).collect();
            let [shown] = &shown[..] else { panic!("not one section: {shown:?}") };
            let number = shown.strip_prefix("p: ").and_then(|number| number.parse().ok());
            let number: u32 = number.unwrap_or_else(|| panic!("no whole section: {shown}"));
            assert!(number >= latest, "a report showed {latest} and a later one {number}");
            latest = number;
        }
    });
    bench.check(&[&format!("p: {REPLACEMENTS:05}")]);
}

#[test]
fn a_folder_that_every_user_may_write_to_is_remarked() {
    use std::os::unix::fs::PermissionsExt as _;

    let bench = Bench::new();
    let set_mode = |mode| {
        std::fs::set_permissions(bench.folder.path(), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    for mode in [0o700, 0o755, 0o775] {
        set_mode(mode);
        bench.check(&[]);
        assert_eq!(bench.remarks(), "", "{mode:o}");
    }
    for mode in [0o777, 0o1777] {
        set_mode(mode);
        bench.check(&[]);
        let expected =
            format!("every user may write there (mode {mode:04o}), and so add and replace plugins");
        assert!(bench.remarks().contains(&expected), "{}", bench.remarks());
    }
}

#[test]
fn of_two_files_with_one_name_the_first_folder_has_it_whichever_came_first() {
    let second = tempfile::tempdir().unwrap();
    let path = second.path().join("p.wasm");
    let bench = Bench::with(|config| config.directories.push(second.path().to_owned()));
    std::fs::write(&path, says("later")).unwrap();
    bench.check(&["p: later"]);
    bench.install("p.wasm", says("first"));
    bench.check(&["p: first"]);
    let first = bench.folder.path().join("p.wasm");
    let refused = format!("p.wasm does not load: {} has the same name", first.display());
    assert!(bench.remarks().contains(&refused), "{}", bench.remarks());
    std::fs::remove_file(first).unwrap();
    bench.check(&["p: later"]);
    assert_eq!(bench.remarks(), "");
    // Within a folder the names decide.
    std::fs::write(second.path().join("p.wat"), says("third")).unwrap();
    bench.check(&["p: later"]);
    let refused = format!("p.wat does not load: {} has the same name", path.display());
    assert!(bench.remarks().contains(&refused), "{}", bench.remarks());
    std::fs::remove_file(&path).unwrap();
    bench.check(&["p: third"]);
}

#[test]
fn of_thousands_of_files_some_are_looked_into_and_the_report_is_short() {
    let bench = Bench::with(|config| drop(config.plugins.insert("zz".into(), PluginConfig::default())));
    for number in 0..5000 {
        std::fs::write(bench.folder.path().join(format!("f{number}.wasm")), "").unwrap();
    }
    bench.install("zz.wasm", says("whole"));
    // The one that the settings name is looked into, whatever comes before it.
    bench.check(&["zz: whole"]);
    let remarks = bench.remarks();
    let expected = [
        "4745 more files are not looked into",
        "f0.wasm does not load: the file is empty",
        "and 247 more files that",
    ];
    for words in expected {
        assert!(remarks.contains(words), "no {words:?} in: {remarks}");
    }
    assert_eq!(remarks.lines().count(), 1 + 8 + 1);
    let body = gmr_report::format::text::section(&bench.plugins.section());
    assert!(body.lines().count() < 512, "{} lines", body.lines().count());
}

#[test]
fn no_number_of_files_takes_the_place_of_one_that_serves() {
    let bench = Bench::new();
    bench.install("zz.wasm", says("whole"));
    bench.check(&["zz: whole"]);
    for number in 0..300 {
        std::fs::write(bench.folder.path().join(format!("f{number}.wasm")), "").unwrap();
    }
    bench.check(&["zz: whole"]);
    assert!(bench.remarks().contains("45 more files are not looked into"), "{}", bench.remarks());
}

#[test]
fn what_is_pending_is_told_in_a_line() {
    let bench = Bench::new();
    let template = says_at_length("XXXXX");
    let at = template.windows(5).position(|window| window == b"XXXXX").unwrap();
    for number in 0..40 {
        let mut bytes = template.clone();
        bytes[at..at + 5].copy_from_slice(format!("{number:05}").as_bytes());
        bench.install(&format!("p{number}.wasm"), bytes);
    }
    bench.sections_within(BOUND);
    let remarks = bench.remarks();
    let pending =
        remarks.lines().find(|line| line.starts_with("no section yet of ")).expect("all are compiled");
    assert!(pending.contains(" more: still being compiled") && pending.len() < 200, "{pending}");
}

#[test]
fn what_is_no_file_costs_a_line_and_nothing_else() {
    use std::os::unix::fs::symlink;
    let bench = Bench::new();
    let path = |name: &str| bench.folder.path().join(name);
    std::fs::create_dir(path("directory.wasm")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, path("pipe.wasm"), rustix::fs::Mode::RWXU).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(path("socket.wasm")).unwrap();
    symlink("nowhere", path("nowhere.wasm")).unwrap();
    symlink("endless.wasm", path("endless.wasm")).unwrap();
    symlink("/proc/self/environ", path("environ.wasm")).unwrap();
    symlink("/dev/null", path("device.wasm")).unwrap();
    bench.install("p.wasm", says("whole"));
    bench.check(&["p: whole"]);
    let remarks = bench.remarks();
    assert_eq!(remarks.lines().count(), 7, "{remarks}");
    for line in remarks.lines() {
        assert!(line.len() < 200 && line.contains(" does not load: "), "{line}");
    }
}
