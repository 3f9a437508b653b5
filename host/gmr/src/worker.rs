//! The one thread: sleeps until something asks for a report, makes it, hands it to its sink.
//!
//! It has no timer while nothing happens. Triggers that arrive while it makes a report wait, and are
//! answered together by one more.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use gmr_inspect::threads::Prepared;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::collect::{Collector, Lost, Observer, Patient};
use crate::report::format::text;
use crate::report::{Format, Report, Section, Trigger, TriggerKind};
use crate::sink::{Directory, Stderr};
use crate::trigger::{Bell, FileTrigger, Mailbox, SignalTrigger};

/// The worker, before its thread runs.
pub(crate) struct Worker {
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) bell: Bell,
    pub(crate) signal: Option<SignalTrigger>,
    pub(crate) file: Option<FileTrigger>,
    pub(crate) collector: Collector,
    pub(crate) directory: Option<Directory>,
    pub(crate) format: Format,
    /// Keeps the handler that running threads are asked through.
    pub(crate) _prepared: Prepared,
}

/// What came since the last look.
#[derive(Default)]
struct Arrived {
    trigger: Option<Trigger>,
    reports: Vec<SyncSender<Report>>,
}

impl Arrived {
    /// The last trigger is the one that is named; the others are counted.
    fn add(&mut self, kind: TriggerKind, detail: String, count: u32) {
        let before = self.trigger.take().map_or(0, |trigger| trigger.count);
        self.trigger = Some(Trigger { kind, detail, count: before.saturating_add(count) });
    }
}

impl Worker {
    /// Works until the mailbox says stop.
    pub(crate) fn run(mut self) {
        let mut stopped = false;
        while !stopped {
            self.sleep();
            self.bell.silence();
            // Read first: what was asked for before the stop is still answered.
            stopped = self.mailbox.is_stopped();
            let arrived = self.arrived();
            let began = Instant::now();
            if let Some(trigger) = arrived.trigger {
                let reported = catch_unwind(AssertUnwindSafe(|| self.report(trigger, began)));
                if reported.is_err() {
                    Stderr::begin(soon()).write(FAULT);
                }
            }
            for asked in arrived.reports {
                let trigger = Trigger { kind: TriggerKind::Call, detail: String::new(), count: 1 };
                let collect = || self.collector.collect(trigger, Instant::now(), &mut Patient);
                // Whoever asked may have given up; without a report it is told that there is none.
                if let Ok(report) = catch_unwind(AssertUnwindSafe(collect)) {
                    let _ = asked.send(report);
                }
            }
        }
        // Whoever drops the guard finds no thread of ours left.
        self.collector.tasks.stop_preparing();
    }

    fn sleep(&self) {
        let due = self.file.as_ref().and_then(FileTrigger::due);
        let remaining = due.map(|due| due.saturating_duration_since(Instant::now()));
        // Rounded up, so that it does not wake just before the time and turn once more.
        let timeout = remaining.and_then(|time| Timespec::try_from(time + Duration::from_micros(50)).ok());
        let mut waits = vec![PollFd::new(&self.bell, PollFlags::IN)];
        waits.extend(self.signal.as_ref().map(|signal| PollFd::new(signal, PollFlags::IN)));
        // Whatever woke it, or kept it from sleeping, is found by the look that follows.
        let _ = poll(&mut waits, timeout.as_ref());
    }

    fn arrived(&mut self) -> Arrived {
        let mut arrived = Arrived::default();
        for sender in self.signal.iter_mut().flat_map(SignalTrigger::received) {
            match &self.file {
                None => arrived.add(TriggerKind::Signal, sender, 1),
                Some(file) => Stderr::begin(soon()).write(&format!(
                    "gmr: {sender}: reports are triggered by {} here; touch it instead\n",
                    file.path().display()
                )),
            }
        }
        if let Some(file) = &mut self.file
            && file.changed(Instant::now())
        {
            arrived.add(TriggerKind::File, file.path().display().to_string(), 1);
        }
        let asked = self.mailbox.take();
        if asked.triggers > 0 {
            arrived.add(TriggerKind::Call, String::new(), asked.triggers);
        }
        arrived.reports = asked.reports;
        arrived
    }

    /// Makes a report and hands it to its sink.
    fn report(&mut self, trigger: Trigger, began: Instant) {
        let lost = match self.directory {
            Some(_) => self.write_file(trigger, began),
            None => self.print(trigger, began),
        };
        match lost {
            // Whoever got this report has been told of the ones before it.
            0 => self.collector.lost = Lost::default(),
            bytes => {
                self.collector.lost.reports += 1;
                self.collector.lost.bytes += bytes as u64;
            }
        }
    }

    fn write_file(&mut self, trigger: Trigger, began: Instant) -> usize {
        let report = self.collector.collect(trigger, began, &mut Patient);
        let document = self.format.render(&report);
        let Some(directory) = &mut self.directory else { return 0 };
        let Err(error) = directory.write(&document, report.header.time, self.format.extension()) else {
            return 0;
        };
        let mut stderr = Stderr::begin(soon());
        let place = directory.path().display();
        stderr.write(&format!(
            "gmr: no report could be written to {place}: {error}; it follows here\n{document}"
        ));
        stderr.lost()
    }

    fn print(&mut self, trigger: Trigger, began: Instant) -> usize {
        // Collecting has a deadline of its own; the reader gets as long again.
        let mut stream =
            Stream { stderr: Stderr::begin(began + self.collector.deadline + READER), begun: false };
        if self.format == Format::Text {
            let report = self.collector.collect(trigger, began, &mut stream);
            stream.end(&report);
        } else {
            let report = self.collector.collect(trigger, began, &mut Patient);
            stream.stderr.write(&self.format.render(&report));
        }
        stream.stderr.lost()
    }
}

/// The panic hook has printed what it was; the reporter lives on.
const FAULT: &str = "gmr: no report: a fault in gmr, please report it\n";

/// How long a reader of standard error may keep a report waiting: a terminal that scrolls needs less, one
/// that was paused by hand must not hold the worker.
const READER: Duration = Duration::from_secs(5);

fn soon() -> Instant {
    Instant::now() + READER
}

/// A text report that is written while it is made.
struct Stream {
    stderr: Stderr,
    begun: bool,
}

impl Stream {
    fn end(&mut self, report: &Report) {
        if !self.begun {
            return self.stderr.write(&text::report(report));
        }
        let look_at: Vec<_> = report.look_at().collect();
        self.stderr.write(&text::tail(&report.header, &look_at));
    }
}

impl Observer for Stream {
    fn early(&mut self, so_far: &Report) {
        self.begun = true;
        self.stderr.write(&text::beginning(so_far));
    }

    fn late(&mut self, section: &Section) {
        self.stderr.write(&text::section(section));
    }
}
