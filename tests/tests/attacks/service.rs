//! The service that is attacked, and what its process has: reports, descriptors, memory.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use gmr_test_support::subject::{Subject, names};
use gmr_test_support::wait_for_compiler;
use rustix::process::Signal;

use crate::place::{Place, SECRET, SETTINGS};
use crate::report::Seen;

/// Longer than any attack takes on a loaded machine: a service that hangs is killed then.
const PATIENCE: Duration = Duration::from_secs(400);

/// What the service has, as `prlimit` says it.
const LIMITS: [&str; 2] = ["--as=1073741824", "--nofile=1024"];

/// A running service.
pub struct Service {
    subject: Subject,
    reports_folder: PathBuf,
    /// The longest that a report took by its own account.
    pub longest: Duration,
    /// How many there were.
    pub reports: usize,
}

impl Service {
    /// Starts it and waits until it is ready and the honest plugins have their sections.
    pub fn start(place: &Place, settings: &[(&str, &str)]) -> Service {
        let mut command = Command::new("prlimit");
        command.args(LIMITS).arg(env!("CARGO_BIN_EXE_attack-subject"));
        let folders = std::env::join_paths([place.plugins(), place.path("second")]).expect("no colon in it");
        command.env("GMR_PLUGIN_DIR", folders).env("GMR_LOG_DIR", place.path("reports"));
        command.env("GMR_FORMAT", "json").env("GMR_DEADLINE", "5").env("A_SECRET_OF_THE_SERVICE", SECRET);
        command.env_remove("RUST_BACKTRACE").envs(settings.iter().copied());
        if place.path(SETTINGS).exists() {
            command.env("SUBJECT_SETTINGS", place.path(SETTINGS));
        }
        let mut subject = Subject::of(command, PATIENCE);
        assert_eq!(subject.answer(), "ready", "it does not start");
        place.process.set(subject.id());
        let reports_folder = place.path("reports");
        let mut service = Service { subject, reports_folder, longest: Duration::ZERO, reports: 0 };
        // Of the plugins that are there from its start on, sections come when they are compiled.
        wait_for_compiler(|| service.next_report().honest_plugins());
        service
    }

    /// A report by the signal. The honest plugins are whole in it.
    ///
    /// # Panics
    ///
    /// If they are not, or it holds the secret.
    pub fn report(&mut self) -> Seen {
        let seen = self.next_report();
        seen.honest_plugins().unwrap_or_else(|lack| panic!("{lack}"));
        self.longest = self.longest.max(seen.took());
        self.reports += 1;
        seen
    }

    /// Reports until one says this and nothing is compiled any more; what that one says.
    pub fn report_that(&mut self, says: fn(&Seen) -> Result<String, String>) -> String {
        wait_for_compiler(|| {
            let seen = self.report();
            seen.is_settled().and_then(|()| says(&seen))
        })
    }

    fn next_report(&mut self) -> Seen {
        self.subject.signal(Signal::USR2);
        let file = wait_for_compiler(|| {
            assert!(self.is_alive(), "the service is gone");
            let written = names(&self.reports_folder);
            let report = written.into_iter().find(|name| name.ends_with(".json") && !name.starts_with('.'));
            report.ok_or("no report is written")
        });
        let file = self.reports_folder.join(file);
        let text = fs::read_to_string(&file).expect("it is UTF-8");
        fs::remove_file(file).expect("it is ours");
        Seen::of(&text)
    }

    /// What it does besides reports still works, and it ends by itself.
    pub fn works_and_ends(mut self) {
        assert_eq!(self.subject.order("work"), "works");
        let (status, rest) = self.subject.end();
        assert!(status.success(), "it ends with {status}: {rest:.600}");
    }

    fn is_alive(&self) -> bool {
        self.status("State").is_some_and(|state| !state.starts_with(['Z', 'X']))
    }

    /// The most memory that was resident at once, in MiB.
    pub fn peak_mib(&self) -> u64 {
        let peak = self.status("VmHWM").and_then(|peak| peak.strip_suffix(" kB")?.parse::<u64>().ok());
        peak.expect("Linux tells") >> 10
    }

    fn status(&self, name: &str) -> Option<String> {
        let status = fs::read_to_string(self.proc("status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        Some(line.trim().to_owned())
    }

    /// How many descriptors it has open.
    pub fn descriptors(&self) -> usize {
        fs::read_dir(self.proc("fd")).expect("it lives").count()
    }

    /// What they are open on.
    pub fn targets(&self) -> String {
        let entries = fs::read_dir(self.proc("fd")).into_iter().flatten().flatten();
        let targets = entries.filter_map(|entry| fs::read_link(entry.path()).ok());
        targets.map(|target| target.display().to_string()).collect::<Vec<_>>().join(" ")
    }

    fn proc(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.subject.id()))
    }
}
