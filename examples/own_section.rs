//! A section of the application's own: `kill -USR2` shows how full its queue is.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gmr::report::{Block, Field, Value};

fn main() -> Result<(), gmr::Error> {
    let queue = Arc::new(Mutex::new(VecDeque::from(["invoice", "reminder"])));
    let shown = queue.clone();
    let _gmr = gmr::Builder::new(gmr::package!()).section("Queue", move || blocks(&shown)).install()?;

    println!("READY {}", std::process::id());
    std::thread::sleep(Duration::from_secs(600));
    drop(queue);
    Ok(())
}

/// Called on a thread of its own at each report. If it waits for a lock that is never released, its section
/// says so after a second, and all others are printed.
fn blocks(queue: &Mutex<VecDeque<&'static str>>) -> Vec<Block> {
    let queue = queue.lock().expect("no panic under the lock");
    let next = queue.front().map_or(Value::None, |job| Value::from(*job));
    vec![Block::fields([Field::new("waiting", queue.len() as u64), Field::new("next", next)])]
}
