//! A child process with a reporter that gets into trouble, and what its parent reads in its reports.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use gmr::report::format::emergency;
use gmr::report::resolve::{self, CodeOffset};
use gmr::report::{Block, Call, Format, Report, Trace};
use gmr_inspect::debug_files::ObjectFile;
use gmr_inspect::symbols;
use gmr_test_support::{wait_for, wait_until};
use rustix::process::{Pid, Signal, kill_process};

/// Names the directory in which a child finds and leaves its files.
pub const PLACE: &str = "GMR_TEST_EMERGENCY";
/// How a child ends that went as it should.
const SUCCESS: i32 = 23;

/// The directory, in a child.
pub fn place_of_child() -> Option<PathBuf> {
    std::env::var_os(PLACE).map(PathBuf::from)
}

/// Where a thread of the application waits.
#[inline(never)]
fn stands_here() {
    loop {
        std::hint::black_box(());
        std::thread::park();
    }
}

/// A child's reporter, and a thread whose stack is known.
pub fn install(place: &Path, format: Format) -> gmr::Guard {
    let (begun, begins) = std::sync::mpsc::channel();
    let worker = move || {
        begun.send(()).unwrap();
        stands_here();
    };
    std::thread::Builder::new().name("worker-1".to_owned()).spawn(worker).unwrap();
    // A thread that starts needs what is about to hang.
    begins.recv().unwrap();
    let mut settings = gmr::Settings::default();
    settings.deadline = Duration::from_millis(500);
    settings.format = format;
    if format == Format::Text {
        settings.log_dir = Some(place.join("reports"));
        std::fs::create_dir(place.join("reports")).unwrap();
    }
    gmr::Builder::new(gmr::Package::new("subject", "1.2.3")).settings(settings).install().unwrap()
}

/// Tells the parent something by a file.
pub fn tell(place: &Path, what: &str) {
    std::fs::write(place.join(what), "").unwrap();
}

/// Waits in a child for what the parent tells, and ends it.
pub fn end_when_told(place: &Path) -> ! {
    wait_until("the parent says it is over", || place.join("over").exists());
    std::process::exit(SUCCESS);
}

/// A child, from the parent's point of view.
pub struct Subject {
    pub child: Child,
    place: tempfile::TempDir,
}

impl Subject {
    /// Runs this test again, as a child.
    pub fn start(test: &str, prepare: impl FnOnce(&mut Command)) -> Subject {
        let place = tempfile::tempdir().unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(PLACE, place.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        prepare(&mut command);
        let child = command.spawn().unwrap();
        Subject { child, place }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    pub fn wait_until_told(&self, what: &str) {
        wait_until(what, || self.path(what).exists());
    }

    pub fn signal(&self) {
        kill_process(Pid::from_child(&self.child), Signal::USR2).unwrap();
    }

    /// The id of the thread of this name, once there is one.
    pub fn thread(&self, name: &str) -> u32 {
        wait_for(|| {
            let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
            let found = threads.flatten().find(|thread| {
                std::fs::read_to_string(thread.path().join("comm")).is_ok_and(|comm| comm.trim_end() == name)
            });
            let id = found.and_then(|thread| thread.file_name().into_string().ok()?.parse().ok());
            id.ok_or_else(|| format!("no thread {name}"))
        })
    }

    /// The number of the system call that a thread is in.
    pub fn system_call(&self, thread: u32) -> Option<i64> {
        let path = format!("/proc/{}/task/{thread}/syscall", self.child.id());
        std::fs::read_to_string(path).ok()?.split(' ').next()?.parse().ok()
    }

    /// The whole text reports whose names have this in them, at least as many as are wanted.
    pub fn reports(&self, mark: &str, count: usize) -> Vec<String> {
        wait_for(|| {
            let files = std::fs::read_dir(self.path("reports")).into_iter().flatten().flatten();
            let mut files: Vec<_> = files.map(|file| file.path()).collect();
            files.sort();
            let is_wanted = |path: &&PathBuf| {
                let name = path.file_name().unwrap().to_string_lossy();
                name.contains("_gurumeditation_") && name.contains("_emergency.") == (mark == "emergency")
            };
            let texts: Vec<String> = files
                .iter()
                .filter(is_wanted)
                .filter_map(|path| std::fs::read_to_string(path).ok())
                .collect();
            let whole = texts.len() >= count && texts.iter().all(|text| text.contains(" end of the report "));
            if whole { Ok(texts) } else { Err(format!("{mark}: {} of {count} in {files:?}", texts.len())) }
        })
    }

    /// Lets it end, and sees that it went on as it should.
    pub fn end(mut self) {
        std::fs::write(self.path("over"), "").unwrap();
        // It must not wait for a reader of what it says.
        drop(self.child.stderr.take());
        let status = wait_for(|| self.child.try_wait().unwrap().ok_or("it goes on"));
        assert_eq!(status.code(), Some(SUCCESS), "{status}");
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        // It is gone already if the test went as it should.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A report with the names of this program's functions.
pub fn resolved(mut report: Report) -> Report {
    let own = std::env::current_exe().unwrap();
    let build_id = ObjectFile::open(&own).unwrap().build_id();
    let files = resolve::LoadedFiles::of(&report);
    let served = files.served_by(&own, build_id.as_deref()).unwrap();
    resolve::resolve(&mut report, &served[0].path, false, |offsets| {
        let code = |offset: &CodeOffset| match *offset {
            CodeOffset::Instruction(offset) => symbols::CodeOffset::Instruction(offset),
            CodeOffset::Return(offset) => symbols::CodeOffset::Return(offset),
        };
        let code: Vec<_> = offsets.iter().map(code).collect();
        let found = symbols::resolve_file(&own, build_id.as_deref(), &[], &code)?;
        let calls = |symbols: &Vec<symbols::Symbol>| {
            symbols.iter().map(|symbol| Call::of(symbol.function.as_str())).collect()
        };
        Ok::<_, symbols::ResolveError>(found.iter().map(|symbols| calls(&symbols.to_vec())).collect())
    })
    .unwrap();
    report
}

pub fn trace<'r>(report: &'r Report, thread: &str) -> &'r Trace {
    let traces = report.section("threads").unwrap().blocks.iter().filter_map(|block| match block {
        Block::Trace(trace) => Some(trace),
        _ => None,
    });
    let named = |trace: &&Trace| trace.members[0].name.as_deref() == Some(thread);
    let mut names = Vec::new();
    traces
        .inspect(|trace| names.push(trace.title.clone()))
        .find(named)
        .unwrap_or_else(|| panic!("no thread {thread} in {names:?}"))
}

/// Whether the thread stands below this function.
#[track_caller]
pub fn assert_stands_in(report: &Report, thread: &str, function: &str) {
    let trace = trace(report, thread);
    let mut functions = trace.frames.iter().flat_map(|frame| &frame.calls).map(|call| &call.function);
    assert!(functions.any(|name| name.contains(function)), "{thread} is not in {function}: {trace:#?}");
}

/// What every emergency report of a subject has.
#[track_caller]
pub fn assert_emergency(text: &str) -> Report {
    let report = resolved(emergency::read(text).unwrap());
    assert_eq!((report.header.service.as_str(), report.header.version.as_str()), ("subject", "1.2.3"));
    assert!(report.look_at().any(|(_, line)| line.contains("was not finished after")), "{text}");
    assert_stands_in(&report, "worker-1", "stands_here");
    assert!(trace(&report, "worker-1").summary[0].starts_with("asleep in futex on 0x"), "{text}");
    trace(&report, "gmr-emergency");
    report
}

/// The normal report comes later, and tells of the other one.
#[track_caller]
pub fn assert_told(reports: &[String]) {
    // On a loaded machine the next one may have been late, too.
    let told = |text: &String| text.contains("written, since a report was not finished in time");
    assert!(reports.iter().any(told), "{reports:?}");
}
