//! Storms: threads that do one thing without end, in the way of whatever a report does.

use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use gmr_test_support::conditions::{self, Fork, Library};

/// What stands between two turns of one storm: several run side by side, and the service has to go on.
const PAUSE: Duration = Duration::from_micros(500);

/// The running storms.
#[derive(Default)]
pub struct Storms {
    running: Vec<Storm>,
}

struct Storm {
    name: String,
    go_on: Arc<AtomicBool>,
    turns: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Storms {
    /// Starts one by its name: `malloc`, `dlopen PATH`, `panic`, `fork`, `exec`, `threads`.
    pub fn start(&mut self, storm: &str) {
        let (name, rest) = storm.split_once(' ').unwrap_or((storm, ""));
        let turn = turn(name, rest);
        let (go_on, turns) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU64::new(0)));
        let (goes_on, counted) = (go_on.clone(), turns.clone());
        let thread = thread::Builder::new().name(format!("storm-{name}")).spawn(move || {
            while goes_on.load(Ordering::Relaxed) {
                turn();
                counted.fetch_add(1, Ordering::Relaxed);
                thread::sleep(PAUSE);
            }
        });
        let thread = thread.expect("a thread can be started");
        self.running.push(Storm { name: name.to_owned(), go_on, turns, thread });
    }

    /// Ends all of them, and says how many turns each has had.
    pub fn stop(&mut self) -> String {
        self.running.iter().for_each(|storm| storm.go_on.store(false, Ordering::Relaxed));
        let ended = self.running.drain(..).map(|storm| {
            let how = if storm.thread.join().is_ok() { "" } else { " and panicked" };
            format!("{} {}{how}", storm.name, storm.turns.load(Ordering::Relaxed))
        });
        ended.collect::<Vec<_>>().join(", ")
    }
}

/// What a storm does once.
fn turn(name: &str, rest: &str) -> Box<dyn Fn() + Send> {
    match name {
        "malloc" => Box::new(|| {
            let blocks: Vec<Vec<u8>> = (1..200_usize).map(|size| vec![1; (size * 37) % 9000 + 1]).collect();
            drop(black_box(blocks));
        }),
        "dlopen" => {
            let path = rest.to_owned();
            Box::new(move || drop(Library::load(Path::new(&path)).expect("it is a library")))
        }
        "panic" => {
            // Thousands of messages would fill standard error, which the reports are read from.
            std::panic::set_hook(Box::new(|_| ()));
            Box::new(|| drop(std::panic::catch_unwind(|| panic!("as one of thousands"))))
        }
        "fork" => Box::new(|| match conditions::fork() {
            Ok(Fork::Child) => conditions::end_now(0),
            Ok(Fork::Parent(child)) => {
                let child = rustix::process::Pid::from_raw(child);
                let _ = rustix::process::waitpid(child, rustix::process::WaitOptions::empty());
            }
            Err(_) => (),
        }),
        "exec" => Box::new(|| {
            let _ = Command::new("/bin/true").stdin(Stdio::null()).status();
        }),
        "threads" => Box::new(|| {
            let started: Vec<_> = (0..4)
                .filter_map(|_| thread::Builder::new().spawn(|| black_box(vec![0_u8; 100])).ok())
                .collect();
            started.into_iter().for_each(|thread| drop(thread.join()));
        }),
        other => panic!("no such storm: {other}"),
    }
}
