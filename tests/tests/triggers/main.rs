//! Triggers, by signal, file and call, and the reports that answer them.

mod feedback;
mod files;
mod trouble;

use std::fs;
use std::path::Path;

use gmr::report::TriggerKind;
use gmr_test_support::subject::Subject;
use gmr_test_support::wait_for;
use rustix::process::Signal;

const SUBJECT: &str = env!("CARGO_BIN_EXE_subject");

/// A subject that reports in JSON when this path changes.
fn watching(path: &Path) -> Subject {
    Subject::start(SUBJECT, "plain", &[("GMR_FORMAT", &"json"), ("GMR_FILE_EVENT_HANDLER", &path)])
}

/// One report was made of the change, and no second one: the next report answers the call that follows.
#[track_caller]
fn assert_one_report(subject: &mut Subject) {
    let report = subject.report();
    assert_eq!((report.header.trigger.kind, report.header.trigger.count), (TriggerKind::File, 1));
    assert_eq!(subject.order("trigger"), "done");
    assert_eq!(subject.report().header.trigger.kind, TriggerKind::Call);
}

#[test]
fn a_signal_prints_the_four_base_sections() {
    let mut subject = Subject::start(SUBJECT, "plain", &[]);
    subject.signal(Signal::USR2);
    // The report that is being made is finished before the guard is gone.
    assert_eq!(subject.order("drop"), "done");
    let id = subject.id();
    let (status, text) = subject.end();
    assert!(status.success());
    let at = |title: &str| {
        text.find(&format!("===={title:^64}====")).unwrap_or_else(|| panic!("no {title}: {text}"))
    };
    let titles = ["Guru Meditation", "Package", "Threads", "Green Threads", "Configuration"].map(at);
    assert!(titles.is_sorted());
    let line = format!("trigger = SIGUSR2 from process {} ", std::process::id());
    assert!(text.contains(&line), "{text}");
    assert!(text.contains(&format!("process = {id}")), "{text}");
    for line in ["service = subject 1.2.3", "vendor = Example Ltd", "listen = 0.0.0.0:80"] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn every_signal_is_answered_alone_or_together_with_others() {
    /// As many as signal-hook keeps apart until the worker looks.
    const TOGETHER: u32 = 5;
    let mut subject = Subject::start(SUBJECT, "plain", &[("GMR_FORMAT", &"json"), ("GMR_DEADLINE", &"60s")]);
    for _ in 0..3 {
        subject.signal(Signal::USR2);
        let trigger = subject.report().header.trigger;
        assert_eq!((trigger.kind, trigger.count), (TriggerKind::Signal, 1));
    }
    // The report of the first one waits for its reader, and the others meanwhile for the worker.
    subject.fill_stderr();
    (0..TOGETHER).for_each(|_| subject.signal_taken(Signal::USR2));
    let (mut answered, mut reports) = (0, 0);
    while answered < TOGETHER {
        let trigger = subject.report().header.trigger;
        assert_eq!(trigger.kind, TriggerKind::Signal);
        answered += trigger.count;
        reports += 1;
    }
    assert_eq!(answered, TOGETHER);
    assert!(reports < TOGETHER, "{reports} reports: each signal has its own");
    // None is answered twice: the next report is that of the call.
    assert_eq!(subject.order("trigger"), "done");
    let trigger = subject.report().header.trigger;
    assert_eq!((trigger.kind, trigger.count), (TriggerKind::Call, 1));
}

#[test]
fn with_a_file_set_the_signal_is_caught_and_says_where_to_touch() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trigger");
    let mut subject = Subject::start(SUBJECT, "plain", &[("GMR_FILE_EVENT_HANDLER", &path)]);
    subject.signal(Signal::USR2);
    assert_eq!(subject.order("drop"), "done");
    subject.signal(Signal::USR2);
    let (status, text) = subject.end();
    assert!(status.success(), "the signal killed it: {status}");
    assert!(text.starts_with("\ngmr: SIGUSR2 from process"), "{text}");
    assert!(text.contains(&format!("triggered by {}", path.display())), "{text}");
    assert!(!text.contains("Guru Meditation"), "{text}");
}

#[test]
fn another_signal_can_be_chosen_or_none() {
    let mut subject = Subject::start(SUBJECT, "plain", &[("GMR_FORMAT", &"json"), ("GMR_SIGNAL", &"USR1")]);
    subject.signal(Signal::USR1);
    assert!(subject.report().header.trigger.detail.starts_with("SIGUSR1 from process"));

    let subject = Subject::start(SUBJECT, "plain", &[("GMR_SIGNAL", &"none")]);
    subject.signal(Signal::USR2);
    let (status, _) = subject.end();
    assert!(!status.success(), "without a reporter's handler the signal does what it always did");
}

#[test]
fn a_touch_a_write_and_a_removal() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trigger");
    fs::write(&path, "").unwrap();
    let mut subject = watching(&path);
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(std::time::SystemTime::now()).unwrap();
    assert_one_report(&mut subject);
    fs::write(&path, "now").unwrap();
    assert_one_report(&mut subject);
    // A time in the future, which a comparison of times would take for the newest for ever.
    file.set_modified(std::time::SystemTime::now() + std::time::Duration::from_secs(86_400)).unwrap();
    assert_one_report(&mut subject);
    file.set_modified(std::time::SystemTime::now()).unwrap();
    assert_one_report(&mut subject);
    fs::remove_file(&path).unwrap();
    assert_eq!(subject.order("trigger"), "done");
    assert_eq!(subject.report().header.trigger.kind, TriggerKind::Call, "a removal asks for nothing");
    fs::write(&path, "again").unwrap();
    assert_one_report(&mut subject);
}

#[test]
fn a_file_that_another_one_is_renamed_over() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trigger");
    fs::write(&path, "").unwrap();
    let mut subject = watching(&path);
    for number in 0..3 {
        let next = directory.path().join(format!("next-{number}"));
        fs::write(&next, "").unwrap();
        fs::rename(&next, &path).unwrap();
        assert_one_report(&mut subject);
    }
}

#[test]
fn a_path_whose_parents_appear_later_and_go_again() {
    let directory = tempfile::tempdir().unwrap();
    let parent = directory.path().join("one/two");
    let path = parent.join("trigger");
    let mut subject = watching(&path);
    for _ in 0..2 {
        fs::create_dir_all(&parent).unwrap();
        fs::write(&path, "").unwrap();
        assert_one_report(&mut subject);
        fs::remove_dir_all(directory.path().join("one")).unwrap();
    }
}

#[test]
fn a_directory_in_which_something_changes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("drop");
    fs::create_dir(&path).unwrap();
    let mut subject = watching(&path);
    fs::write(path.join("a"), "").unwrap();
    assert_one_report(&mut subject);
    fs::write(path.join("a"), "changed").unwrap();
    assert_one_report(&mut subject);
    fs::remove_file(path.join("a")).unwrap();
    assert_one_report(&mut subject);
}

#[test]
fn a_link_whose_target_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trigger");
    for name in ["a", "b"] {
        fs::create_dir(directory.path().join(name)).unwrap();
        fs::write(directory.path().join(name).join("file"), name).unwrap();
    }
    std::os::unix::fs::symlink("a/file", &path).unwrap();
    let mut subject = watching(&path);
    fs::write(directory.path().join("a/file"), "changed").unwrap();
    assert_one_report(&mut subject);
    let next = directory.path().join("next");
    std::os::unix::fs::symlink("b/file", &next).unwrap();
    fs::rename(next, &path).unwrap();
    assert_one_report(&mut subject);
}

#[test]
fn installing_twice_is_refused_and_dropping_leaves_no_thread() {
    let directory = tempfile::tempdir().unwrap();
    let mut subject = watching(&directory.path().join("trigger"));
    let with = subject.order("threads");
    assert!(with.split(',').any(|name| name == "gmr"), "{with}");
    assert_eq!(subject.order("again"), "done");
    assert_eq!(subject.order("drop"), "done");
    // The file watcher's thread has nothing to do any more, but nobody can join it: it is seen on its way out at times.
    wait_for(|| match subject.order("threads") {
        left if left == "subject" => Ok(()),
        left => Err(left),
    });
    assert_eq!(subject.order("install"), "done");
    assert_eq!(subject.order("trigger"), "done");
    assert_eq!(subject.report().header.trigger.kind, TriggerKind::Call);
}
