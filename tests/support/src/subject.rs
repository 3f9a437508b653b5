//! A program with a reporter, run as a process of its own: signals, standard error and the reporter belong to a whole
//! process. A test gives it orders, a line each, and reads what it writes.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use gmr_report::Report;
use rustix::process::{Pid, Signal};

/// Longer than anything here takes on a slow machine: whatever waits is ended then, and its test fails.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running subject.
pub struct Subject {
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    /// What it writes to standard error, unless the test has taken it.
    pub stderr: Option<ChildStderr>,
    _watchdog: mpsc::Sender<()>,
}

impl Subject {
    /// Starts this executable with these arguments and variables, and waits until it is ready.
    pub fn start(
        executable: impl AsRef<OsStr>,
        scenario: &str,
        variables: &[(&str, &dyn AsRef<OsStr>)],
    ) -> Subject {
        let mut subject = Subject::unready(executable, scenario, variables);
        assert_eq!(subject.answer(), "ready");
        subject
    }

    /// Starts it without waiting.
    pub fn unready(
        executable: impl AsRef<OsStr>,
        scenario: &str,
        variables: &[(&str, &dyn AsRef<OsStr>)],
    ) -> Subject {
        let mut command = Command::new(executable);
        command.arg(scenario).envs(variables.iter().map(|(name, value)| (name, value.as_ref())));
        // A panic's backtrace takes a second of a debug build's time, the whole of what a closure has.
        command.env_remove("RUST_BACKTRACE");
        Subject::of(command, PATIENCE)
    }

    /// Starts the command, whose process is the subject's from its start on, without waiting until it is ready. It is killed after
    /// so long.
    pub fn of(mut command: Command, patience: Duration) -> Subject {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the subject is built");
        let watchdog = watch(pid(&child), patience);
        Subject {
            orders: child.stdin.take(),
            answers: BufReader::new(child.stdout.take().expect("piped")),
            stderr: child.stderr.take(),
            child,
            _watchdog: watchdog,
        }
    }

    /// The next line that it says.
    pub fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("UTF-8");
        line.trim_end().to_owned()
    }

    /// Gives an order and returns the answer.
    pub fn order(&mut self, order: &str) -> String {
        writeln!(self.orders.as_mut().expect("not ended"), "{order}").expect("the subject lives");
        self.answer()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        rustix::process::kill_process(pid(&self.child), signal).expect("the subject lives");
    }

    /// Sends it a signal, and waits until one of its threads takes that: the kernel drops what comes while the same signal
    /// is pending still.
    pub fn signal_taken(&self, signal: Signal) {
        self.signal(signal);
        let pending = 1_u64 << (signal.as_raw() - 1);
        crate::wait_for(|| {
            let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).expect("it lives");
            let line = status.lines().find_map(|line| line.strip_prefix("ShdPnd:")).expect("Linux tells");
            let signals = u64::from_str_radix(line.trim(), 16).expect("a number");
            if signals & pending == 0 { Ok(()) } else { Err(format!("no thread takes the signal: {status}")) }
        });
    }

    /// Fills the pipe of its standard error, through its own descriptor, so that it has to wait for its reader; returns how
    /// many spaces that took.
    pub fn fill_stderr(&self) -> usize {
        let path = format!("/proc/{}/fd/2", self.id());
        let flags = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::NONBLOCK;
        let pipe =
            rustix::fs::open(&path, flags, rustix::fs::Mode::empty()).expect("standard error is a pipe");
        std::iter::from_fn(|| rustix::io::write(&pipe, &[b' '; 4096]).ok()).sum()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next report that it writes to standard error in JSON.
    pub fn report(&mut self) -> Report {
        let stderr = self.stderr.as_mut().expect("not taken");
        let mut documents = serde_json::Deserializer::from_reader(unbuffered(stderr)).into_iter();
        let value: serde_json::Value = documents.next().expect("a report").expect("JSON");
        gmr_report::format::json::read(&value.to_string()).expect("a report")
    }

    /// Ends it, and returns what it had still written to standard error.
    pub fn end(mut self) -> (ExitStatus, String) {
        drop(self.orders.take());
        let mut rest = String::new();
        if let Some(mut stderr) = self.stderr.take() {
            stderr.read_to_string(&mut rest).expect("UTF-8");
        }
        (self.child.wait().expect("it is our child"), rest)
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        // It is gone already if the test went as it should.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A reader that takes no byte beyond what it is asked for, so that the next report stays in the pipe.
fn unbuffered(reader: &mut impl Read) -> impl Read + '_ {
    reader
}

fn pid(child: &Child) -> Pid {
    Pid::from_child(child)
}

/// Kills a subject that hangs: its pipes close, and reading them fails.
fn watch(process: Pid, patience: Duration) -> mpsc::Sender<()> {
    let (watchdog, over) = mpsc::channel::<()>();
    std::thread::spawn(move || {
        if over.recv_timeout(patience) == Err(mpsc::RecvTimeoutError::Timeout) {
            let _ = rustix::process::kill_process(process, Signal::KILL);
        }
    });
    watchdog
}

/// The names in a directory, sorted.
pub fn names(directory: &Path) -> Vec<String> {
    let entries = directory.read_dir().expect("it exists");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("readable").file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names
}
