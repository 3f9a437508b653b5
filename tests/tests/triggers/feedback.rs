//! Reports that are written where the reporter watches: none of them asks for the next one.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use gmr_test_support::subject::{Subject, names};
use gmr_test_support::wait_for;

use super::SUBJECT;

/// Each time a file in the folder is touched, there is one report more; then the reporter stops, and there is no other.
#[track_caller]
fn assert_a_report_each(mut subject: Subject, folder: &Path, reports: impl Fn() -> usize) {
    const TOUCHES: usize = 5;
    for number in 1..=TOUCHES {
        fs::write(folder.join(format!("go-{number}")), "").unwrap();
        wait_for(|| match reports() {
            made if made >= number => Ok(()),
            made => Err(format!("{made} reports after {number} touches")),
        });
        // What a report has caused is seen before the next touch: this one is made after it.
        assert_eq!(subject.order("report /dev/null"), "done");
    }
    assert_eq!(subject.order("drop"), "done");
    assert_eq!(reports(), TOUCHES);
}

fn report_files(folder: &Path) -> usize {
    names(folder).iter().filter(|name| name.contains("_gurumeditation_") && name.ends_with(".txt")).count()
}

#[test]
fn a_report_directory_that_is_watched() {
    let directory = tempfile::tempdir().unwrap();
    let [folder, link] = ["folder", "link"].map(|name| directory.path().join(name));
    symlink("folder", &link).unwrap();
    for (log_dir, watched) in [(&folder, &folder), (&link, &folder), (&folder, &link)] {
        fs::create_dir(&folder).unwrap();
        let variables: [(&str, &dyn AsRef<OsStr>); 2] =
            [("GMR_LOG_DIR", log_dir), ("GMR_FILE_EVENT_HANDLER", watched)];
        let subject = Subject::start(SUBJECT, "plain", &variables);
        assert_a_report_each(subject, &folder, || report_files(&folder));
        fs::remove_dir_all(&folder).unwrap();
    }
}

#[test]
fn the_file_of_standard_error_in_the_watched_folder() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("folder");
    fs::create_dir(&folder).unwrap();
    let log = folder.join("log");
    let script = redirected(directory.path(), &log);
    let subject = Subject::start(script, "plain", &[("GMR_FILE_EVENT_HANDLER", &folder)]);
    assert_a_report_each(subject, &folder, || {
        fs::read_to_string(&log).unwrap().matches("Guru Meditation").count()
    });
}

#[test]
fn the_file_of_standard_error_itself_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let [log, link] = ["log", "link"].map(|name| directory.path().join(name));
    symlink("log", &link).unwrap();
    let script = redirected(directory.path(), &log);
    let mut subject = Subject::unready(script, "plain", &[("GMR_FILE_EVENT_HANDLER", &link)]);
    let refusal = "error `gmr.file_event_handler` is the file of standard error";
    assert!(subject.answer().starts_with(refusal));
}

#[test]
fn reports_that_are_removed_from_the_watched_folder() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    let variables: [(&str, &dyn AsRef<OsStr>); 3] =
        [("GMR_LOG_DIR", &folder), ("GMR_FILE_EVENT_HANDLER", &folder), ("GMR_KEEP", &"1")];
    let subject = Subject::start(SUBJECT, "plain", &variables);
    // One alone stays; how many there have been, its name tells.
    let newest = || {
        let numbers = names(folder)
            .into_iter()
            .filter_map(|name| name.strip_suffix(".txt")?.rsplit_once('_')?.1.parse::<usize>().ok());
        numbers.max().unwrap_or(0)
    };
    assert_a_report_each(subject, folder, newest);
    assert_eq!(report_files(folder), 1);
}

#[test]
fn two_reporters_that_watch_one_folder_and_write_into_it() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path();
    let variables: [(&str, &dyn AsRef<OsStr>); 2] =
        [("GMR_LOG_DIR", &folder), ("GMR_FILE_EVENT_HANDLER", &folder)];
    let mut other = Subject::start(SUBJECT, "plain", &variables);
    let id = format!("_{}_", other.id());
    let subject = Subject::start(SUBJECT, "plain", &variables);
    let of_other = || names(folder).iter().filter(|name| name.contains(&id)).count();
    let id_of_ours = format!("_{}_", subject.id());
    let ours = || names(folder).iter().filter(|name| name.contains(&id_of_ours)).count();
    assert_a_report_each(subject, folder, ours);
    assert_eq!(other.order("drop"), "done");
    // Touches that came together are one report there.
    assert!((1..=5).contains(&of_other()), "{} reports", of_other());
}

/// A script that starts the subject with this file as its standard error.
fn redirected(folder: &Path, log: &Path) -> PathBuf {
    let script = folder.join("subject");
    fs::write(&script, format!("#!/bin/sh\nexec {SUBJECT} \"$@\" 2>>{}\n", log.display())).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).unwrap();
    script
}
