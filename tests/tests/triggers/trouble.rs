//! Programs in trouble: storms of signals, descriptors that are closed behind the reporter's back, disks that hang.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use gmr::report::TriggerKind;
use gmr_test_support::subject::{Subject, names};
use gmr_test_support::{skip, wait_for};
use rustix::process::{PidfdFlags, Signal};

use super::SUBJECT;

/// How many kilobytes of its own memory are resident; pages of files that are read are the kernel's.
fn resident(subject: &Subject) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", subject.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn ten_thousand_signals_are_answered_together_and_leave_nothing_behind() {
    const SIGNALS: u32 = 10_000;
    let directory = tempfile::tempdir().unwrap();
    let variables: [(&str, &dyn AsRef<OsStr>); 3] =
        [("GMR_LOG_DIR", &directory.path()), ("GMR_FORMAT", &"json"), ("GMR_KEEP", &"3")];
    let mut subject = Subject::start(SUBJECT, "plain", &variables);
    let burst = |subject: &mut Subject| {
        (0..SIGNALS).for_each(|_| subject.signal(Signal::USR2));
        // The answer to this comes after the report of the last signal.
        assert_eq!(subject.order("report /dev/null"), "done");
        assert_eq!(subject.order("report /dev/null"), "done");
    };
    burst(&mut subject);
    let before = resident(&subject);
    burst(&mut subject);
    let after = resident(&subject);
    assert!(after < before + 8 * 1024, "{before} kB have become {after} kB");
    let last = names(directory.path()).pop().unwrap();
    let number: u32 = last.trim_end_matches(".json").rsplit_once('_').unwrap().1.parse().unwrap();
    assert!(number < SIGNALS / 10, "{number} reports: the signals were not answered together");
    assert_eq!(subject.order("drop"), "done");
    assert!(subject.end().0.success());
}

#[test]
fn signals_while_it_is_installed_dropped_and_ends() {
    let mut subject = Subject::start(SUBJECT, "plain", &[]);
    let stderr = subject.stderr.take().unwrap();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Somebody reads what it writes.
        scope.spawn(|| std::io::copy(&mut { stderr }, &mut std::io::sink()));
        let id = rustix::process::Pid::from_raw(subject.id() as i32).unwrap();
        // No other process that gets the same id later.
        let process = rustix::process::pidfd_open(id, PidfdFlags::empty()).unwrap();
        let over = &over;
        scope.spawn(move || {
            while !over.load(Ordering::Acquire) {
                // It may have ended.
                let _ = rustix::process::pidfd_send_signal(&process, Signal::USR2);
            }
        });
        for _ in 0..20 {
            assert_eq!(subject.order("drop"), "done");
            assert_eq!(subject.order("install"), "done");
        }
        // It returns from `main` with the reporter installed.
        let (status, _) = subject.end();
        over.store(true, Ordering::Release);
        assert!(status.success(), "{status}");
    });
}

#[test]
fn descriptors_that_are_closed_and_whose_numbers_the_program_uses_again() {
    let directory = tempfile::tempdir().unwrap();
    let [reports, data, plugins] = ["reports", "data", "plugins"].map(|name| directory.path().join(name));
    let trigger = directory.path().join("trigger");
    for folder in [&reports, &data, &plugins] {
        fs::create_dir(folder).unwrap();
    }
    let variables: [(&str, &dyn AsRef<OsStr>); 3] =
        [("GMR_LOG_DIR", &reports), ("GMR_FILE_EVENT_HANDLER", &trigger), ("GMR_PLUGIN_DIR", &plugins)];
    let mut subject = Subject::start(SUBJECT, "plain", &variables);
    // It has looked at the plugins' folder: nobody is just opening a file.
    assert_eq!(subject.order("report /dev/null"), "done");
    assert_eq!(subject.order(&format!("close {}", data.display())), "done");
    for number in 1..=3 {
        // By each way that wakes it.
        fs::write(&trigger, number.to_string()).unwrap();
        wait_for(|| {
            if names(&reports).len() >= 2 * number - 1 { Ok(()) } else { Err("the touch has no report") }
        });
        assert_eq!(subject.order("trigger"), "done");
        wait_for(|| if names(&reports).len() == 2 * number { Ok(()) } else { Err("the call has no report") });
        subject.signal_taken(Signal::USR2);
    }
    assert_eq!(subject.order("write"), "done");
    wait_for(|| all_asleep(&subject));
    assert_eq!(subject.order("drop"), "done");
    assert_eq!(subject.order("write"), "done");
    for name in names(&data) {
        assert_eq!(fs::read_to_string(data.join(&name)).unwrap(), "datamoremore", "{name}");
    }
    let (status, text) = subject.end();
    assert!(status.success(), "{status}");
    assert_eq!(text.matches("triggered by").count(), 3, "{text}");
    assert_eq!(text.matches("Guru Meditation").count(), 0, "{text}");
}

/// Whether none of the reporter's threads runs.
fn all_asleep(subject: &Subject) -> Result<(), String> {
    for task in fs::read_dir(format!("/proc/{}/task", subject.id())).unwrap().flatten() {
        let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        if stat.contains(") R ") {
            return Err(stat);
        }
    }
    Ok(())
}

#[test]
fn half_a_line_of_the_program_does_not_hide_the_banner() {
    let mut subject = Subject::start(SUBJECT, "plain", &[]);
    assert_eq!(subject.order("half"), "done");
    assert_eq!(subject.order("trigger"), "done");
    assert_eq!(subject.order("drop"), "done");
    let (_, text) = subject.end();
    assert!(text.starts_with(&format!("half a line\n{}\n", "=".repeat(72))), "{text}");
}

#[test]
fn fifty_processes_write_into_one_directory_at_once() {
    const PROCESSES: usize = 50;
    let directory = tempfile::tempdir().unwrap();
    let variables: [(&str, &dyn AsRef<OsStr>); 3] =
        [("GMR_LOG_DIR", &directory.path()), ("GMR_FORMAT", &"json"), ("GMR_KEEP", &"2")];
    let mut subjects: Vec<_> = (0..PROCESSES).map(|_| Subject::start(SUBJECT, "plain", &variables)).collect();
    subjects.iter().for_each(|subject| subject.signal(Signal::USR2));
    subjects.iter_mut().for_each(|subject| assert_eq!(subject.order("drop"), "done"));
    // None has taken away what another one was just asked for.
    let names = names(directory.path());
    assert_eq!(names.len(), PROCESSES, "{names:?}");
    for name in names {
        let text = fs::read_to_string(directory.path().join(name)).unwrap();
        assert_eq!(gmr::report::format::json::read(&text).unwrap().header.trigger.kind, TriggerKind::Signal);
    }
    for subject in subjects {
        let (status, text) = subject.end();
        assert!(status.success() && text.is_empty(), "{status} {text}");
    }
}

#[test]
fn a_disk_that_hangs_costs_its_time_and_not_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::mount(folder.path()) else {
        return skip("no file system can be mounted and frozen");
    };
    let variables: [(&str, &dyn AsRef<OsStr>); 2] = [("GMR_LOG_DIR", &disk.0), ("GMR_SERVICE", &"on-disk")];
    let mut subject = Subject::start(SUBJECT, "plain", &variables);
    assert!(disk.freeze("-f"));
    assert_eq!(subject.order("trigger"), "done");
    // Answered when the reporter has given the file up.
    assert_eq!(subject.order("report /dev/null"), "done");
    assert_eq!(subject.order("trigger"), "done");
    assert_eq!(subject.order("report /dev/null"), "done");
    assert_eq!(subject.order("drop"), "done");
    assert!(disk.freeze("-u"));
    let (status, text) = subject.end();
    assert!(status.success(), "{status}");
    for reason in ["it was not written in time", "an earlier report was not written in time"] {
        assert!(
            text.contains(&format!("gmr: no report could be written to {}: {reason}", disk.0.display())),
            "{text}"
        );
    }
    assert_eq!(text.matches("Guru Meditation").count(), 2, "{text}");
}

/// A small file system that can be frozen: whoever writes to it then waits until it is thawed.
struct Disk(PathBuf);

impl Disk {
    fn mount(folder: &Path) -> Option<Disk> {
        let (image, mounted) = (folder.join("image"), folder.join("disk"));
        fs::File::create(&image).and_then(|file| file.set_len(16 << 20)).ok()?;
        fs::create_dir(&mounted).ok()?;
        let run = |program: &str, arguments: &[&OsStr]| {
            Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
        };
        let is_mounted = run("mkfs.ext4", &["-q".as_ref(), image.as_ref()])
            && run("mount", &["-o".as_ref(), "loop".as_ref(), image.as_ref(), mounted.as_ref()]);
        is_mounted.then_some(Disk(mounted))
    }

    fn freeze(&self, how: &str) -> bool {
        Command::new("fsfreeze").arg(how).arg(&self.0).output().is_ok_and(|output| output.status.success())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // A subject that is killed while it waits for the disk ends only then.
        self.freeze("-u");
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
