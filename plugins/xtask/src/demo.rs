//! `cargo xtask demo`: the example service under real requests, and what it reports of itself, once on a
//! signal and once on a touch.

mod requests;

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::command::{Step, announce};
use crate::guest::{self, Choice, Which};
use crate::project::{root, target};
use requests::Requests;

/// Far more than a report takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// The sections that every report has.
const BASE: [&str; 4] = ["Package", "Threads", "Green Threads", "Configuration"];

pub fn run() -> Result<()> {
    let target = target()?;
    announce("building the plugins");
    let plugins = guest::build(Which::Shipped, Choice::default())?;
    announce("building the example service; the first build takes some minutes");
    // Of the workspace, so that what is built has the features that everything else here is built with.
    Step::new("cargo").args(["build", "--workspace", "--bin", "service"]).within(&root()).run()?;
    let scratch = tempfile::tempdir_in(&target).context("no folder for the demo")?;
    let names = names(&plugins);
    // A folder of its own: beside the shipped ones may lie some that are compiled for minutes.
    let folder = scratch.path().join("plugins");
    std::fs::create_dir(&folder).context("no folder for the plugins")?;
    for plugin in &plugins {
        let copy = folder.join(plugin.file_name().context("a plugin without a name")?);
        std::fs::copy(plugin, copy).with_context(|| format!("{} cannot be copied", plugin.display()))?;
    }
    by_signal(&target, scratch.path(), &names)?;
    by_touch(&target, scratch.path(), &names)
}

/// The plugins' names, which the report's Plugins section lists.
fn names(plugins: &[PathBuf]) -> Vec<String> {
    let stem = |path: &PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    plugins.iter().filter_map(stem).collect()
}

fn by_signal(target: &Path, scratch: &Path, names: &[String]) -> Result<()> {
    let mut service = Service::start(target, scratch, &[])?;
    announce(format_args!("the service is process {} at {}", service.id(), service.address));
    let requests = Requests::start(&service.address);
    let report = when_ready(|| {
        requests.wait_for(100)?;
        announce(format_args!("kill -USR2 {}, while requests run", service.id()));
        kill_process(Pid::from_child(&service.child), Signal::USR2).context("the service is gone")?;
        service.report_on_stderr()
    })?;
    println!("{report}");
    requests.wait_for(100)?;
    let (answered, failed) = requests.stop();
    announce(format_args!("{answered} requests were answered meanwhile, {failed} failed"));
    ensure!(failed == 0, "{failed} requests failed while the report was made");
    expect(&report, names)
}

fn by_touch(target: &Path, scratch: &Path, names: &[String]) -> Result<()> {
    let kept = target.join("demo-report.txt");
    let (trigger, reports) = (scratch.join("report-now"), scratch.join("reports"));
    std::fs::create_dir(&reports).context("no folder for the reports")?;
    let variables = [("GMR_FILE_EVENT_HANDLER", trigger.as_path()), ("GMR_LOG_DIR", &reports)];
    let service = Service::start(target, scratch, &variables)?;
    announce(format_args!("a second service is process {}", service.id()));
    let report = when_ready(|| {
        announce(format_args!("touch {}", trigger.display()));
        std::fs::write(&trigger, "").context("the file cannot be touched")?;
        let path = wait_for_file(&reports)?;
        announce(format_args!("its report landed in {}", path.display()));
        let report = std::fs::read_to_string(&path).context("the report cannot be read")?;
        std::fs::rename(path, &kept).context("the report cannot be kept")?;
        Ok(report)
    })?;
    announce(format_args!("moved to {}", kept.display()));
    expect(&report, names)
}

/// Asks again while a service that has just been started is not ready to say all: its plugins are compiled
/// in the background, which takes a second the first time, and its debug information is read there.
fn when_ready(mut ask: impl FnMut() -> Result<String>) -> Result<String> {
    /// Each time takes a hundred requests or a second.
    const TIMES: usize = 30;
    for _ in 1..TIMES {
        let report = ask()?;
        if !report.contains("still being compiled") && !report.contains("still being read") {
            return Ok(report);
        }
        announce("the service has just been started and is still loading; asking again");
        std::thread::sleep(Duration::from_secs(1));
    }
    ask()
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

/// Fails unless the report has the base sections and one of each plugin, all of them whole.
fn expect(report: &str, names: &[String]) -> Result<()> {
    let sections: Vec<(&str, &str)> = sections(report).collect();
    for title in BASE {
        ensure!(sections.iter().any(|(found, _)| *found == title), "the report has no section {title}");
    }
    for (title, body) in &sections {
        let first = body.lines().next().unwrap_or_default();
        ensure!(!first.starts_with("no section") && !first.starts_with("not whole"), "{title}: {first}");
    }
    let plugins = sections.iter().find(|(title, _)| *title == "Plugins").map_or("", |(_, body)| body);
    for name in names {
        let row = plugins.lines().find(|line| line.split_whitespace().next() == Some(name));
        let row = row.with_context(|| format!("the report does not know the plugin {name}"))?;
        ensure!(row.contains("  ready"), "{name} is not ready: {row}");
    }
    // Package to Configuration, the plugins' own, and the list of plugins.
    let wanted = BASE.len() + names.len() + 1;
    ensure!(sections.len() >= wanted, "{} sections instead of {wanted}", sections.len());
    announce(format_args!("it holds the four base sections and those of {}", names.join(", ")));
    Ok(())
}

/// The titles and bodies of a report's sections.
fn sections(report: &str) -> impl Iterator<Item = (&str, &str)> {
    let line = "=".repeat(72);
    let parts: Vec<&str> = report.split(&format!("{line}\n====")).skip(2).collect();
    parts.into_iter().filter_map(move |part| {
        let (title, body) = part.split_once("====\n")?;
        Some((title.trim(), body.split_once('\n')?.1))
    })
}

/// The example service, running.
struct Service {
    child: Child,
    address: String,
    stderr: mpsc::Receiver<String>,
    /// Open, so that the service can print.
    _stdout: BufReader<ChildStdout>,
}

impl Service {
    fn start(target: &Path, scratch: &Path, variables: &[(&str, &Path)]) -> Result<Service> {
        let mut child = Command::new(target.join("debug/service"))
            .arg(root().join("examples/service.toml"))
            .env("GMR_PLUGIN_DIR", scratch.join("plugins"))
            .env("GMR_CACHE_DIR", scratch.join("compiled"))
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("the service does not start")?;
        let mut stdout = BufReader::new(child.stdout.take().context("piped")?);
        let stderr = lines(child.stderr.take().context("piped")?);
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
        let mut report = String::new();
        loop {
            let line = self.stderr.recv_timeout(PATIENCE).context("the report did not come to its end")?;
            report.push_str(&line);
            report.push('\n');
            if line.contains("= end of the report =") {
                return Ok(report);
            }
        }
    }
}

/// A pipe's lines, read on a thread so that waiting for one can end.
fn lines(pipe: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (line, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for read in BufReader::new(pipe).lines().map_while(Result::ok) {
            // Nobody may want to know any more.
            let _ = line.send(read);
        }
    });
    lines
}

impl Drop for Service {
    fn drop(&mut self) {
        // It serves until it is killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
