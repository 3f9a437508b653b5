//! The least that a program does to have reports: `kill -USR2` it, or touch the file that
//! `GMR_FILE_EVENT_HANDLER` names.

#[derive(serde::Serialize)]
struct Options {
    listen: &'static str,
    database: &'static str,
}

fn main() -> Result<(), gmr::Error> {
    let options = Options { listen: "127.0.0.1:8080", database: "postgres://shop:hunter2@db-1/shop" };
    let _gmr = gmr::Builder::new(gmr::package!()).configuration(&options).install()?;

    let worker = std::thread::Builder::new().name("worker".to_owned()).spawn(wait_for_work);
    println!("READY {}", std::process::id());
    worker.expect("a thread can be started").join().expect("the worker does not panic");
    Ok(())
}

fn wait_for_work() {
    std::thread::park_timeout(std::time::Duration::from_secs(600));
}
