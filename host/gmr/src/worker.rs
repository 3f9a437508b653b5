//! The worker, the thread that makes the reports: it sleeps until something asks for a report, makes it, and hands it
//! to its sink.
//!
//! It has no timer while nothing happens. Triggers that arrive while it makes a report wait, and are
//! answered together by one more.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use gmr_inspect::emergency::Watchdog;
use gmr_inspect::threads::Prepared;
use gmr_report::format::text;
use gmr_report::{Format, Report, Section, Trigger, TriggerKind};

use crate::channel::{Receiver, Sender, channel};
use crate::collect::{Collector, Lost, Observer, Unobserved};
use crate::emergency::{Emergency, GRACE};
use crate::error::Error;
use crate::sink::{Directory, OwnOutput, Stderr};
use crate::trigger::{Asked, Mailbox, Received, TriggerSource};

/// What the reporter's thread works with.
pub(crate) struct Worker {
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) triggers: Vec<Box<dyn TriggerSource>>,
    pub(crate) collector: Collector,
    pub(crate) directory: Option<Directory>,
    /// Which files reports go to, for the triggers to leave them out.
    pub(crate) output: Arc<OwnOutput>,
    pub(crate) format: Format,
    /// What reports in place of a worker that is stuck.
    pub(crate) _emergency: Emergency,
    /// Keeps the handler that running threads are asked through.
    pub(crate) _prepared: Prepared,
}

/// How long `install` waits for the worker: debug information is not read, and no plugin compiled, within it. Only a thread
/// that cannot even begin takes longer, as while another one hangs in `dlopen`.
const SET_UP: Duration = Duration::from_secs(20);

/// How long a thread that has nothing more to do may take to end.
const END: Duration = Duration::from_secs(2);

/// Starts the reporter's thread, and returns when the worker that it makes there is ready: a change of the
/// watched file that follows must not be missed.
///
/// # Errors
///
/// If no worker could be made, and the thread has ended then. Or if it takes too long: the thread ends when it can.
pub(crate) fn start(
    make: impl FnOnce() -> Result<Worker, Error> + Send + 'static,
) -> Result<WorkerThread, Error> {
    let (ready, is_ready) = channel();
    let (alive, ended) = channel::<()>();
    let given_up = Arc::new(AtomicBool::new(false));
    let unwanted = given_up.clone();
    let run = move || {
        gmr_inspect::signals::block_all_in_this_thread();
        let _alive = alive;
        match make() {
            Ok(worker) => {
                ready.send(Ok(()));
                // A caller that has given up has no use for it.
                if !unwanted.load(Ordering::Acquire) {
                    worker.run();
                }
            }
            Err(error) => ready.send(Err(error)),
        }
    };
    let thread = std::thread::Builder::new()
        .name("gmr".to_owned())
        .spawn(run)
        .map_err(|error| Error::system("cannot start the reporter's thread", error))?;
    let thread = WorkerThread { thread, ended };
    let error = match is_ready.receive(Instant::now() + SET_UP) {
        Ok(Ok(())) => return Ok(thread),
        Ok(Err(error)) => error,
        Err(gone @ RecvTimeoutError::Disconnected) => Error::system("the reporter's thread has ended", gone),
        Err(RecvTimeoutError::Timeout) => {
            given_up.store(true, Ordering::Release);
            let seconds = SET_UP.as_secs();
            return Err(Error::system(
                "the reporter's thread did not get ready",
                format!("not in {seconds} s"),
            ));
        }
    };
    thread.join(Instant::now() + END);
    Err(error)
}

/// The reporter's thread.
pub(crate) struct WorkerThread {
    thread: JoinHandle<()>,
    /// Without a sender when the thread has done its work.
    ended: Receiver<()>,
}

impl WorkerThread {
    /// Waits for its end until then.
    pub(crate) fn join(self, until: Instant) {
        if self.ended.receive(until) == Err(RecvTimeoutError::Disconnected) {
            // Its last steps. What a panic in it was has been printed by the panic hook.
            let _ = self.thread.join();
        }
    }
}

impl Worker {
    /// Works until the mailbox says stop.
    fn run(mut self) {
        let mut stopped = false;
        // A signal may have told the watchdog before the worker was listening.
        self.mailbox.wake();
        while !stopped {
            self.mailbox.bell().wait();
            // Read first: what was asked for before the stop is still answered.
            stopped = self.mailbox.is_stopped();
            let mut answered = self.mailbox.watchdog().asked();
            let mut triggers = self.triggered();
            let Asked { triggers: calls, reports } = self.mailbox.take();
            if calls > 0 {
                let mut trigger = Trigger::new(TriggerKind::Call, "");
                trigger.count = calls;
                triggers.push(trigger);
            }
            if let Some(trigger) = joined(triggers) {
                self.begin(&mut answered);
                self.guarded_report(trigger);
            }
            for asked in reports {
                self.begin(&mut answered);
                self.answer(&asked);
            }
            self.mailbox.watchdog().answer(answered);
        }
        // When the guard has been dropped, no thread of the library is left.
        self.collector.tasks.stop_preparing();
    }

    /// Begins a report, which counts as asked for even if nobody has told the watchdog.
    fn begin(&self, answered: &mut u32) {
        self.mailbox.watchdog().begin();
        *answered = answered.wrapping_add(1);
    }

    /// The triggers that want a report. What others have to say is printed.
    fn triggered(&mut self) -> Vec<Trigger> {
        let mut wanted = Vec::new();
        for received in self.triggers.iter_mut().filter_map(|trigger| trigger.received()) {
            match received {
                Received::Wanted(trigger) => wanted.push(trigger),
                Received::Notice(line) => Stderr::begin(soon()).write(&line),
            }
        }
        wanted
    }

    /// A fault of the library costs one report, and the reporter lives on.
    fn guarded_report(&mut self, trigger: Trigger) {
        let began = Instant::now();
        // The program may have redirected it since the last report.
        self.output.look_at_stderr();
        if catch_unwind(AssertUnwindSafe(|| self.report(trigger, began))).is_err() {
            Stderr::begin(soon()).write(FAULT);
        }
    }

    /// Makes a report for a caller that waits for it.
    fn answer(&mut self, asked: &Sender<Report>) {
        let trigger = Trigger::new(TriggerKind::Call, "");
        let collect = || self.collector.collect(trigger, Instant::now(), &mut Unobserved);
        // The caller may have given up. If there is no report, it is told so when `asked` is dropped.
        if let Ok(report) = catch_unwind(AssertUnwindSafe(collect)) {
            asked.send(report);
        }
    }

    /// Makes a report and hands it to its sink.
    fn report(&mut self, trigger: Trigger, began: Instant) {
        let lost = match self.directory {
            Some(_) => self.write_file(trigger, began),
            None => self.print(trigger, began),
        };
        match lost {
            // The reader of this report has been told of the ones before it.
            0 => self.collector.lost = Lost::default(),
            bytes => {
                self.collector.lost.reports += 1;
                self.collector.lost.bytes += bytes as u64;
            }
        }
    }

    fn write_file(&mut self, trigger: Trigger, began: Instant) -> usize {
        let report = self.collector.collect(trigger, began, &mut Unobserved);
        // It is not stuck, and twenty thousand threads take a while to write down.
        self.mailbox.watchdog().resume();
        let document: Arc<str> = self.format.render(&report).into();
        let Some(directory) = &self.directory else { return 0 };
        // For the disk, and where that does not answer, for the reader of standard error.
        self.mailbox.watchdog().postpone(2 * READER + GRACE);
        let written = directory.write(document.clone(), report.header.time, self.format.extension(), soon());
        let Err(error) = written else {
            self.mailbox.watchdog().resume();
            return 0;
        };
        let mut stderr = Stderr::begin(soon());
        let place = directory.path().display();
        stderr.write(&format!(
            "gmr: no report could be written to {place}: {error}; it follows here\n{document}"
        ));
        self.mailbox.watchdog().resume();
        stderr.lost()
    }

    fn print(&mut self, trigger: Trigger, began: Instant) -> usize {
        // Collecting has a deadline of its own; the reader gets as long again.
        let until = began + self.collector.deadline + READER;
        let watchdog = self.mailbox.watchdog().clone();
        let mut stream = StreamedText { stderr: Stderr::begin(until), until, watchdog, begun: false };
        // Text alone can be written before it is whole.
        if self.format == Format::Text {
            let report = self.collector.collect(trigger, began, &mut stream);
            self.mailbox.watchdog().resume();
            stream.end(&report);
        } else {
            let report = self.collector.collect(trigger, began, &mut Unobserved);
            self.mailbox.watchdog().resume();
            stream.write(&self.format.render(&report));
        }
        stream.stderr.lost()
    }
}

/// Several triggers as one: the last one is named, all are counted.
fn joined(triggers: Vec<Trigger>) -> Option<Trigger> {
    let count = |before: Trigger, mut last: Trigger| {
        last.count = last.count.saturating_add(before.count);
        last
    };
    triggers.into_iter().reduce(count)
}

/// The panic hook has printed what it was.
const FAULT: &str = "gmr: no report: a fault in gmr, please report it\n";

/// How long a reader of standard error may keep a report waiting: a terminal that scrolls needs less, one
/// that was paused by hand must not hold the worker.
pub(crate) const READER: Duration = Duration::from_secs(5);

fn soon() -> Instant {
    Instant::now() + READER
}

/// A text report that is written while it is made.
struct StreamedText {
    stderr: Stderr,
    /// How long its reader may take.
    until: Instant,
    watchdog: Arc<Watchdog>,
    begun: bool,
}

impl StreamedText {
    /// A reader that keeps the worker waiting is no reason for an emergency report.
    fn write(&mut self, text: &str) {
        self.watchdog.postpone(self.until.saturating_duration_since(Instant::now()) + GRACE);
        self.stderr.write(text);
        self.watchdog.resume();
    }

    fn end(&mut self, report: &Report) {
        if !self.begun {
            return self.write(&text::report(report));
        }
        let look_at: Vec<_> = report.look_at().collect();
        self.write(&text::tail(&report.header, &look_at));
    }
}

impl Observer for StreamedText {
    fn early(&mut self, so_far: &Report) {
        self.begun = true;
        self.write(&text::beginning(so_far));
    }

    fn late(&mut self, section: &Section) {
        self.write(&text::section(section));
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn a_start_that_fails_leaves_no_thread_behind() {
        struct Ended(Arc<AtomicBool>);
        impl Drop for Ended {
            fn drop(&mut self) {
                // A start that does not wait for the thread returns meanwhile.
                (0..1000).for_each(|_| std::thread::yield_now());
                self.0.store(true, Ordering::Release);
            }
        }
        thread_local!(static AT_END: RefCell<Option<Ended>> = const { RefCell::new(None) });
        let ended = Arc::new(AtomicBool::new(false));
        let noted = ended.clone();
        let started = start(move || {
            AT_END.with(|at_end| *at_end.borrow_mut() = Some(Ended(noted)));
            Err(Error::settings("no worker"))
        });
        assert_eq!(started.err().map(|error| error.to_string()).as_deref(), Some("no worker"));
        assert!(ended.load(Ordering::Acquire));
    }

    #[test]
    fn triggers_that_come_together_are_one_of_the_last_kind() {
        let trigger = |kind, detail, count| {
            let mut trigger = Trigger::new(kind, detail);
            trigger.count = count;
            trigger
        };
        assert_eq!(joined(Vec::new()), None);
        assert_eq!(
            joined(vec![
                trigger(TriggerKind::Signal, "SIGUSR2 from process 1", 1),
                trigger(TriggerKind::Signal, "SIGUSR2 from process 2", 1),
                trigger(TriggerKind::File, "/run/report", 1),
            ]),
            Some(trigger(TriggerKind::File, "/run/report", 3))
        );
    }
}
