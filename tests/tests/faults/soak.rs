//! A service under load, in all storms at once, that makes report after report: none may hang, no request may fail, and
//! neither memory nor descriptors may grow.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::stage::Stage;
use crate::subject::Subject;

/// What may be more resident at the end than after the first reports, in KiB.
const GROWTH: i64 = 4 << 10;
/// glibc's own setting, for one arena. By its default each thread that ends leaves its arena to the next one that starts,
/// so that among a storm's threads the report's come to all of them, and each keeps what a report once took of it: 5 to
/// 10 MiB more in the first hundreds of reports, and no more in the thousands after them. With one arena some
/// 1.5 MiB are taken in the first 400 reports under load and 0.1 MiB in the 2,800 after them: what grows beyond that is held
/// by somebody.
const ONE_ARENA: (&str, &str) = ("MALLOC_ARENA_MAX", "1");
/// After so many reports everything that is taken once has been taken.
const WARM_UP: usize = 25;

/// When it is over.
enum Until {
    Reports(usize),
    Time(Duration),
}

/// What is the process's own when nothing storms.
struct Held {
    resident: i64,
    descriptors: usize,
}

/// Runs it with `--reports N` or `--minutes N`, and prints the numbers.
pub fn run(arguments: &[String]) -> ExitCode {
    let value = |option| {
        let at = arguments.iter().position(|argument| argument == option)?;
        arguments.get(at + 1)?.parse::<u32>().ok()
    };
    let until = match (value("--reports"), value("--minutes")) {
        (Some(reports), _) => Until::Reports(reports as usize),
        (None, Some(minutes)) => Until::Time(Duration::from_secs(60 * u64::from(minutes))),
        (None, None) => {
            eprintln!("--soak wants --reports N or --minutes N");
            return ExitCode::FAILURE;
        }
    };
    let stage = Stage::new("soak");
    let (setting, arenas) = ONE_ARENA;
    let mut subject = stage.launch().set(setting, arenas).connections(4).start();
    let storms = storms(&stage);
    let mut took = reports(&mut subject, &storms, &Until::Reports(WARM_UP));
    let before = held(&mut subject);
    took = [took, reports(&mut subject, &storms, &until)].concat();
    let after = held(&mut subject);
    let requests = subject.end_load();
    print(&mut took, requests, &before, &after);
    let ends = subject.ends();
    println!("the application: {ends}");
    let grown = after.resident - before.resident;
    if grown > GROWTH || after.descriptors > before.descriptors {
        println!("FAULT: {grown} KiB more are resident, of which {GROWTH} are allowed");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// The storms as orders.
fn storms(stage: &Stage) -> Vec<String> {
    let library = stage.library("empty", "");
    let dlopen = format!("dlopen {}", library.display());
    ["malloc", &dlopen, "panic", "fork", "exec", "threads"].map(|storm| format!("storm {storm}")).to_vec()
}

/// How long each report took, from its signal to its last byte.
fn reports(subject: &mut Subject, storms: &[String], until: &Until) -> Vec<Duration> {
    storms.iter().for_each(|storm| drop(subject.ask(storm)));
    let begin = Instant::now();
    let mut took = Vec::new();
    loop {
        let is_over = match until {
            Until::Reports(count) => took.len() >= *count,
            Until::Time(time) => begin.elapsed() >= *time,
        };
        if is_over {
            break;
        }
        let asked = Instant::now();
        let seen = subject.report();
        took.push(asked.elapsed());
        seen.configuration();
        if took.len() % 500 == 0 {
            println!("{} reports after {:.0?}", took.len(), begin.elapsed());
        }
    }
    println!("turns of the storms: {}", subject.ask("calm"));
    took
}

/// What is held when the storms are over and the reporter rests.
fn held(subject: &mut Subject) -> Held {
    subject.rests();
    let resident = subject.status("RssAnon").expect("Linux 4.5 or later");
    Held {
        resident: resident.trim_end_matches(" kB").parse().expect("a number of KiB"),
        descriptors: subject.open_descriptors().expect("it lives"),
    }
}

fn print(took: &mut [Duration], requests: u64, before: &Held, after: &Held) {
    took.sort_unstable();
    let median = took[took.len() / 2].as_millis();
    let most = took.last().map_or(0, Duration::as_millis);
    println!("reports | median | longest | requests | failed | resident | descriptors");
    println!(
        "{} | {median} ms | {most} ms | {requests} | 0 | {} -> {} KiB | {} -> {}",
        took.len(),
        before.resident,
        after.resident,
        before.descriptors,
        after.descriptors
    );
}
