//! How far waits have come: places in queues, locks that were handed over, timers beside them, wakers that are missing.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::{Mutex, Notify, Semaphore, oneshot};

use super::{ACTS, Curtain, Scene, for_ever, lock, poll_once, take, wait_for};

/// Three tasks want two permits each of a semaphore that has one.
pub fn queue(scene: &mut Scene) {
    let semaphore = Arc::new(Semaphore::new(1));
    for (act, name) in ["first", "second", "third"].into_iter().enumerate() {
        let (semaphore, curtain) = (semaphore.clone(), scene.curtain());
        scene.spawn(name, async move {
            curtain.act(act).await;
            let permits = semaphore.acquire_many(2).await;
            drop(permits);
        });
    }
}

/// A task has queued for a lock by a future that it does not poll any more when it is its turn; then it waits for the
/// lock by another one.
pub fn handed_over(scene: &mut Scene) {
    let own = lock();
    let curtain = scene.curtain();
    scene.spawn("releases", {
        let own = own.clone();
        async move {
            let guard = own.lock().await;
            curtain.act(2).await;
            drop(guard);
            for_ever().await;
        }
    });
    let curtain = scene.curtain();
    scene.spawn("both", async move {
        curtain.act(1).await;
        let mut first = Box::pin(own.lock());
        poll_once(&mut first).await;
        curtain.act(2).await;
        drop(own.lock().await);
        drop(first.await);
    });
}

/// The last permits of two semaphores were given to futures that are not polled any more, one pinned and one in a box; the
/// latter was dropped, and another task has taken its permit. Flags tell that something was moved away, and not what.
pub fn handed_in_doubt(scene: &mut Scene) {
    let (pinned, boxed) = (Arc::new(Semaphore::new(1)), Arc::new(Semaphore::new(1)));
    scene.spawn("reserves", {
        let slots = pinned.clone();
        async move {
            let taken = slots.acquire().await;
            let mut reserved = pin!(slots.acquire());
            poll_once(&mut reserved).await;
            drop(taken);
            for_ever().await;
            drop(reserved.await);
        }
    });
    let curtain = scene.curtain();
    scene.spawn("gave up", {
        let slots = boxed.clone();
        async move {
            let taken = slots.acquire().await;
            let mut reserved = Box::pin(slots.acquire());
            poll_once(&mut reserved).await;
            drop(taken);
            drop(reserved);
            curtain.act(ACTS).await;
        }
    });
    for (holder, waiter, slots) in
        [("", "wants the pinned one", pinned), ("has", "wants the boxed one", boxed)]
    {
        if !holder.is_empty() {
            let (slots, curtain) = (slots.clone(), scene.curtain());
            scene.spawn(holder, async move {
                curtain.act(1).await;
                let permit = slots.acquire().await;
                for_ever().await;
                drop(permit);
            });
        }
        let curtain = scene.curtain();
        scene.spawn(waiter, async move {
            curtain.act(2).await;
            drop(slots.acquire().await);
        });
    }
}

const HOUR: Duration = Duration::from_secs(3600);

async fn with_timeout(lock: Arc<Mutex<u32>>) {
    let _ = tokio::time::timeout(HOUR, wait_for(lock)).await;
}

async fn with_select(lock: Arc<Mutex<u32>>) {
    tokio::select! {
        () = wait_for(lock) => {}
        () = tokio::time::sleep(HOUR) => {}
    }
}

async fn with_another(lock: Arc<Mutex<u32>>) {
    tokio::select! {
        () = wait_for(lock) => {}
        () = for_ever() => {}
    }
}

async fn with_join(lock: Arc<Mutex<u32>>) {
    tokio::join!(wait_for(lock), tokio::time::sleep(HOUR));
}

/// Waits for a lock, with timers and without.
pub fn timers(scene: &mut Scene) {
    fn spawn<F>(
        scene: &mut Scene,
        name: &'static str,
        lock: &Arc<Mutex<u32>>,
        wait: impl FnOnce(Arc<Mutex<u32>>) -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let (lock, curtain) = (lock.clone(), scene.curtain());
        scene.spawn(name, async move {
            curtain.act(1).await;
            wait(lock).await;
        });
    }
    let own = lock();
    scene.spawn("has", take(own.clone()));
    spawn(scene, "plain", &own, wait_for);
    spawn(scene, "timeout", &own, with_timeout);
    spawn(scene, "select", &own, with_select);
    spawn(scene, "select without", &own, with_another);
    spawn(scene, "join", &own, with_join);
}

/// Never polls what it has.
struct Lazy<F>(F);

impl<F: Unpin> Future for Lazy<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

/// Waits for the end of tasks and for an answer.
pub fn unpolled(scene: &mut Scene) {
    let end = scene.spawn("runs", for_ever());
    scene.spawn("polled", async move { end.await.unwrap() });
    let end = scene.spawn("runs too", for_ever());
    scene.spawn("never polled", Lazy(end));
    let (sender, receiver) = oneshot::channel::<()>();
    scene.spawn("answer", async move { receiver.await.unwrap() });
    scene.spawn("has the sender", async move {
        for_ever().await;
        drop(sender);
    });
    let notify = Arc::new(Notify::new());
    scene.spawn("notified", {
        let notify = notify.clone();
        async move { notify.notified().await }
    });
    // A branch of `select!` that is switched off is there, but not polled.
    let end = scene.spawn("runs, too", for_ever());
    scene.spawn("switched off", async move {
        let yes = std::hint::black_box(false);
        tokio::select! {
            end = end, if yes => end.unwrap(),
            () = notify.notified() => {}
        }
    });
    let own = lock();
    scene.spawn("has", take(own.clone()));
    let curtain = scene.curtain();
    scene.spawn("dropped", async move {
        curtain.act(1).await;
        let mut queued = Box::pin(wait_for(own));
        poll_once(&mut queued).await;
        drop(queued);
        for_ever().await;
    });
}

async fn take_until(curtain: Curtain, lock: Arc<Mutex<u32>>) {
    let mut guard = lock.lock().await;
    *guard += 1;
    curtain.act(ACTS).await;
    drop(guard);
}

/// A lock that is given up after the last act.
pub fn released(scene: &mut Scene) {
    let own = lock();
    scene.spawn("has", take_until(scene.curtain(), own.clone()));
    scene.spawn("waits", super::wait_in_act(scene.curtain(), 1, own));
}
