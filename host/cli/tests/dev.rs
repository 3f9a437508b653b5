//! `gmr plugin dev`: against a service of this test's own, a process that has a reporter.
#![cfg(target_os = "linux")]

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use gmr_test_support::guests;
use rustix::process::{Pid, Signal, kill_process};
use support::{Place, bad, command};

/// Far beyond what a round takes on a loaded machine: what hangs is ended then, and its test fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// Names the file with the service's settings, and says so that this process is one.
const SERVICE: &str = "GMR_TEST_SERVICE";

/// A process that is ended at the latest when it is dropped, and before that if it hangs.
struct Running {
    child: Child,
    _watchdog: mpsc::Sender<()>,
}

impl Running {
    fn start(command: &mut Command) -> Running {
        let child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let pid = Pid::from_child(&child);
        let (watchdog, over) = mpsc::channel::<()>();
        std::thread::spawn(move || {
            if over.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
                let _ = kill_process(pid, Signal::KILL);
            }
        });
        Running { child, _watchdog: watchdog }
    }

    fn pid(&self) -> String {
        self.child.id().to_string()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines that a session prints.
struct Lines<R>(BufReader<R>);

impl<R: Read> Lines<R> {
    /// Reads on until a line that has this; returns all lines until there.
    #[track_caller]
    fn until(&mut self, part: &str) -> String {
        let mut read = String::new();
        loop {
            let mut line = String::new();
            let bytes = self.0.read_line(&mut line).unwrap();
            assert!(bytes > 0, "no line has {part:?}: {read}");
            read.push_str(&line);
            if line.contains(part) {
                return read;
            }
        }
    }
}

/// The service: this test alone in a process of its own, which ends with its standard input.
#[test]
fn service() {
    let Some(settings) = std::env::var_os(SERVICE) else { return };
    let package = gmr::Package::new("shop", "1.2.3");
    let _guard = gmr::Builder::new(package).settings_file(settings).install().unwrap();
    eprintln!("ready");
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

fn start_service(place: &Place, format: &str) -> Running {
    let settings = format!(
        "[gmr]\nplugin_dir = 'plugins'\nlog_dir = 'reports'\nformat = '{format}'\nthread_signal = 'none'\n\
         [gmr.plugins.pool]\n"
    );
    let settings = place.write("app.toml", settings);
    fs::create_dir(place.path("reports")).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "service", "--nocapture"]).env(SERVICE, settings).current_dir(place.path(""));
    let mut service = Running::start(&mut command);
    let mut lines = BufReader::new(service.child.stderr.as_mut().unwrap());
    let mut line = String::new();
    while !line.ends_with("ready\n") {
        assert!(lines.read_line(&mut line).unwrap() > 0, "{line}");
    }
    service
}

/// A project whose build copies a file, unless it has the word `broken` in it.
fn project(place: &Place) {
    fs::create_dir(place.path("project")).unwrap();
    place.write("project/build.sh", "grep -q broken source.bin && exit 3; cp source.bin pool.wasm\n");
    build_next(place, "hello");
}

/// Makes a guest the source of the next build, whole at once.
fn build_next(place: &Place, guest: &str) {
    replace(&place.path("project/source.bin"), &guests::component(guest));
}

fn replace(file: &Path, bytes: &[u8]) {
    let part = file.with_file_name(".part");
    fs::write(&part, bytes).unwrap();
    fs::rename(part, file).unwrap();
}

fn dev(place: &Place, service: Option<&Running>) -> Command {
    let (project, cache, settings) = (place.path("project"), place.path("cache"), place.path("app.toml"));
    let mut dev = command(&[&"plugin", &"dev", &project, &"--cache-dir", &cache]);
    if let Some(service) = service {
        dev.arg("--pid").arg(service.pid()).arg("--config").arg(settings);
    }
    dev
}

#[track_caller]
fn shows_each_version_in_a_report_of_the_service(format: &str) {
    let place = Place::new();
    project(&place);
    let service = start_service(&place, format);
    let mut session = Running::start(&mut dev(&place, Some(&service)));
    let mut lines = Lines(BufReader::new(session.child.stdout.take().unwrap()));
    let mut errors = Lines(BufReader::new(session.child.stderr.take().unwrap()));
    let round = lines.until("hello");
    for part in [
        "building: sh build.sh\n",
        "built in ",
        "compiled in ",
        "dropped into ",
        "plugins/pool.wasm\n",
        "Guest",
    ] {
        assert!(round.contains(part), "{part}: {round}");
    }

    // Fails when it is called: the service says so in its report.
    build_next(&place, "trap");
    let round = lines.until("not whole: ");
    assert!(round.contains("changed: source.bin\n"), "{round}");

    // No build, then no component: the service keeps what it has, and the session goes on.
    replace(&place.path("project/source.bin"), b"broken");
    errors.until("gmr: the build failed (exit status: 3)");
    replace(&place.path("project/source.bin"), b"words");
    errors.until("pool.wasm: ");
    build_next(&place, "hello");
    let round = lines.until("hello");
    assert!(round.contains("from the cache in "), "{round}");

    kill_process(Pid::from_child(&session.child), Signal::INT).unwrap();
    assert!(session.child.wait().unwrap().success());
    let mut rest = String::new();
    errors.0.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
    let plugins: Vec<_> =
        place.path("plugins").read_dir().unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(plugins, ["pool.wasm"], "nothing else is left");
}

#[test]
fn each_version_is_shown_in_a_text_report_of_the_service() {
    shows_each_version_in_a_report_of_the_service("text");
}

#[test]
fn each_version_is_shown_in_a_json_report_of_the_service() {
    shows_each_version_in_a_report_of_the_service("json");
}

#[test]
fn without_a_service_the_section_is_made_here() {
    let place = Place::new();
    project(&place);
    let output = dev(&place, None).arg("--once").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.ends_with("hello\n\n") && !said.contains("dropped"), "{said}");
    fs::write(place.path("project/source.bin"), "broken").unwrap();
    let output = dev(&place, None).arg("--once").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_build_that_goes_on_is_ended_with_the_session() {
    let place = Place::new();
    fs::create_dir(place.path("project")).unwrap();
    let mut dev = dev(&place, None);
    // It tells that it has begun, and ends with the reader of a pipe that nobody writes to.
    let mut session = Running::start(dev.args(["--build", "mkfifo pipe; echo begun; cat pipe"]));
    let mut lines = Lines(BufReader::new(session.child.stdout.take().unwrap()));
    lines.until("begun");
    kill_process(Pid::from_child(&session.child), Signal::INT).unwrap();
    assert!(session.child.wait().unwrap().success());
    // The build has standard output too: that it is closed tells that all of it is gone.
    let mut rest = String::new();
    lines.0.read_to_string(&mut rest).unwrap();
}

#[test]
fn what_is_not_known_is_asked_for() {
    let place = Place::new();
    fs::create_dir(place.path("empty")).unwrap();
    bad(&[&"plugin", &"dev", &place.path("empty")], &["--build", "Cargo.toml"]);
    bad(&[&"plugin", &"dev", &place.path("none")], &["cannot find", "none"]);
    place.write("empty/Makefile", "");
    let own = std::process::id().to_string();
    bad(
        &[&"plugin", &"dev", &place.path("empty"), &"--pid", &own],
        &["GMR_PLUGIN_DIR", "--config", "--into"],
    );
}
