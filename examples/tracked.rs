//! Tasks of an executor that is not tokio's: they stand in reports because they are registered, each with its
//! name, the place where it was made, its age, its polls, and how long it has been waiting.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use gmr::Track;

fn main() -> Result<(), gmr::Error> {
    let _gmr = gmr::Builder::new(gmr::package!()).install()?;
    std::thread::spawn(|| block_on(fetch().tracked("fetch")));
    std::thread::spawn(|| block_on(index().tracked("index")));
    println!("READY {}", std::process::id());
    std::thread::sleep(Duration::from_secs(600));
    Ok(())
}

async fn fetch() {
    answer().await;
}

/// Waits for an answer that does not come.
async fn answer() {
    std::future::pending().await
}

async fn index() {
    std::future::pending().await
}

/// The smallest executor: a thread that runs one future, and sleeps while that waits.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}
