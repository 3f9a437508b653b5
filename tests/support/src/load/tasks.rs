//! Tasks that wait, and tasks that come and go. The peer that is measured beside has the same ones.

use std::pin::Pin;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use tokio::runtime::Handle;

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
