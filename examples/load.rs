//! The subject of benchmarks: a process with many threads and tasks, of which most wait. Prints
//! `READY <pid>` when all of them are where they should be.
//!
//! `GMR_TOUCH_FILE` names the file whose touch asks for a report. `GMR_BEAT_FILE` names a file of three
//! native 64-bit numbers: the longest gap in nanoseconds between two sleeps of 1 ms that the main thread
//! saw, the same of one other thread, and a number whose change puts both back to zero.

use std::fs::OpenOptions;
use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

#[derive(clap::Parser)]
struct Arguments {
    /// Threads that wait.
    #[arg(long, default_value_t = 100)]
    threads: usize,
    /// How many calls deep each of them waits.
    #[arg(long, default_value_t = 15)]
    depth: usize,
    /// Threads that compute without end.
    #[arg(long, default_value_t = 0)]
    spinners: usize,
    /// Async tasks that wait.
    #[arg(long, default_value_t = 0)]
    tasks: usize,
    /// Async tasks that are started and end all the time, so many at once.
    #[arg(long, default_value_t = 0)]
    churning: usize,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Arguments = clap::Parser::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut settings = gmr::Settings::default();
    settings.file_event_handler = std::env::var_os("GMR_TOUCH_FILE").map(PathBuf::from);
    let builder = gmr::Builder::new(gmr::package!()).settings(settings);
    let _gmr = builder.runtime(runtime.handle().clone()).install()?;

    let ready = Arc::new(Barrier::new(arguments.threads + arguments.spinners + 1));
    for number in 0..arguments.threads {
        let ready = ready.clone();
        let thread = std::thread::Builder::new().name(format!("waiter-{number}")).stack_size(64 << 10);
        thread.spawn(move || wait_at(arguments.depth, &ready))?;
    }
    for number in 0..arguments.spinners {
        let ready = ready.clone();
        std::thread::Builder::new().name(format!("spinner-{number}")).spawn(move || spin(&ready))?;
    }
    let (waiting, are_waiting) = std::sync::mpsc::channel();
    for _ in 0..arguments.tasks {
        runtime.spawn(outer_task(waiting.clone()));
    }
    are_waiting.iter().take(arguments.tasks).for_each(drop);
    for _ in 0..arguments.churning {
        runtime.spawn(churn());
    }
    ready.wait();
    println!("READY {}", std::process::id());

    let Some(path) = std::env::var_os("GMR_BEAT_FILE") else { return wait_for_ever() };
    let beats = Arc::new(OpenOptions::new().read(true).write(true).open(path)?);
    let other = beats.clone();
    std::thread::Builder::new().name("beat".to_owned()).spawn(move || beat(&other, 1))?;
    beat(&beats, 0)?;
    Ok(())
}

fn wait_for_ever() -> Result<(), Box<dyn std::error::Error>> {
    loop {
        std::thread::park();
    }
}

#[inline(never)]
fn wait_at(depth: usize, ready: &Barrier) {
    if depth > 1 {
        wait_at(depth - 1, ready);
    } else {
        ready.wait();
        loop {
            std::thread::park();
        }
    }
    black_box(());
}

#[inline(never)]
fn spin(ready: &Barrier) {
    ready.wait();
    let mut number = 1_u64;
    loop {
        number = black_box(number.wrapping_mul(3));
    }
}

async fn outer_task(waiting: std::sync::mpsc::Sender<()>) {
    inner_task(waiting).await;
}

async fn inner_task(waiting: std::sync::mpsc::Sender<()>) {
    // Whoever counts does so for as long as tasks are started.
    let _ = waiting.send(());
    tokio::time::sleep(Duration::from_secs(86_400)).await;
}

/// Starts its successor and ends.
fn churn() -> impl Future<Output = ()> + Send {
    // Spelled out as boxed: a future that contains its own spawning has no type of finite size.
    let next: std::pin::Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async {
        short_task().await;
        tokio::spawn(churn());
    });
    next
}

async fn short_task() {
    tokio::task::yield_now().await;
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// Keeps the longest gap between two sleeps of a millisecond in this slot of the file.
fn beat(file: &std::fs::File, slot: u64) -> std::io::Result<()> {
    let read = |slot: u64| {
        let mut number = [0; 8];
        file.read_exact_at(&mut number, slot * 8).map(|()| u64::from_ne_bytes(number))
    };
    let (mut longest, mut round, mut last) = (0, read(2)?, Instant::now());
    loop {
        std::thread::sleep(Duration::from_millis(1));
        let now = Instant::now();
        if read(2)? != round {
            (round, longest) = (read(2)?, 0);
        }
        longest = longest.max((now - last).as_nanos() as u64);
        last = now;
        file.write_all_at(&longest.to_ne_bytes(), slot * 8)?;
    }
}
