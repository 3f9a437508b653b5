//! A real service under load, built as the README recommends: chains reach down to the handler's own line.
//!
//! It costs a release build, so it runs on request only, as `cargo xtask matrix` does it: `cargo test -p gmr-inspect
//! --test tasks_service -- --ignored`. The variable `GMR_MATRIX_TOOLCHAIN` names a toolchain other than the default one.

#![cfg(target_os = "linux")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Reports that are asked for while requests come.
const REPORTS: usize = 10;
/// Connections with requests that end and are followed by others.
const CLIENTS: usize = 4;
/// Connections whose request waits for a job that is never done meanwhile.
const WAITING: usize = 8;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn build() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let toolchain = std::env::var("GMR_MATRIX_TOOLCHAIN").ok().filter(|name| !name.is_empty());
    let target = own.ancestors().nth(3).unwrap().join("matrix/service");
    let target = target.join(toolchain.as_deref().unwrap_or("default"));
    let mut cargo = Command::new("cargo");
    if let Some(toolchain) = toolchain {
        cargo.env("RUSTUP_TOOLCHAIN", toolchain);
    }
    cargo.current_dir(root().join("tests/fixtures/service"));
    cargo.args(["build", "--quiet", "--locked", "--release", "--target-dir"]).arg(&target);
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    assert!(cargo.status().unwrap().success(), "the service does not build");
    target.join("release/service")
}

/// The service, until the end of the test.
struct Service {
    child: Child,
    address: String,
    folder: PathBuf,
}

impl Service {
    fn start(program: &Path, job_time_ms: u64) -> Service {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("service");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let options = format!(
            "listen = \"127.0.0.1:0\"\nworkers = 1\njob_time_ms = {job_time_ms}\n[database]\n[mail]\n\
             [gmr]\nlog_dir = {folder:?}\ndeadline = 60\n"
        );
        fs::write(folder.join("service.toml"), options).unwrap();
        let mut child =
            Command::new(program).arg(folder.join("service.toml")).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.split_whitespace().nth(2).expect("it is ready").to_owned();
        Service { child, address, folder }
    }

    fn connect(&self) -> Connection {
        Connection(BufReader::new(TcpStream::connect(&self.address).unwrap()))
    }

    /// Asks for a report and waits until it is there.
    fn report(&self) -> String {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::USR2).unwrap();
        let patience = Instant::now() + Duration::from_secs(120);
        loop {
            let entries = fs::read_dir(&self.folder).unwrap().map(|entry| entry.unwrap().path());
            let mut reports = entries.filter(|path| path.extension().is_some_and(|name| name == "txt"));
            if let Some(report) = reports.next() {
                let text = fs::read_to_string(&report).unwrap();
                fs::remove_file(report).unwrap();
                return text;
            }
            assert!(Instant::now() < patience, "no report came");
            std::thread::yield_now();
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Connection(BufReader<TcpStream>);

impl Connection {
    fn send(&mut self, request: &str, body: &str) {
        let length = body.len();
        let head = format!(
            "{request} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        );
        self.0.get_mut().write_all(format!("{head}{body}").as_bytes()).unwrap();
    }

    /// The body of the next answer; `None` if the service has gone.
    fn answer(&mut self) -> Option<String> {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).ok()? == 0 {
                return None;
            }
            match line.trim_end().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.parse().unwrap();
                }
                None if line == "\r\n" => break,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).ok()?;
        String::from_utf8(body).ok()
    }

    fn submit(&mut self) -> Option<String> {
        self.send("POST /jobs", "{\"name\": \"a job\"}");
        self.answer()
    }
}

/// The line of the service's source that has these words.
fn line(words: &str) -> usize {
    let source = fs::read_to_string(root().join("examples/service.rs")).unwrap();
    let found: Vec<usize> =
        source.lines().enumerate().filter(|(_, line)| line.contains(words)).map(|(at, _)| at + 1).collect();
    assert_eq!(found.len(), 1, "{words}");
    found[0]
}

/// The green threads, each trace for itself.
fn traces(report: &str) -> Vec<String> {
    let (_, section) = report.split_once("Green Threads  ").expect("there is such a section");
    let section = section.split("\n====").nth(1).unwrap();
    section.split("\n------ ").skip(1).map(str::to_owned).collect()
}

/// The functions of a trace and where they are, without what is beside them.
fn steps(trace: &str) -> Vec<(String, String)> {
    let lines = trace.lines().skip_while(|line| !line.is_empty()).filter(|line| line.starts_with("  "));
    let pair = |line: &str| {
        let mut words = line.trim().split("  ").filter(|word| !word.is_empty());
        (
            words.next().unwrap_or_default().trim().to_owned(),
            words.last().unwrap_or_default().trim().to_owned(),
        )
    };
    lines.map(pair).collect()
}

#[test]
#[ignore = "builds a service in release"]
fn chains_reach_the_handlers_line_while_requests_run() {
    let program = build();
    // The worker thread never gets to the jobs that are waited for; the others do not wait for it.
    let service = Arc::new(Service::start(&program, 3_600_000));
    let mut waiting: Vec<Connection> = (0..WAITING).map(|_| service.connect()).collect();
    for connection in &mut waiting {
        let number = connection.submit().unwrap();
        connection.send(&format!("GET /jobs/{number}"), "");
    }
    let stop = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicU64::new(0));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (stop, answered, mut connection) = (stop.clone(), answered.clone(), service.connect());
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) && connection.submit().is_some() {
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();

    let handler = (
        "service::result".to_owned(),
        format!("examples/service.rs:{}", line("wait_for(Option::is_some).await")),
    );
    let clean_up = (
        "service::clean_up".to_owned(),
        format!("examples/service.rs:{}", line("tokio::time::sleep(Duration::from_secs(60)).await")),
    );
    let mut reports = 0;
    let patience = Instant::now() + Duration::from_secs(120);
    while reports < REPORTS {
        let before = answered.load(Ordering::Relaxed);
        let report = service.report();
        // The first ones may come before all requests have arrived, or the debug information is read.
        let settled = report.contains("chains from debug information, checked")
            && report.contains(&format!("{WAITING} tasks"));
        if !settled {
            assert!(Instant::now() < patience, "{report}");
            continue;
        }
        reports += 1;
        assert!(!report.contains("not reached in time"), "{report}");
        let traces = traces(&report);
        let at_handler: Vec<&String> =
            traces.iter().filter(|trace| trace.contains("service::result")).collect();
        let [group] = at_handler[..] else { panic!("{report}") };
        assert!(group.trim_start().starts_with(&format!("{WAITING} tasks")), "{group}");
        let steps_of_group = steps(group);
        let at = steps_of_group.iter().position(|step| *step == handler);
        let at = at.unwrap_or_else(|| panic!("{handler:?} is not in {steps_of_group:#?}\n{group}"));
        // What the handler waits for is tokio's; what waits for the handler is axum's and hyper's.
        assert!(at > 0 && steps_of_group[at + 1].0.contains("tokio::sync::"), "{group}");
        assert!(traces.iter().any(|trace| steps(trace).contains(&clean_up)), "{report}");
        let during = answered.load(Ordering::Relaxed);
        while answered.load(Ordering::Relaxed) == before.max(during) {
            assert!(Instant::now() < patience, "no request is answered any more");
            std::thread::yield_now();
        }
    }
    stop.store(true, Ordering::Relaxed);
    clients.into_iter().for_each(|client| client.join().unwrap());
    println!("{} requests answered meanwhile", answered.load(Ordering::Relaxed));
}
