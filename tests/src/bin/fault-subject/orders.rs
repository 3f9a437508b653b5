//! The orders that bring the program into trouble, a line each: a word, and what it needs.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use gmr::Guard;
use gmr_test_support::conditions::{self, Fork, Library};
use gmr_test_support::trouble::{self, Who};
use rustix::process::{Resource, Rlimit};

use crate::storms::Storms;
use crate::{contents, workload};

/// What comes after an order.
pub enum Next {
    /// This answer, and the next order.
    Answer(String),
    /// The end of the program, with this code.
    End(u8),
}

/// What orders have changed.
#[derive(Default)]
pub struct Orders {
    /// What reports are of.
    pub contents: String,
    guard: Option<Guard>,
    files: Vec<File>,
    spins: Arc<AtomicBool>,
    storms: Storms,
}

/// Answers by the system call, since the lock of the standard library's own way may be held by an order.
pub fn say(answer: &str) {
    // The test may be gone.
    let _ = rustix::io::write(io::stdout(), format!("{answer}\n").as_bytes());
}

impl Orders {
    pub fn install(&mut self) -> Result<(), gmr::Error> {
        self.guard = Some(contents::builder(&self.contents).install()?);
        Ok(())
    }

    pub fn carry_out(&mut self, order: &str) -> Next {
        let (word, rest) = order.split_once(' ').unwrap_or((order, ""));
        let done = match word {
            "end" => return Next::End(rest.parse().unwrap_or_default()),
            "exit" => std::process::exit(number(rest)),
            "drop" => {
                drop(self.guard.take());
                Ok(())
            }
            "install" => self.install().map_err(io::Error::other),
            "report" => return Next::Answer(self.report()),
            "polls" => return Next::Answer(workload::polls().to_string()),
            "caught" => return Next::Answer(conditions::caught_signals().to_string()),
            // What any program does that logs in two writes.
            "half-line" => rustix::io::write(io::stderr(), b"half a line").map(drop).map_err(io::Error::from),
            "storm" => {
                self.storms.start(rest);
                Ok(())
            }
            "calm" => return Next::Answer(self.storms.stop()),
            _ => match self.of_descriptors(word, rest) {
                Some(done) => done,
                None => match self.of_process(word, rest) {
                    Some(answer) => return Next::Answer(answer),
                    None => of_threads(word, rest, &self.spins),
                },
            },
        };
        Next::Answer(done.map_or_else(|error| format!("failed: {error}"), |()| "done".to_owned()))
    }

    fn report(&self) -> String {
        let Some(guard) = &self.guard else { return "no reporter".to_owned() };
        match guard.report() {
            Ok(report) => format!("{} sections", report.sections.len()),
            Err(error) => format!("refused {error}"),
        }
    }

    fn of_descriptors(&mut self, word: &str, rest: &str) -> Option<io::Result<()>> {
        Some(match word {
            // All but so many of those that the limit allows.
            "take-descriptors" => {
                while let Ok(file) = File::open("/dev/null") {
                    self.files.push(file);
                }
                self.files.truncate(self.files.len().saturating_sub(number(rest)));
                Ok(())
            }
            "give-descriptors-back" => {
                self.files.clear();
                Ok(())
            }
            // As a program does that becomes a daemon, and then opens files of its own.
            "close-all" => {
                gmr_test_support::close_all_from(3);
                self.open_files(rest)
            }
            "open-files" => self.open_files(rest),
            "replace-stderr" => File::options()
                .append(true)
                .create(true)
                .open(rest)
                .and_then(|file| conditions::replace_stderr(&file)),
            _ => return None,
        })
    }

    fn open_files(&mut self, folder: &str) -> io::Result<()> {
        for number in 0..40 {
            let path = Path::new(folder).join(number.to_string());
            std::fs::write(&path, "the application's own")?;
            self.files.push(File::options().read(true).append(true).open(path)?);
        }
        Ok(())
    }

    fn of_process(&mut self, word: &str, rest: &str) -> Option<String> {
        Some(match word {
            "fork" => match conditions::fork() {
                Ok(Fork::Parent(child)) => child.to_string(),
                Ok(Fork::Child) => wait_for_the_parent(),
                Err(error) => format!("failed: {error}"),
            },
            "fork-reporter" => match conditions::fork() {
                Ok(Fork::Parent(child)) => child.to_string(),
                Ok(Fork::Child) => self.report_as_worker(),
                Err(error) => format!("failed: {error}"),
            },
            "zombie" => match conditions::fork() {
                Ok(Fork::Parent(child)) => child.to_string(),
                Ok(Fork::Child) => conditions::end_now(0),
                Err(error) => format!("failed: {error}"),
            },
            "exec" => Command::new("/bin/sh").args(["-c", rest]).exec().to_string(),
            "spawn" => {
                let output = Command::new("/bin/sh").args(["-c", rest]).output();
                output.map_or_else(|error| format!("failed: {error}"), |output| text(&output.stdout))
            }
            _ => return None,
        })
    }

    /// A preforked worker: it has the parent's guard, which it drops, and installs a reporter of its own.
    fn report_as_worker(&mut self) -> ! {
        drop(self.guard.take());
        match self.install() {
            Ok(()) => wait_for_the_parent(),
            Err(_) => conditions::end_now(9),
        }
    }
}

fn of_threads(word: &str, rest: &str, spins: &Arc<AtomicBool>) -> io::Result<()> {
    match word {
        "spin" => {
            spins.store(true, Ordering::Relaxed);
            let go_on = spins.clone();
            workload::named("spinner", move || workload::spins_in_arithmetic(&go_on));
        }
        // Main itself, which answers no more after this.
        "spin-here" => {
            say("spins");
            workload::spins_in_arithmetic(&AtomicBool::new(true));
        }
        "rest" => spins.store(false, Ordering::Relaxed),
        "crowd" => return conditions::start_crowd(number(rest)),
        "name-thread" => workload::named(rest, || wait_for_ever()),
        "recurse" => {
            let depth = number(rest);
            let thread = thread::Builder::new().name("deep".to_owned()).stack_size(1 << 30);
            workload::begun(thread, move || workload::recurses(depth))?;
            while !workload::IS_DEEP.load(Ordering::Acquire) {
                thread::yield_now();
            }
        }
        "use-stack-up" => return use_stack_up(number(rest)),
        "block-workers" => workload::block_workers(),
        "work-in-place" => drop(tokio::spawn(workload::works_in_place())),
        "start-runtime" => return workload::start_another_runtime(),
        "catch-signal" => return conditions::catch_signal(number(rest)),
        "track" => _ = gmr::spawn(gmr::Track::tracked(std::future::pending::<()>(), rest.to_owned())),
        "hold" => hold(rest),
        "load" => {
            let path = rest.to_owned();
            workload::named("loader", move || drop(Library::load(Path::new(&path))));
        }
        "block-signals" => {
            let signals: Vec<i32> = rest.split_whitespace().map(number).collect();
            return conditions::block_signals(&signals);
        }
        "chroot" => {
            std::os::unix::fs::chroot(rest)?;
            return std::env::set_current_dir("/");
        }
        "become-user" => return conditions::become_user(number(rest)),
        "not-dumpable" => {
            rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
        }
        "limit-memory" => return limit_memory(rest),
        "limit-threads" => return limit(Resource::Nproc, 1),
        "stop-allocator" => trouble::hang(if rest == "reporter" { Who::Others } else { Who::All }),
        "daemonise" => return daemonise(),
        other => panic!("no such order: {other:?}"),
    }
    Ok(())
}

/// A thread that runs with so many bytes of its stack left.
fn use_stack_up(left: usize) -> io::Result<()> {
    let thread = thread::Builder::new().name("cramped".to_owned()).stack_size(128 << 10);
    workload::begun(thread, move || {
        let here = (&raw const left).addr();
        let maps = std::fs::read_to_string("/proc/self/maps").expect("it is mounted");
        let begins = maps.lines().filter_map(|line| usize::from_str_radix(line.split_once('-')?.0, 16).ok());
        let lowest = begins.filter(|&begin| begin <= here).max().expect("the stack is mapped");
        workload::uses_the_stack_up(lowest + left)
    })
}

/// A lock of the standard library, taken and never given back.
fn hold(what: &str) {
    let (held, is_held) = std::sync::mpsc::channel();
    match what {
        "stdout" => workload::named("holder", move || {
            let _lock = io::stdout().lock();
            let _ = held.send(());
            wait_for_ever()
        }),
        "stderr" => workload::named("holder", move || {
            let _lock = io::stderr().lock();
            let _ = held.send(());
            wait_for_ever()
        }),
        // A hook that never returns holds the hooks' lock for readers, and one who wants to exchange it keeps readers out.
        "panic-hook" => {
            std::panic::set_hook(Box::new(move |_| {
                let _ = held.send(());
                wait_for_ever()
            }));
            workload::named("panicked", || panic!("its hook never returns"));
        }
        other => panic!("no such lock: {other}"),
    }
    is_held.recv().expect("the thread takes it");
    if what == "panic-hook" {
        workload::named("exchanger", || std::panic::set_hook(Box::new(|_| ())));
    }
}

/// Limits address space or data to what is in use now and so many MiB more: `as 64`, `data 16`.
fn limit_memory(rest: &str) -> io::Result<()> {
    let (what, more) = rest.split_once(' ').expect("a resource and a number");
    let (resource, line) = match what {
        "as" => (Resource::As, "VmSize:"),
        "data" => (Resource::Data, "VmData:"),
        other => panic!("no such limit: {other}"),
    };
    let status = std::fs::read_to_string("/proc/self/status")?;
    let used = status.lines().find_map(|text| text.strip_prefix(line)).expect("Linux tells");
    let used: u64 = number(used.trim().trim_end_matches(" kB"));
    limit(resource, (used << 10) + (number::<u64>(more) << 20))
}

fn limit(resource: Resource, current: u64) -> io::Result<()> {
    let Rlimit { maximum, .. } = rustix::process::getrlimit(resource);
    rustix::process::setrlimit(resource, Rlimit { current: Some(current), maximum })?;
    Ok(())
}

/// Two forks and a session, as daemons do it.
fn daemonise() -> io::Result<()> {
    for _ in 0..2 {
        if let Fork::Parent(_) = conditions::fork()? {
            conditions::end_now(0);
        }
        // The second one of them leads no session, and cannot start another: that is why there is a second one.
        let _ = rustix::process::setsid();
    }
    Ok(())
}

/// A child that outlives its parent ends: its test is over.
fn wait_for_the_parent() -> ! {
    let parent = rustix::process::getppid();
    while rustix::process::getppid() == parent {
        thread::sleep(Duration::from_millis(50));
    }
    conditions::end_now(0)
}

fn wait_for_ever() -> ! {
    loop {
        thread::park();
    }
}

fn number<N: std::str::FromStr>(text: &str) -> N {
    text.parse().unwrap_or_else(|_| panic!("no number: {text:?}"))
}

fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).trim().replace('\n', " ")
}
