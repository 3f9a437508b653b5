//! What SECURITY.md says of those who can write somewhere: beside the watched file and into the directory of reports, as a
//! program with a reporter shows it; and that each test that it names is there.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use gmr::report::TriggerKind;
use gmr::report::format::json;
use gmr_test_support::root;
use gmr_test_support::subject::{Subject, names};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

const SUBJECT: &str = env!("CARGO_BIN_EXE_subject");

const SECRET: &str = "S3cr3tV4lue";

#[test]
fn what_is_planted_at_the_watched_path_is_a_trigger_and_is_not_opened() {
    let directory = tempfile::tempdir().unwrap();
    let (path, secret) = (directory.path().join("trigger"), directory.path().join("secret"));
    fs::write(&path, "").unwrap();
    fs::write(&secret, SECRET).unwrap();
    let mut subject =
        Subject::start(SUBJECT, "plain", &[("GMR_FORMAT", &"json"), ("GMR_FILE_EVENT_HANDLER", &path)]);
    let fifo = |at: &Path| {
        rustix::fs::mknodat(rustix::fs::CWD, at, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    };
    let plants: [&dyn Fn(&Path); 6] = [
        &|at| fs::write(at, SECRET).unwrap(),
        &|at| symlink(&secret, at).unwrap(),
        &|at| symlink("/dev/zero", at).unwrap(),
        &|at| drop(UnixListener::bind(at).unwrap()),
        &|at| fs::create_dir(at).unwrap(),
        // Opened for reading it would never come back.
        &fifo,
    ];
    for plant in plants {
        let next = directory.path().join("next");
        plant(&next);
        // A directory takes the place of nothing else.
        if next.symlink_metadata().unwrap().is_dir() {
            fs::remove_file(&path).unwrap();
        }
        if path.symlink_metadata().is_ok_and(|there| there.is_dir()) {
            fs::remove_dir(&path).unwrap();
        }
        fs::rename(&next, &path).unwrap();
        let report = subject.report();
        assert_eq!(report.header.trigger.kind, TriggerKind::File);
        assert!(!json::report(&report).contains(SECRET));
    }
    let readers = rustix::fs::open(&path, OFlags::WRONLY | OFlags::NONBLOCK, Mode::empty());
    assert_eq!(readers.unwrap_err(), Errno::NXIO, "somebody reads the pipe");
    // A link that leads nowhere is nothing, and the reporter goes on.
    fs::remove_file(&path).unwrap();
    symlink(&path, &path).unwrap();
    assert_eq!(subject.order("trigger"), "done");
    subject.report();
}

#[test]
fn what_is_planted_among_the_reports_is_not_followed() {
    let directory = tempfile::tempdir().unwrap();
    let (reports, victim) = (directory.path().join("reports"), directory.path().join("victim"));
    fs::create_dir(&reports).unwrap();
    // As /tmp.
    fs::set_permissions(&reports, fs::Permissions::from_mode(0o1777)).unwrap();
    fs::write(&victim, "as it was").unwrap();
    let mut subject = Subject::start(SUBJECT, "plain", &[("GMR_LOG_DIR", &reports)]);
    let mut trigger = || {
        assert_eq!(subject.order("trigger"), "done");
        // A report on call comes after the one that was triggered: now that one is written.
        assert_eq!(subject.order("report /dev/null"), "done");
    };
    trigger();
    let [first] = &names(&reports)[..] else { panic!("{:?}", names(&reports)) };
    // All that the next ones may be called within the hour: `subject_gurumeditation_20261122T140307Z_8675_1.txt`.
    let (before, after) = first.split_at(first.find('T').unwrap() + 3);
    let rest = after[4..].strip_suffix("_1.txt").unwrap();
    let planted = (0..3600).flat_map(|second| [2, 3].map(|number| (second / 60, second % 60, number)));
    for (minute, second, number) in planted {
        symlink(&victim, reports.join(format!("{before}{minute:02}{second:02}{rest}_{number}.txt"))).unwrap();
    }
    trigger();
    trigger();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "as it was");
    let paths = names(&reports).into_iter().map(|name| reports.join(name));
    let written: Vec<_> = paths.filter(|path| path.symlink_metadata().unwrap().is_file()).collect();
    assert_eq!(written.len(), 3, "{written:?}");
    for path in written {
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(fs::read_to_string(&path).unwrap().contains("Configuration"));
    }
}

#[test]
fn only_reports_of_the_service_are_removed() {
    let directory = tempfile::tempdir().unwrap();
    let others = [
        "subject_gurumeditation_notes.txt",
        "subject_gurumeditation_20200101T000000Z_1_1_2.txt",
        "other_gurumeditation_20200101T000000Z_1_1.txt",
        "subject.log",
    ];
    for name in others {
        fs::write(directory.path().join(name), "").unwrap();
    }
    let reports = directory.path();
    let mut subject = Subject::start(SUBJECT, "plain", &[("GMR_LOG_DIR", &reports), ("GMR_KEEP", &"1")]);
    for _ in 0..2 {
        assert_eq!(subject.order("trigger"), "done");
        assert_eq!(subject.order("report /dev/null"), "done");
    }
    let left = names(reports);
    assert!(others.iter().all(|name| left.iter().any(|other| other == name)), "{left:?}");
    assert_eq!(left.len(), others.len() + 1, "{left:?}");
}

#[test]
fn each_test_that_is_named_is_there() {
    let text = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let named: Vec<(&str, &str)> =
        text.split('`').skip(1).step_by(2).filter_map(|name| name.split_once(".rs: ")).collect();
    assert!(named.len() > 10, "{named:?}");
    for (file, test) in named {
        let path = root().join(format!("{file}.rs"));
        let source = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(source.contains(&format!("fn {test}()")), "{file}.rs has no test {test}");
    }
}
