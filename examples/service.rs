//! A job service: jobs come in over HTTP, wait in a queue, and are done by worker threads. What it can be
//! asked about itself is in its reports: `kill -USR2` it.
//!
//!     POST /jobs {"name": "..."}      queues a job, answers its number
//!     GET  /jobs/{number}             waits until it is done, answers its result

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use gmr::Track;
use tokio::sync::watch;

/// The service's own options; `[gmr]` stands in the same file.
#[derive(Clone, serde::Deserialize, serde::Serialize)]
struct Options {
    listen: String,
    workers: usize,
    job_time_ms: u64,
    database: toml::Table,
    mail: toml::Table,
}

impl Options {
    /// Reads a file that has passwords in it.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and in which line. The error that `toml` gives is not handed on: it repeats that line,
    /// and printed by `main` the whole file.
    fn read(path: &std::path::Path) -> Result<Options, String> {
        let place = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| format!("{place}: {error}"))?;
        toml::from_str(&text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map_or(1, |before| before.matches('\n').count() + 1);
            format!("{place}:{line}: {}", without_value(error.message()))
        })
    }
}

/// What is said before a value is repeated; the name of a missing option is no value.
fn without_value(message: &str) -> &str {
    let value = message.find(['"', '`']).filter(|_| !message.starts_with("missing field"));
    message[..value.unwrap_or(message.len())].trim_end_matches([' ', ','])
}

#[derive(clap::Parser)]
struct Arguments {
    /// The TOML file with the service's options and its `[gmr]` table.
    config: PathBuf,
}

/// Jobs that are not done yet, and the results of those that are.
#[derive(Default)]
struct Jobs {
    next: AtomicU64,
    done: AtomicU64,
    results: Mutex<HashMap<u64, watch::Sender<Option<String>>>>,
}

/// Jobs that no worker has taken yet.
#[derive(Default)]
struct Queue {
    waiting: Mutex<VecDeque<(u64, String)>>,
    more: Condvar,
}

#[derive(Clone)]
struct Service {
    jobs: Arc<Jobs>,
    queue: Arc<Queue>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Before anything else, the runtime's threads among it: a child that compiles a plugin runs this as well.
    gmr::plugin::compile_if_asked();
    serve()
}

#[tokio::main]
async fn serve() -> Result<(), Box<dyn std::error::Error>> {
    let Arguments { config } = clap::Parser::parse();
    let options = Options::read(&config)?;
    let jobs = Arc::new(Jobs::default());
    let service_jobs = jobs.clone();
    let builder = gmr::Builder::new(gmr::package!().product("Job Service").vendor("Example Ltd"))
        .settings_file(&config)
        .configuration(&options);
    // What plugins may show.
    #[cfg(feature = "plugin")]
    let builder = {
        let jobs = jobs.clone();
        builder.fact("jobs", move || {
            let (taken, done) = (jobs.next.load(Ordering::Relaxed), jobs.done.load(Ordering::Relaxed));
            HashMap::from([("taken", taken), ("done", done), ("open", taken - done)])
        })
    };
    let _gmr = builder.install()?;

    let queue = Arc::new(Queue::default());
    for number in 0..options.workers {
        let (queue, jobs) = (queue.clone(), jobs.clone());
        let work_time = Duration::from_millis(options.job_time_ms);
        std::thread::Builder::new()
            .name(format!("worker-{number}"))
            .spawn(move || work(&queue, &jobs, work_time))?;
    }
    tokio::spawn(clean_up(jobs).tracked("clean-up"));

    let service = Service { jobs: service_jobs, queue };
    let routes = Router::new().route("/jobs", post(submit)).route("/jobs/{number}", get(result));
    let listener = tokio::net::TcpListener::bind(&options.listen).await?;
    println!("READY {} {}", std::process::id(), listener.local_addr()?);
    axum::serve(listener, routes.with_state(service)).await?;
    Ok(())
}

#[derive(serde::Deserialize)]
struct Submission {
    name: String,
}

async fn submit(State(service): State<Service>, Json(job): Json<Submission>) -> Json<u64> {
    let number = service.jobs.next.fetch_add(1, Ordering::Relaxed);
    service.jobs.results.lock().expect("no panic under the lock").insert(number, watch::Sender::default());
    service.queue.waiting.lock().expect("no panic under the lock").push_back((number, job.name));
    service.queue.more.notify_one();
    Json(number)
}

async fn result(State(service): State<Service>, Path(number): Path<u64>) -> Result<String, StatusCode> {
    let mut result = {
        let results = service.jobs.results.lock().expect("no panic under the lock");
        results.get(&number).ok_or(StatusCode::NOT_FOUND)?.subscribe()
    };
    let done = result.wait_for(Option::is_some).await.map_err(|_| StatusCode::GONE)?;
    done.clone().ok_or(StatusCode::GONE)
}

/// What a worker thread does: one job after the other.
fn work(queue: &Queue, jobs: &Jobs, work_time: Duration) {
    loop {
        let waiting = queue.waiting.lock().expect("no panic under the lock");
        let mut waiting =
            queue.more.wait_while(waiting, |jobs| jobs.is_empty()).expect("no panic under the lock");
        let Some((number, name)) = waiting.pop_front() else { continue };
        drop(waiting);
        std::thread::sleep(work_time);
        jobs.done.fetch_add(1, Ordering::Relaxed);
        if let Some(result) = jobs.results.lock().expect("no panic under the lock").get(&number) {
            result.send_replace(Some(format!("{name} is done")));
        }
    }
}

/// Forgets results that somebody has had a minute to fetch.
async fn clean_up(jobs: Arc<Jobs>) {
    loop {
        let done: Vec<u64> = {
            let results = jobs.results.lock().expect("no panic under the lock");
            results
                .iter()
                .filter(|(_, result)| result.borrow().is_some())
                .map(|(number, _)| *number)
                .collect()
        };
        tokio::time::sleep(Duration::from_secs(60)).await;
        let mut results = jobs.results.lock().expect("no panic under the lock");
        results.retain(|number, _| !done.contains(number));
    }
}

#[cfg(test)]
mod tests {
    use super::Options;

    #[track_caller]
    fn check(options: &str, expected: &str) {
        let path = std::env::temp_dir().join(format!("gmr-service-{}.toml", std::process::id()));
        std::fs::write(&path, options).expect("the directory for temporary files is writable");
        let error = Options::read(&path).err().expect("the options are wrong");
        assert_eq!(error.strip_prefix(&path.display().to_string()), Some(expected));
        std::fs::remove_file(path).expect("it was written");
    }

    #[test]
    fn an_error_has_the_line_and_nothing_of_the_file() {
        check(
            "listen = 'a'\n[mail]\npassword = hunter2\n",
            ":3: string values must be quoted, expected literal string",
        );
        check("password = 'hunter2'\nlisten = 'a'\nworkers = 'hunter2'\n", ":3: invalid type: string");
        check("listen = 'a'\nlisten = 'hunter2'\n", ":2: duplicate key");
        check("listen = 'hunter2'\n", ":1: missing field `workers`");
    }
}
