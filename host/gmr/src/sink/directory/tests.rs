use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::time::Duration;

use gmr_test_support::wait_for;

use super::*;

fn far() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn reports(path: &Path, service: &str, keep: Option<u32>) -> Directory {
    Directory::new(path.to_owned(), service, keep, Arc::default(), far())
}

fn write(directory: &Directory, text: &str, time: &str) -> io::Result<PathBuf> {
    directory.write(text.into(), time.parse().unwrap(), "txt", far())
}

fn names(directory: &Path) -> Vec<String> {
    let entries = directory.read_dir().unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

/// Returns when the file is later than that one by the clock of the file system.
fn make_later(path: &Path, than: &Path) {
    let changed = |path: &Path| {
        let metadata = path.metadata().unwrap();
        (metadata.ctime(), metadata.ctime_nsec())
    };
    wait_for(|| {
        fs::write(path, "").unwrap();
        if changed(path) > changed(than) { Ok(()) } else { Err("its clock stands still") }
    });
}

#[test]
fn files_are_private_and_never_replace_each_other() {
    let directory = tempfile::tempdir().unwrap();
    let time = "2026-11-22T14:03:07.412Z";
    let first = write(&reports(directory.path(), "a/b", None), "1", time).unwrap();
    let second = write(&reports(directory.path(), "a/b", None), "2", time).unwrap();
    let process = std::process::id();
    assert_eq!(
        names(directory.path()),
        [
            format!("a-b_gurumeditation_20261122T140307Z_{process}_1.txt"),
            format!("a-b_gurumeditation_20261122T140307Z_{process}_2.txt"),
        ]
    );
    assert_eq!(
        (fs::read_to_string(&first).unwrap(), fs::read_to_string(second).unwrap()),
        ("1".into(), "2".into())
    );
    assert_eq!(first.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_planted_link_is_not_followed() {
    let directory = tempfile::tempdir().unwrap();
    let victim = directory.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    let path = directory.path().join("reports");
    fs::create_dir(&path).unwrap();
    let name = format!("s_gurumeditation_20261122T140307Z_{}_1.txt", std::process::id());
    symlink(&victim, path.join(&name)).unwrap();
    let written = write(&reports(&path, "s", None), "report", "2026-11-22T14:03:07Z").unwrap();
    assert_ne!(written, path.join(name));
    assert_eq!(fs::read_to_string(victim).unwrap(), "precious");
}

#[test]
fn only_the_newest_of_this_service_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["s_gurumeditation_notes.txt", "t_gurumeditation_20200101T000000Z_1_1.txt", "other.txt"] {
        fs::write(directory.path().join(name), "").unwrap();
    }
    let reports = reports(directory.path(), "s", Some(2));
    for second in 0..12 {
        let time = Timestamp::from_second(1_800_000_000 + second / 4).unwrap();
        reports.write("".into(), time, "json", far()).unwrap();
    }
    let process = std::process::id();
    assert_eq!(
        names(directory.path()),
        [
            "other.txt".to_owned(),
            format!("s_gurumeditation_20270115T080002Z_{process}_11.json"),
            format!("s_gurumeditation_20270115T080002Z_{process}_12.json"),
            "s_gurumeditation_notes.txt".to_owned(),
            "t_gurumeditation_20200101T000000Z_1_1.txt".to_owned(),
        ]
    );
}

#[test]
fn a_name_from_a_clock_that_ran_ahead_keeps_no_report_from_staying() {
    let directory = tempfile::tempdir().unwrap();
    let reports = reports(directory.path(), "s", Some(2));
    let ahead = write(&reports, "", "2031-01-01T00:00:00Z").unwrap();
    let second = write(&reports, "", "2031-01-01T00:00:01Z").unwrap();
    make_later(&second, &ahead);
    // The clock has been set right.
    let third = directory.path().join("time");
    make_later(&third, &second);
    let third = write(&reports, "", "2026-11-22T14:03:07Z").unwrap();
    assert!(third.exists());
    assert!(second.exists() && !ahead.exists(), "{:?}", names(directory.path()));
}

#[test]
fn what_is_later_than_the_report_is_left_alone_and_not_counted() {
    let directory = tempfile::tempdir().unwrap();
    let path =
        |number: u32| directory.path().join(format!("s_gurumeditation_20261122T140307Z_1_{number}.txt"));
    fs::write(path(1), "").unwrap();
    for number in 2..=4 {
        make_later(&path(number), &path(number - 1));
    }
    // As if the clock had been set back after the fourth: the third is what was just written.
    let held = HeldDirectory::open(directory.path()).unwrap();
    let just_written = path(3).file_name().unwrap().to_str().unwrap().to_owned();
    retention::remove_oldest(held.get().unwrap(), ("s", 2), &just_written, |_| true, far());
    assert_eq!([1, 2, 3, 4].map(|number| path(number).exists()), [false, true, true, true]);
}

#[test]
fn a_fresh_report_of_another_process_stays() {
    let directory = tempfile::tempdir().unwrap();
    let others = directory.path().join("s_gurumeditation_20261122T140307Z_1_1.txt");
    fs::write(&others, "").unwrap();
    let reports = reports(directory.path(), "s", Some(1));
    let first = write(&reports, "", "2026-11-22T14:03:08Z").unwrap();
    let second = write(&reports, "", "2026-11-22T14:03:09Z").unwrap();
    assert!(others.exists() && second.exists() && !first.exists(), "{:?}", names(directory.path()));
}

#[test]
fn a_directory_that_is_made_later_replaced_or_moved() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("reports");
    let reports = reports(&path, "s", None);
    let time = "2026-11-22T14:03:07Z";
    assert_eq!(write(&reports, "", time).unwrap_err().kind(), io::ErrorKind::NotFound);
    fs::create_dir(&path).unwrap();
    assert!(write(&reports, "", time).unwrap().exists());
    // As by a rotation of logs: the one that has its name now is meant.
    fs::rename(&path, folder.path().join("old")).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(write(&reports, "", time).unwrap().exists());
    assert_eq!(names(&path).len(), 1);
    // As after `chroot`: its path leads nowhere, and it is there all the same.
    let moved = folder.path().join("moved");
    fs::rename(&path, &moved).unwrap();
    write(&reports, "", time).unwrap();
    assert_eq!(names(&moved).len(), 2);
}

#[test]
fn a_write_that_fails_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let reports = reports(directory.path(), "s", None);
    // No file name may be so long.
    let failed =
        reports.write("".into(), Timestamp::UNIX_EPOCH, Box::leak("x".repeat(300).into_boxed_str()), far());
    assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::InvalidFilename);
    assert!(names(directory.path()).is_empty());
}
