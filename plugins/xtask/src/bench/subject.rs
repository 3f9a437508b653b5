//! A process that is measured from outside: started, asked for reports, watched meanwhile.
//!
//! It gets `GMR_LOG_DIR`, where its reports go, and `GMR_BEAT_FILE`, and says `READY <pid>` when all of its
//! threads or tasks wait. tests/support/src/load/beat.rs says what the beat file holds.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// The slowest peer takes a minute for 5000 threads.
const PATIENCE: Timespec = Timespec { tv_sec: 300, tv_nsec: 0 };

/// Threads that have just been started are still going to sleep; allocators give memory back a little later.
const SETTLE: Duration = Duration::from_millis(300);

/// Some beats, so that each beating thread has seen that a new round began.
const BEATS: Duration = Duration::from_millis(50);

pub struct Subject {
    child: Child,
    folder: TempDir,
    beats: File,
    reports: OwnedFd,
    /// Open, so that the subject can print.
    _stdout: BufReader<ChildStdout>,
}

/// What one piece of work did to the subject.
#[derive(Clone, Copy)]
pub struct Cost {
    pub took: Duration,
    /// The longest time between two sleeps of 1 ms, of the main thread and of another one.
    pub gaps: [Duration; 2],
    /// The subject's own CPU time, in ticks of 10 ms.
    pub cpu: Duration,
    /// How much memory more than before was resident at the most.
    pub peak: i64,
    /// What stayed resident afterwards.
    pub kept: Kept,
}

/// How much memory is resident.
#[derive(Clone, Copy)]
pub struct Kept {
    /// All of it; pages of programs and libraries, which others share, too.
    pub resident: i64,
    /// What is this process's alone.
    pub anonymous: i64,
}

impl Subject {
    pub fn start(mut command: Command) -> Result<Subject> {
        let folder = tempfile::tempdir().context("no folder for reports")?;
        let (logs, beats) = (folder.path().join("reports"), folder.path().join("beats"));
        fs::create_dir(&logs).context("no folder for reports")?;
        fs::write(&beats, [0; 24]).context("no file for beats")?;
        let reports = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
        let closed = inotify::WatchFlags::CLOSE_WRITE | inotify::WatchFlags::MOVED_TO;
        inotify::add_watch(&reports, &logs, closed)?;
        let mut child = command
            .env("GMR_LOG_DIR", &logs)
            .env("GMR_BEAT_FILE", &beats)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let stdout = BufReader::new(child.stdout.take().context("piped")?);
        let beats = OpenOptions::new().read(true).write(true).open(beats)?;
        let mut subject = Subject { child, folder, beats, reports, _stdout: stdout };
        let mut line = String::new();
        while !line.starts_with("READY") {
            line.clear();
            let read = subject._stdout.read_line(&mut line).context("the subject says nothing")?;
            ensure!(read > 0, "the subject ended instead of getting ready");
        }
        subject.settle()?;
        Ok(subject)
    }

    /// Waits until its memory stays as it is: thousands of threads take seconds to reach where they wait.
    fn settle(&self) -> Result<()> {
        const TIMES: usize = 50;
        const STAYS: i64 = 64 << 10;
        let mut before = self.memory("VmRSS:")?;
        for _ in 0..TIMES {
            std::thread::sleep(SETTLE);
            let now = self.memory("VmRSS:")?;
            if (now - before).abs() <= STAYS {
                break;
            }
            before = now;
        }
        Ok(())
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// One report: from the signal until its file is closed, and its text.
    pub fn report(&self) -> Result<(Cost, String)> {
        self.report_within(&PATIENCE)
    }

    /// The same of a subject that may never answer.
    pub fn report_within(&self, patience: &Timespec) -> Result<(Cost, String)> {
        let cost = self.during(|| {
            kill_process(Pid::from_child(&self.child), Signal::USR2).context("the subject is gone")?;
            let mut wait = [PollFd::new(&self.reports, PollFlags::IN)];
            ensure!(poll(&mut wait, Some(patience))? > 0, "no report within {} s", patience.tv_sec);
            Ok(())
        })?;
        self.drain();
        let mut text = String::new();
        for entry in fs::read_dir(self.folder.path().join("reports"))? {
            let path = entry?.path();
            text = fs::read_to_string(&path)?;
            fs::remove_file(path)?;
        }
        Ok((cost, text))
    }

    /// Does the work, and watches the subject meanwhile.
    pub fn during(&self, work: impl FnOnce() -> Result<()>) -> Result<Cost> {
        // 5 resets the peak.
        fs::write(self.file("clear_refs"), "5").context("the peak cannot be reset")?;
        let (before, cpu) = (self.memory("VmRSS:")?, self.cpu()?);
        let round = self.beat(2)? + 1;
        self.beats.write_all_at(&round.to_ne_bytes(), 16)?;
        std::thread::sleep(BEATS);
        self.beats.write_all_at(&[0; 16], 0)?;
        let began = Instant::now();
        work()?;
        let took = began.elapsed();
        let peak = self.memory("VmHWM:")? - before;
        let cpu = self.cpu()?.saturating_sub(cpu);
        std::thread::sleep(SETTLE);
        let gaps = [self.beat(0)?, self.beat(1)?].map(Duration::from_nanos);
        Ok(Cost { took, gaps, cpu, peak, kept: self.kept()? })
    }

    /// What is resident now.
    pub fn kept(&self) -> Result<Kept> {
        Ok(Kept { resident: self.memory("VmRSS:")?, anonymous: self.memory("RssAnon:")? })
    }

    fn drain(&self) {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&self.reports, &mut buffer);
        while events.next().is_ok() {}
    }

    fn beat(&self, slot: u64) -> Result<u64> {
        let mut number = [0; 8];
        self.beats.read_exact_at(&mut number, slot * 8)?;
        Ok(u64::from_ne_bytes(number))
    }

    fn file(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.id())
    }

    fn memory(&self, field: &str) -> Result<i64> {
        let status = fs::read_to_string(self.file("status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let Some(kibibytes) = line.and_then(|line| line.split_whitespace().next()) else {
            bail!("the kernel does not tell {field}")
        };
        Ok(kibibytes.parse::<i64>()? << 10)
    }

    fn cpu(&self) -> Result<Duration> {
        let stat = fs::read_to_string(self.file("stat"))?;
        // The name before may hold anything, parentheses too.
        let fields = stat.rsplit_once(')').context("no stat")?.1;
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
        let ticks = ticks.sum::<Result<u64, _>>()?;
        Ok(Duration::from_secs(ticks) / u32::try_from(rustix::param::clock_ticks_per_second())?)
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        // It waits until it is killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
