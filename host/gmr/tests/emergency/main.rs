//! Emergency reports: with an allocator that gives no answer, with glibc's arena locked, in a constructor that hangs below
//! `dlopen`, with the reporter itself stopped. Each in a process of its own, which goes on afterwards.
#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

mod subject;

use std::ffi::CString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gmr::report::Format;
use gmr::report::format::json;
use gmr_test_support::trouble::{self, Hanging, StoppedThread, Who};
use gmr_test_support::{skip, wait_until};
use subject::{
    PLACE, Subject, assert_emergency, assert_stands_in, assert_told, end_when_told, install, place_of_child,
    resolved, tell, trace,
};

#[global_allocator]
static ALLOCATOR: Hanging = Hanging;

#[inline(never)]
fn allocates_here() {
    drop(std::hint::black_box(Box::new(7)));
}

/// The allocator hangs for these threads.
fn hanging_allocator(test: &str, who: Who) {
    if let Some(place) = place_of_child() {
        trouble::spare_this_thread();
        let guard = install(&place, Format::Text);
        let release = CString::new(place.join("release").into_os_string().into_vec()).unwrap();
        let hangs = Arc::new(AtomicBool::new(false));
        let (begun, begins) = std::sync::mpsc::channel();
        let (seen, releasing) = (hangs.clone(), begun.clone());
        std::thread::spawn(move || {
            releasing.send(()).unwrap();
            trouble::release_at_file(&release);
        });
        let allocating = std::thread::Builder::new().name("allocating".to_owned()).spawn(move || {
            begun.send(()).unwrap();
            while !seen.load(Ordering::SeqCst) {
                std::thread::park();
            }
            allocates_here();
        });
        // Threads that start need what is about to hang.
        (0..2).for_each(|_| begins.recv().unwrap());
        trouble::hang(who);
        hangs.store(true, Ordering::SeqCst);
        allocating.as_ref().unwrap().thread().unpark();
        guard.trigger();
        if who == Who::Others {
            allocates_here();
            tell(&place, "goes-on");
        }
        end_when_told(&place);
    }
    let subject = Subject::start(test, |_| {});
    let report = assert_emergency(&subject.reports("emergency", 1)[0]);
    assert_stands_in(&report, "gmr", "no_answer");
    assert_stands_in(&report, "allocating", "allocates_here");
    if who == Who::Others {
        subject.wait_until_told("goes-on");
    }
    std::fs::write(subject.path("release"), "").unwrap();
    assert_told(&subject.reports("normal", 1));
    subject.end();
}

#[test]
fn an_allocator_that_answers_nobody() {
    hanging_allocator("an_allocator_that_answers_nobody", Who::All);
}

#[test]
fn an_allocator_that_answers_the_application_alone() {
    hanging_allocator("an_allocator_that_answers_the_application_alone", Who::Others);
}

#[test]
#[cfg(target_env = "gnu")]
fn glibcs_arena_locked() {
    if let Some(place) = place_of_child() {
        let _guard = install(&place, Format::Text);
        let flags = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::NONBLOCK;
        let pipe = rustix::fs::open("/proc/self/fd/2", flags, rustix::fs::Mode::empty()).unwrap();
        while rustix::io::write(&pipe, &[b' '; 4096]).is_ok() {}
        let thread = std::thread::Builder::new().name("arena".to_owned());
        let locking = thread.spawn(trouble::print_with_arena_locked).unwrap();
        // Asks for no memory before the lock is given back.
        locking.join().unwrap();
        end_when_told(&place);
    }
    // Threads have an arena each otherwise.
    let mut subject = Subject::start("glibcs_arena_locked", |command| {
        command.env("MALLOC_ARENA_MAX", "1");
    });
    let thread = subject.thread("arena");
    wait_until("the lock is held", || subject.system_call(thread) == Some(NUMBER_OF_WRITE));
    subject.signal();
    let report = assert_emergency(&subject.reports("emergency", 1)[0]);
    let reporter = trace(&report, "gmr");
    let innermost = reporter.frames[0].module.as_deref().unwrap();
    assert!(innermost.contains("libc"), "{reporter:#?}");
    assert!(reporter.summary[0].starts_with("asleep in futex on"), "{reporter:#?}");
    let mut stderr = subject.child.stderr.take().unwrap();
    let reader = std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
    assert_told(&subject.reports("normal", 1));
    subject.end();
    reader.join().unwrap().unwrap();
}

/// The numbers of `write` and `openat`.
const NUMBER_OF_WRITE: i64 = if cfg!(target_arch = "x86_64") { 1 } else { 64 };
const NUMBER_OF_OPENAT: i64 = if cfg!(target_arch = "x86_64") { 257 } else { 56 };

/// Stops the thread that makes the reports; `None` where that is not allowed.
fn stop_reporter(subject: &Subject) -> Option<StoppedThread> {
    StoppedThread::stop(subject.thread("gmr")).map_err(|error| skip(format_args!("no ptrace: {error}"))).ok()
}

#[test]
fn a_reporter_that_is_stopped() {
    if let Some(place) = place_of_child() {
        let _guard = install(&place, Format::Text);
        tell(&place, "ready");
        end_when_told(&place);
    }
    let subject = Subject::start("a_reporter_that_is_stopped", |_| {});
    subject.wait_until_told("ready");
    let Some(stopped) = stop_reporter(&subject) else { return };
    subject.signal();
    let report = assert_emergency(&subject.reports("emergency", 1)[0]);
    assert!(trace(&report, "gmr").summary[0].starts_with("stopped"), "{report:#?}");
    assert_stands_in(&report, "gmr", "gmr::worker");
    // Another one, since it was asked for again.
    subject.signal();
    subject.reports("emergency", 2).iter().for_each(|text| drop(assert_emergency(text)));
    drop(stopped);
    assert_told(&subject.reports("normal", 1));
    subject.end();
}

#[test]
fn a_reporter_that_is_stopped_where_reports_go_to_standard_error_in_json() {
    const TEST: &str = "a_reporter_that_is_stopped_where_reports_go_to_standard_error_in_json";
    if let Some(place) = place_of_child() {
        let _guard = install(&place, Format::Json);
        tell(&place, "ready");
        end_when_told(&place);
    }
    let mut subject = Subject::start(TEST, |_| {});
    subject.wait_until_told("ready");
    let Some(stopped) = stop_reporter(&subject) else { return };
    subject.signal();
    let stderr = subject.child.stderr.take().unwrap();
    let mut documents = serde_json::Deserializer::from_reader(stderr).into_iter::<serde_json::Value>();
    let mut next = || json::read(&documents.next().unwrap().unwrap().to_string()).unwrap();
    let report = resolved(next());
    assert_eq!(report.header.trigger.kind.word(), "watchdog");
    assert_stands_in(&report, "worker-1", "stands_here");
    drop(stopped);
    let is_normal = |report: &gmr::report::Report| report.header.trigger.kind.word() != "watchdog";
    let normal = std::iter::from_fn(|| Some(next())).find(is_normal).unwrap();
    assert!(
        normal.look_at().any(|(_, line)| line.contains("written, since a report was not finished in time"))
    );
    subject.end();
}

/// A C library whose constructor waits until a pipe has a writer; `None` where none can be made.
fn library(place: &Path) -> Option<PathBuf> {
    const SOURCE: &str = r#"
        #include <fcntl.h>
        #include <stdlib.h>
        __attribute__((constructor)) static void waits_here(void) { open(getenv("GMR_TEST_RELEASE"), O_RDONLY); }
    "#;
    let (source, library) = (place.join("hangs.c"), place.join("hangs.so"));
    std::fs::write(&source, SOURCE).unwrap();
    let made = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status();
    match made {
        Ok(status) if status.success() => Some(library),
        failed => {
            skip(format_args!("no C compiler: {failed:?}"));
            None
        }
    }
}

#[test]
fn a_constructor_that_hangs_below_dlopen_and_a_reporter_that_is_stopped() {
    const TEST: &str = "a_constructor_that_hangs_below_dlopen_and_a_reporter_that_is_stopped";
    if let Some(place) = place_of_child() {
        let _guard = install(&place, Format::Text);
        let library = CString::new(place.join("hangs.so").into_os_string().into_vec()).unwrap();
        let thread = std::thread::Builder::new().name("opening".to_owned());
        let opening = thread.spawn(move || trouble::open_library(&library)).unwrap();
        tell(&place, "ready");
        assert!(opening.join().unwrap());
        end_when_told(&place);
    }
    let made = tempfile::tempdir().unwrap();
    let Some(library) = library(made.path()) else { return };
    let release = made.path().join("release");
    let made_pipe = Command::new("mkfifo").arg(&release).status().unwrap();
    assert!(made_pipe.success());
    let subject = Subject::start(TEST, |command| {
        command.env("GMR_TEST_RELEASE", &release);
        let place = command.get_envs().find(|(name, _)| *name == PLACE).and_then(|(_, place)| place).unwrap();
        std::fs::copy(&library, Path::new(place).join("hangs.so")).unwrap();
    });
    subject.wait_until_told("ready");
    let opening = subject.thread("opening");
    wait_until("the constructor hangs", || {
        let maps = std::fs::read_to_string(format!("/proc/{}/maps", subject.child.id())).unwrap();
        maps.contains("hangs.so") && subject.system_call(opening) == Some(NUMBER_OF_OPENAT)
    });
    let Some(stopped) = stop_reporter(&subject) else { return };
    subject.signal();
    let report = assert_emergency(&subject.reports("emergency", 1)[0]);
    assert_stands_in(&report, "opening", "open_library");
    let in_library = |path: &String| path.ends_with("hangs.so");
    let opening = trace(&report, "opening");
    assert!(opening.frames.iter().filter_map(|frame| frame.module.as_ref()).any(in_library), "{opening:#?}");
    std::fs::write(release, "").unwrap();
    drop(stopped);
    assert_told(&subject.reports("normal", 1));
    subject.end();
}
