//! `cargo xtask demo`: the example service under real requests, and what it reports of itself, once on a
//! signal and once on a touch.

mod requests;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::command::{Step, announce};
use crate::guest::{self, Choice, Which};
use crate::place;
use requests::Requests;

/// Far more than a report takes; whoever waits longer is told so.
const PATIENCE: Duration = Duration::from_secs(30);

/// The sections that every report has.
const BASE: [&str; 4] = ["Package", "Threads", "Green Threads", "Configuration"];

pub fn run() -> Result<()> {
    let target = place::target()?;
    announce("building the plugins");
    let plugins = guest::build(Which::Shipped, Choice::default())?;
    announce("building the example service; the first build takes some minutes");
    Step::new("cargo").args(["build", "--workspace", "--bins"]).within(&place::root()).run()?;
    let place = tempfile::tempdir_in(&target).context("no folder for the demo")?;
    let titles = titles(&plugins);
    by_signal(&target, &titles)?;
    by_touch(&target, place.path(), &titles)
}

/// What the plugins' sections are called: each is named after its file.
fn titles(plugins: &[PathBuf]) -> Vec<String> {
    let stem = |path: &PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    let title = |name: String| name[..1].to_uppercase() + &name[1..];
    plugins.iter().filter_map(stem).map(title).collect()
}

fn by_signal(target: &Path, titles: &[String]) -> Result<()> {
    let mut service = Service::start(target, &[])?;
    announce(format_args!("the service is process {} at {}", service.id(), service.address));
    let requests = Requests::start(&service.address);
    requests.wait_for(100)?;
    announce(format_args!("kill -USR2 {}, while requests run:", service.id()));
    kill_process(Pid::from_child(&service.child), Signal::USR2).context("the service is gone")?;
    let report = service.report_on_stderr()?;
    println!("{report}");
    requests.wait_for(100)?;
    let (answered, failed) = requests.stop();
    announce(format_args!("{answered} requests were answered meanwhile, {failed} failed"));
    ensure!(failed == 0, "{failed} requests failed while the report was made");
    expect(&report, titles)
}

fn by_touch(target: &Path, place: &Path, titles: &[String]) -> Result<()> {
    let (trigger, reports) = (place.join("report-now"), place.join("reports"));
    std::fs::create_dir(&reports).context("no folder for the reports")?;
    let variables = [("GMR_FILE_EVENT_HANDLER", trigger.as_path()), ("GMR_LOG_DIR", &reports)];
    let service = Service::start(target, &variables)?;
    announce(format_args!("a second service is process {}; touch {}:", service.id(), trigger.display()));
    std::fs::File::create(&trigger).context("the file cannot be touched")?;
    let report = wait_for_file(&reports)?;
    let kept = target.join("demo-report.txt");
    std::fs::copy(&report, &kept).context("the report cannot be kept")?;
    announce(format_args!("its report landed in {}; a copy stays in {}", report.display(), kept.display()));
    expect(&std::fs::read_to_string(report)?, titles)
}

/// A finished report appears under its name at once.
fn wait_for_file(folder: &Path) -> Result<PathBuf> {
    const STEP: Duration = Duration::from_millis(10);
    for _ in 0..PATIENCE.as_millis() / STEP.as_millis() {
        let paths = folder.read_dir()?.flatten().map(|entry| entry.path());
        if let Some(path) = { paths }.find(|path| path.extension().is_some_and(|ending| ending == "txt")) {
            return Ok(path);
        }
        std::thread::sleep(STEP);
    }
    anyhow::bail!("no report appeared in {} within {PATIENCE:?}", folder.display())
}

/// Fails unless the report has all these sections, whole.
fn expect(report: &str, titles: &[String]) -> Result<()> {
    for title in BASE.into_iter().chain(titles.iter().map(String::as_str)) {
        let banner = format!("===={title:^64}====");
        let after =
            report.split_once(&banner).with_context(|| format!("the report has no section {title}"))?.1;
        let body = after.lines().nth(2).unwrap_or_default();
        ensure!(!body.starts_with("no section") && !body.starts_with("not whole"), "{title}: {body}");
    }
    announce(format_args!("it holds the four base sections and {}", titles.join(", ")));
    Ok(())
}

/// The example service, running.
struct Service {
    child: Child,
    address: String,
    stderr: Option<ChildStderr>,
    /// Open, so that the service can print.
    _stdout: BufReader<ChildStdout>,
}

impl Service {
    fn start(target: &Path, variables: &[(&str, &Path)]) -> Result<Service> {
        let mut child = Command::new(target.join("debug/service"))
            .arg(place::root().join("examples/service.toml"))
            .env("GMR_PLUGIN_DIR", target.join("plugins"))
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("the service does not start")?;
        let mut stdout = BufReader::new(child.stdout.take().context("piped")?);
        let stderr = child.stderr.take();
        let mut line = String::new();
        stdout.read_line(&mut line).context("the service says nothing")?;
        let address = line.trim_end().rsplit(' ').next().unwrap_or_default().to_owned();
        let service = Service { child, address, stderr, _stdout: stdout };
        ensure!(line.starts_with("READY"), "the service ended instead of getting ready");
        Ok(service)
    }

    fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it prints to standard error, up to the last line of a report.
    fn report_on_stderr(&mut self) -> Result<String> {
        let stderr = BufReader::new(self.stderr.take().context("taken once")?);
        let (line, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for read in stderr.lines().map_while(Result::ok) {
                // The report may be over.
                let _ = line.send(read);
            }
        });
        let mut report = String::new();
        loop {
            let line = lines.recv_timeout(PATIENCE).context("the report did not come to its end")?;
            report.push_str(&line);
            report.push('\n');
            if line.contains("= end of the report =") {
                return Ok(report);
            }
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It serves until it is killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
