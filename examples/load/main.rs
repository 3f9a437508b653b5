//! The subject of benchmarks: a process with many threads and tasks, of which most wait. Prints
//! `READY <pid>` when all of them are where they should be.
//!
//! `GMR_TOUCH_FILE` names the file whose touch asks for a report, `GMR_BEAT_FILE` where the longest gaps are
//! kept: of the main thread, and of another one or, where there are tasks, of a task.

mod beat;
mod tasks;

use std::hint::black_box;
use std::path::PathBuf;
use std::sync::{Arc, Barrier};

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
    tasks::spawn(runtime.handle(), arguments.tasks, arguments.churning);
    ready.wait();
    println!("READY {}", std::process::id());

    let Some(beats) = beat::open()? else { return wait_for_ever() };
    match arguments.tasks {
        0 => beat::in_another_thread(&beats)?,
        _ => beat::in_a_task(&beats, runtime.handle()),
    }
    beat::here(&beats)?;
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
