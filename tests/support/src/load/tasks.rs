//! Tasks that wait, and tasks that come and go. The peer that is measured beside has the same ones.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Mutex;

/// Starts so many that wait and returns when all of them do; then so many that end and have a successor all the time.
pub fn spawn(handle: &Handle, waiting: usize, churning: usize) {
    let (tell, told) = channel();
    for _ in 0..waiting {
        handle.spawn(outer(tell.clone()));
    }
    told.iter().take(waiting).for_each(drop);
    for _ in 0..churning {
        handle.spawn(churn());
    }
}

/// Starts so many pairs of tasks, of which one has a lock and sleeps and the other one waits for it, and returns when all do.
pub fn pairs(handle: &Handle, count: usize) {
    let (tell, told) = channel();
    for _ in 0..count {
        let lock = Arc::new(Mutex::new(0));
        handle.spawn(holder(lock.clone(), tell.clone()));
        // A lock that is free would be the waiter's.
        told.recv().expect("its task has it");
        handle.spawn(waiter(lock, tell.clone()));
    }
    told.iter().take(count).for_each(drop);
}

async fn holder(lock: Arc<Mutex<u64>>, holding: Sender<()>) {
    let mut held = lock.lock().await;
    outer(holding).await;
    *held += 1;
}

async fn waiter(lock: Arc<Mutex<u64>>, waiting: Sender<()>) {
    let _ = waiting.send(());
    *lock.lock().await += 1;
}

async fn outer(waiting: Sender<()>) {
    inner(waiting).await;
}

async fn inner(waiting: Sender<()>) {
    // The receiver stays for as long as tasks are started.
    let _ = waiting.send(());
    tokio::time::sleep(Duration::from_secs(86_400)).await;
}

/// Starts its successor and ends.
fn churn() -> impl Future<Output = ()> + Send {
    // Spelled out as boxed: a future that contains its own spawning has no type of finite size.
    let next: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async {
        short().await;
        tokio::spawn(churn());
    });
    next
}

async fn short() {
    tokio::task::yield_now().await;
    tokio::time::sleep(Duration::from_millis(1)).await;
}
