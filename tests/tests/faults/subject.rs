//! The running program: orders and signals to it, the reports that it writes, and what became of it.

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use gmr_test_support::{wait_for, wait_until};
use rustix::process::{Pid, Signal};

use crate::errors::Errors;
use crate::launch::MARK;
use crate::line::Told;
use crate::load::Load;
use crate::report::Seen;
use crate::stage::PATIENCE;

/// A running program. It is killed with its line.
pub struct Subject {
    child: Child,
    pid: Pid,
    mark: String,
    orders: Option<ChildStdin>,
    answers: mpsc::Receiver<String>,
    errors: Errors,
    load: Option<Load>,
    descriptors: Option<usize>,
}

/// Every process of the program that runs. A line that hangs is left behind, and its process must not be.
static RUNNING: Mutex<Vec<(Pid, String)>> = Mutex::new(Vec::new());

/// Kills what lines that did not end have left.
pub fn kill_those_left() {
    for (process, mark) in RUNNING.lock().expect("nobody panics with it").drain(..) {
        kill(process, &mark);
    }
}

/// Kills a process if it is still the one that was started: its number may be somebody else's by now.
fn kill(process: Pid, mark: &str) {
    if is_marked(&process.as_raw_nonzero().to_string(), mark) {
        let _ = rustix::process::kill_process(process, Signal::KILL);
    }
}

impl Subject {
    /// Starts the command, and waits until the program in it is ready.
    pub fn start(mut command: Command, mark: &str, connections: usize) -> Subject {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
        let answers = lines(child.stdout.take().expect("piped"));
        let errors = Errors::default();
        if let Some(stderr) = child.stderr.take() {
            errors.collect(stderr);
        }
        let pid = Pid::from_child(&child);
        let orders = child.stdin.take();
        let mark = mark.to_owned();
        let mut subject =
            Subject { child, pid, mark, orders, answers, errors, load: None, descriptors: None };
        let ready = subject.answer();
        let mut words = ready.split(' ');
        assert_eq!(words.next(), Some("ready"), "it does not start: {ready}; {}", subject.errors());
        let port = words.next().and_then(|port| port.parse().ok()).expect("a port");
        subject.pid = find(subject.pid, &subject.mark);
        RUNNING.lock().expect("nobody panics with it").push((subject.pid, subject.mark.clone()));
        if connections > 0 {
            subject.load = Some(Load::start(port, connections));
            subject.let_requests_pass(3);
        }
        // Debug information is read once, at install: reports before that say so.
        wait_until("debug information is never read", || {
            subject.threads().all(|(name, _)| name != "gmr-index")
        });
        subject.descriptors = subject.open_descriptors();
        subject
    }

    /// Its process id, as this program sees it.
    pub fn id(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// The next line that it says.
    pub fn answer(&self) -> String {
        self.answers.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            panic!("the application says nothing; {}; {}", self.state(), self.errors());
        })
    }

    /// Gives an order, whose answer comes later or never.
    pub fn tell(&mut self, order: &str) {
        let orders = self.orders.as_mut().expect("it has its input");
        writeln!(orders, "{order}").unwrap_or_else(|error| panic!("the application is gone: {error}"));
    }

    /// Gives an order and returns the answer.
    pub fn ask(&mut self, order: &str) -> String {
        self.tell(order);
        let answer = self.answer();
        assert!(!answer.starts_with("failed"), "{order}: {answer}");
        answer
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let sent = rustix::process::kill_process(self.pid, signal);
        sent.unwrap_or_else(|error| panic!("the application is gone ({error}); {}", self.errors()));
    }

    /// Asks for a report by the signal, and returns it.
    pub fn report(&self) -> Seen {
        self.signal(Signal::USR2);
        self.next_report()
    }

    /// The next report on its standard error.
    pub fn next_report(&self) -> Seen {
        let seen = self.errors.next_report(PATIENCE);
        seen.unwrap_or_else(|| panic!("no report; {}; standard error: {:?}", self.state(), self.errors()))
    }

    /// Reads its standard error from here.
    pub fn read_errors_from(&self, reader: impl Read + Send + 'static) {
        self.errors.collect(reader);
    }

    /// Waits until its standard error holds this text, and returns all of it.
    pub fn wait_for_error(&self, text: &str) -> String {
        wait_for(|| {
            let errors = self.all_errors();
            let is_there = errors.contains(text);
            if is_there { Ok(errors) } else { Err(format!("no {text:?} in {:?}", self.errors())) }
        })
    }

    /// The beginning of what it has written to standard error so far beside reports that were read.
    pub fn errors(&self) -> String {
        self.all_errors().chars().take(600).collect()
    }

    /// All of that.
    pub fn all_errors(&self) -> String {
        self.errors.text()
    }

    /// How many reports on its standard error have not been read yet.
    pub fn reports_left(&self) -> usize {
        std::iter::from_fn(|| self.errors.next_report(Duration::ZERO)).count()
    }

    /// Waits until so many more requests are answered: the application had time for what else it does.
    pub fn let_requests_pass(&self, count: u64) {
        let Some(load) = &self.load else { return };
        let enough = load.answered() + count;
        wait_for(|| {
            let answered = load.answered();
            assert!(!self.is_gone(), "the application is gone; {}", self.errors());
            if answered >= enough {
                Ok(())
            } else {
                Err(format!("{answered} requests answered; {}", self.state()))
            }
        });
    }

    /// The reporter's threads use next to nothing while they have nothing to do: a spinning one never comes to rest.
    ///
    /// # Panics
    ///
    /// If they do not come to rest.
    pub fn rests(&self) {
        /// Some hundredths of a second, in which a spinning thread takes far more than this.
        const REQUESTS: u64 = 60;
        const TICKS: u64 = 3;
        let end = Instant::now() + PATIENCE;
        loop {
            let before = self.ticks_of_reporter();
            if self.load.is_some() {
                self.let_requests_pass(REQUESTS);
            } else {
                (0..REQUESTS).for_each(|_| thread::sleep(Duration::from_millis(5)));
            }
            let taken = self.ticks_of_reporter().saturating_sub(before);
            if taken <= TICKS {
                return;
            }
            assert!(
                Instant::now() < end,
                "the reporter's threads spin: {taken} ticks while nothing was asked"
            );
        }
    }

    /// The time on a processor that the reporter's threads have taken, in ticks of 10 ms.
    fn ticks_of_reporter(&self) -> u64 {
        let threads = fs::read_dir(self.proc("task")).into_iter().flatten().flatten();
        let ticks = threads.filter_map(|thread| {
            let stat = fs::read_to_string(thread.path().join("stat")).ok()?;
            let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
            let is_ours = name.starts_with("gmr") || name.starts_with("notify");
            let fields: Vec<&str> = rest.split_whitespace().collect();
            is_ours.then(|| fields[11].parse::<u64>().unwrap_or(0) + fields[12].parse::<u64>().unwrap_or(0))
        });
        ticks.sum()
    }

    /// The names and ids of its threads.
    pub fn threads(&self) -> impl Iterator<Item = (String, u32)> {
        let threads = fs::read_dir(self.proc("task")).into_iter().flatten().flatten();
        threads.filter_map(|thread| {
            let name = fs::read(thread.path().join("comm")).ok()?;
            let name = String::from_utf8_lossy(&name).trim_end().to_owned();
            Some((name, thread.file_name().into_string().ok()?.parse().ok()?))
        })
    }

    /// How many descriptors it has open, where that can be seen.
    pub fn open_descriptors(&self) -> Option<usize> {
        Some(fs::read_dir(self.proc("fd")).ok()?.count())
    }

    /// A file of its own below /proc.
    pub fn proc(&self, name: &str) -> std::path::PathBuf {
        Path::new("/proc").join(self.id().to_string()).join(name)
    }

    /// A line of its status, such as `VmRSS`, without its name.
    pub fn status(&self, name: &str) -> Option<String> {
        let status = fs::read_to_string(self.proc("status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        Some(line.trim().to_owned())
    }

    fn is_gone(&self) -> bool {
        self.status("State").is_none_or(|state| state.starts_with(['Z', 'X']))
    }

    fn state(&self) -> String {
        self.status("State")
            .map_or("the process is gone".to_owned(), |state| format!("the process is {state}"))
    }

    /// It lives, answers, has the descriptors that it had, and its reporter rests; in words.
    ///
    /// # Panics
    ///
    /// If something of that is not so.
    pub fn lives(&mut self) -> String {
        self.rests();
        let mut told = vec!["alive".to_owned()];
        if let Some(load) = self.load.take() {
            told.push(format!("{} requests, 0 failed", load.stop()));
        }
        if let Some(before) = self.descriptors {
            // A report that is being written still, to somebody who does not read, holds some.
            let now = wait_for(|| {
                let now = self.open_descriptors().ok_or("the application is gone".to_owned())?;
                let more =
                    || format!("{before} descriptors before, {now} after: {}", self.descriptor_targets());
                if now <= before { Ok(now) } else { Err(more()) }
            });
            told.push(format!("{now} descriptors"));
        }
        told.join(", ")
    }

    /// Ends the requests, and returns how many were answered.
    ///
    /// # Panics
    ///
    /// If one was not.
    pub fn end_load(&mut self) -> u64 {
        self.load.take().map_or(0, Load::stop)
    }

    /// The condition itself changes the number of descriptors.
    pub fn descriptors_differ(&mut self) {
        self.descriptors = None;
    }

    fn descriptor_targets(&self) -> String {
        let entries = fs::read_dir(self.proc("fd")).into_iter().flatten().flatten();
        let targets = entries.filter_map(|entry| fs::read_link(entry.path()).ok());
        targets.map(|target| target.display().to_string()).collect::<Vec<_>>().join(" ")
    }

    /// It ends by itself when it is told to, with code 0; in words.
    ///
    /// # Panics
    ///
    /// If it does not.
    pub fn ends(&mut self) -> String {
        drop(self.orders.take());
        let status = self.wait();
        assert!(status.success(), "it ends with {status} instead of 0; {}", self.errors());
        "exit 0".to_owned()
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// If it does not end.
    pub fn wait(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return status;
            }
            assert!(Instant::now() < end, "the application does not end: {}", self.state());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// How its line reads where all is well: what the report had, and that the application lives, then ends.
    pub fn finish(mut self, report: impl Into<String>) -> Told {
        let lives = self.lives();
        let ends = self.ends();
        Told { report: report.into(), application: format!("{lives}, {ends}") }
    }

    /// The same of an application that cannot end by itself any more: it is killed.
    pub fn finish_by_kill(mut self, report: impl Into<String>) -> Told {
        let lives = self.lives();
        Told { report: report.into(), application: lives }
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        RUNNING.lock().expect("nobody panics with it").retain(|(process, _)| *process != self.pid);
        // It is gone already if the line went as it should.
        kill(self.pid, &self.mark);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(pipe: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (line, lines) = mpsc::channel();
    thread::spawn(move || {
        for read in BufReader::new(pipe).lines().map_while(Result::ok) {
            // Nobody may want to know any more.
            let _ = line.send(read);
        }
    });
    lines
}

/// The program's own process: the child itself, or the one that was started by what stands before it.
fn find(child: Pid, mark: &str) -> Pid {
    let is_program = |id: &str| {
        let program = fs::read_link(Path::new("/proc").join(id).join("exe")).unwrap_or_default();
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let stands_before = ["", "sh", "dash", "bash", "unshare", "setpriv", "prlimit"];
        !stands_before.contains(&name.as_str()) && !name.starts_with("python")
    };
    if is_program(&child.as_raw_nonzero().to_string()) {
        return child;
    }
    let processes = fs::read_dir("/proc").expect("it is mounted").flatten();
    let ids = processes.filter_map(|process| process.file_name().into_string().ok());
    let ids = ids.filter(|id| id.bytes().all(|byte| byte.is_ascii_digit()));
    let found = ids.filter(|id| is_marked(id, mark) && is_program(id));
    let ids: Vec<i32> = found.filter_map(|id| id.parse().ok()).collect();
    let [id] = ids[..] else { panic!("not one process of the program: {ids:?}") };
    Pid::from_raw(id).expect("it is not 0")
}

/// Whether the process of this id was started with this mark in its environment.
fn is_marked(id: &str, mark: &str) -> bool {
    let mark = format!("{MARK}={mark}\0");
    let environment = fs::read(Path::new("/proc").join(id).join("environ")).unwrap_or_default();
    environment.windows(mark.len()).any(|part| part == mark.as_bytes())
}
