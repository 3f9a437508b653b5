//! A program that embeds gmr and does what a test tells it, a line of standard input each. Its settings come
//! from the environment. It ends with its input, so that none outlives its test.

use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::sync::mpsc;

use gmr::report::Block;

fn main() {
    let (builder, _keep) = builder(std::env::args().nth(1).as_deref().unwrap_or("plain"));
    let mut guard = match builder.install() {
        Ok(guard) => Some(guard),
        Err(error) => return say(&format!("error {error}")),
    };
    say("ready");
    let mut files = Vec::new();
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("trigger", _) => guard.as_ref().expect("installed").trigger(),
            ("report", path) => {
                let report = guard.as_ref().expect("installed").report().expect("the worker runs");
                let read = gmr::report::format::json::read(&gmr::report::format::json::report(&report))
                    .expect("it is JSON");
                std::fs::write(path, if read == report { "equal" } else { "different" }).expect("writable");
            }
            ("again", _) => match self::builder("plain").0.install() {
                Ok(_) => return say("installed twice"),
                Err(error) => assert!(error.is_already_installed()),
            },
            ("drop", _) => drop(guard.take()),
            ("close", folder) => {
                gmr_test_support::close_all_from(3);
                files = take_numbers(folder);
            }
            ("write", _) => files.iter().for_each(|mut file| file.write_all(b"more").expect("it is open")),
            ("half", _) => eprint!("half a line"),
            ("exit", _) => return,
            ("install", _) => {
                guard = Some(self::builder("plain").0.install().expect("the claim was given back"))
            }
            ("threads", _) => {
                say(&threads().join(","));
                continue;
            }
            other => panic!("no such order: {other:?}"),
        }
        say("done");
    }
}

/// Opens as many files as a reporter may have had descriptors, each with a word in it.
fn take_numbers(folder: &str) -> Vec<std::fs::File> {
    let open = |number| {
        let mut file =
            std::fs::File::create(PathBuf::from(folder).join(format!("{number}"))).expect("writable");
        file.write_all(b"data").expect("writable");
        file
    };
    (0..40).map(open).collect()
}

/// The kernel's names of this process's threads.
fn threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux").flatten();
    let name = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm")).ok();
    let mut names: Vec<String> = tasks.filter_map(name).map(|name| name.trim_end().to_owned()).collect();
    names.sort();
    names
}

fn say(line: &str) {
    // The test may be gone.
    let _ = writeln!(std::io::stdout(), "{line}").and_then(|()| std::io::stdout().flush());
}

/// What keeps a stuck closure stuck.
type Keep = Option<mpsc::Sender<()>>;

fn builder(scenario: &str) -> (gmr::Builder, Keep) {
    let builder = gmr::Builder::new(gmr::Package::new("subject", "1.2.3").vendor("Example Ltd"));
    let builder = match std::env::var_os("SUBJECT_SETTINGS") {
        Some(path) => builder.settings_file(PathBuf::from(path)),
        None => builder,
    };
    let stuck = || {
        let (keep, wait) = mpsc::channel::<()>();
        let wait = std::sync::Mutex::new(wait);
        (Some(keep), move || {
            let _ = wait.lock().map(|wait| wait.recv());
        })
    };
    match scenario {
        "plain" => {
            (builder.configuration(&std::collections::HashMap::from([("listen", "0.0.0.0:80")])), None)
        }
        "panics" => (
            builder
                .configuration_with(|| -> u32 { panic!("no configuration today") })
                .section("Pool", || panic!("no pool today"))
                .section("Queue", || vec![Block::paragraph("3 jobs")]),
            None,
        ),
        "stuck" => {
            let (keep, wait) = stuck();
            (
                builder.section("Stuck", move || {
                    wait();
                    Vec::new()
                }),
                keep,
            )
        }
        "forgery" => (
            builder.section("Forged\u{1b}[2J", || {
                let banner = format!("{0}\n===={1:^64}====\n{0}", "=".repeat(72), "Package");
                vec![Block::paragraph(banner.as_str()), Block::preformatted(banner)]
            }),
            None,
        ),
        other => panic!("no such scenario: {other}"),
    }
}
