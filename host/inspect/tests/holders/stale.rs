//! Guards that were given up before the await at which their task stands, but whose bytes are still there.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{Scene, for_ever, lock, poll_once, wait_in_act};

type Lock = Arc<Mutex<u32>>;

async fn dropped(lock: Lock) {
    let mut guard = lock.lock().await;
    *guard += 1;
    drop(guard);
    for_ever().await;
}

async fn out_of_scope(lock: Lock) {
    {
        let mut guard = lock.lock().await;
        *guard += 1;
    }
    for_ever().await;
}

async fn dropped_if(lock: Lock, yes: bool) {
    let mut guard = lock.lock().await;
    *guard += 1;
    if yes {
        drop(guard);
    }
    for_ever().await;
}

async fn taken_out(lock: Lock) {
    let mut guard = Some(lock.lock().await);
    if let Some(guard) = &mut guard {
        **guard += 1;
    }
    drop(guard.take());
    for_ever().await;
    drop(guard);
}

async fn owned_dropped(lock: Lock) {
    let mut guard = lock.lock_owned().await;
    *guard += 1;
    drop(guard);
    for_ever().await;
}

async fn argument_dropped(guard: OwnedMutexGuard<u32>) {
    drop(guard);
    for_ever().await;
}

async fn never_borrowed(lock: Lock) {
    let guard = lock.lock().await;
    drop(guard);
    for_ever().await;
}

async fn in_a_loop(lock: Lock) {
    loop {
        let mut guard = lock.lock().await;
        *guard += 1;
        drop(guard);
        for_ever().await;
    }
}

async fn only_a_clone(lock: Lock) {
    for_ever().await;
    drop(lock);
}

/// The same future polled a second time after it gave up its guard.
async fn aside_finished(lock: Lock) {
    let mut held = Box::pin(dropped(lock));
    poll_once(&mut held).await;
    for_ever().await;
    held.await;
}

/// One lock each: who had it is not who has it.
pub fn given_up(scene: &mut Scene) {
    scene.stale(["dropped.had", "dropped.has", "dropped.waits"], dropped);
    scene.stale(["scope.had", "scope.has", "scope.waits"], out_of_scope);
    scene.stale(["if.had", "if.has", "if.waits"], |lock| dropped_if(lock, true));
    scene.stale(["option.had", "option.has", "option.waits"], taken_out);
    scene.stale(["owned.had", "owned.has", "owned.waits"], owned_dropped);
    scene.stale(["borrowed.had", "borrowed.has", "borrowed.waits"], never_borrowed);
    scene.stale(["loop.had", "loop.has", "loop.waits"], in_a_loop);
    scene.stale(["clone.had", "clone.has", "clone.waits"], only_a_clone);
    scene.stale(["finished.had", "finished.has", "finished.waits"], aside_finished);
    scene.pair("kept.has", "kept.waits", |lock| dropped_if(lock, false));

    let own = lock();
    let guard = own.clone().try_lock_owned().unwrap();
    scene.spawn("argument.had", argument_dropped(guard));
    scene.taken_later(["argument2.has", "argument2.waits"], &own);

    let own = lock();
    let mut guard = own.clone().try_lock_owned().unwrap();
    scene.spawn("captured.had", async move {
        *guard += 1;
        drop(guard);
        for_ever().await;
    });
    scene.taken_later(["captured2.has", "captured2.waits"], &own);

    let own = lock();
    let guard = own.clone().try_lock_owned().unwrap();
    scene.spawn("renamed.had", async move {
        let mut guard = guard;
        *guard += 1;
        drop(guard);
        for_ever().await;
    });
    scene.taken_later(["renamed.has", "renamed.waits"], &own);

    to_another_task(scene);
}

async fn hand_over(
    runtime: Handle,
    lock: Lock,
    tell: tokio::sync::oneshot::Sender<tokio::task::JoinHandle<()>>,
) {
    let mut guard = lock.lock_owned().await;
    *guard += 1;
    let child = runtime.spawn(async move {
        for_ever().await;
        drop(guard);
    });
    let _ = tell.send(child);
    for_ever().await;
}

fn to_another_task(scene: &mut Scene) {
    let own = lock();
    let (tell, told) = tokio::sync::oneshot::channel();
    scene.spawn("parent.had", hand_over(scene.runtime(), own.clone(), tell));
    let child = told.blocking_recv().unwrap();
    scene.know("child.has", &child);
    scene.spawn("child.waits", wait_in_act(scene.curtain(), 1, own));
    scene.waits_for("child.waits", &["child.has"]);
}

async fn first_of_two(a: Lock, b: Lock) {
    let mut x = a.lock().await;
    let mut y = b.lock().await;
    *x += 1;
    *y += 1;
    drop(x);
    for_ever().await;
    drop(y);
}

async fn second_of_two(a: Lock, b: Lock) {
    let mut x = a.lock().await;
    let mut y = b.lock().await;
    *x += 1;
    *y += 1;
    drop(y);
    for_ever().await;
    drop(x);
}

async fn middle_of_three(a: Lock, b: Lock, c: Lock) {
    let mut x = a.lock().await;
    let mut y = b.lock().await;
    let mut z = c.lock().await;
    *x += 1;
    *y += 1;
    *z += 1;
    drop(y);
    for_ever().await;
    drop(x);
    *z += 1;
}

/// Tasks that gave up some of their guards: the locks of those are with others.
pub fn some_of_several(scene: &mut Scene) {
    let keeps = |scene: &mut Scene, lock: &Lock, holder: &'static str, waiter: &'static str| {
        scene.spawn(waiter, wait_in_act(scene.curtain(), 2, lock.clone()));
        scene.waits_for(waiter, &[holder]);
    };
    let (a, b) = (lock(), lock());
    scene.spawn("first.had", first_of_two(a.clone(), b.clone()));
    scene.taken_later(["first.has", "first.waits"], &a);
    keeps(scene, &b, "first.had", "first.waits too");
    let (a, b) = (lock(), lock());
    scene.spawn("second.had", second_of_two(a.clone(), b.clone()));
    scene.taken_later(["second.has", "second.waits"], &b);
    keeps(scene, &a, "second.had", "second.waits too");
    let (a, b, c) = (lock(), lock(), lock());
    scene.spawn("middle.had", middle_of_three(a.clone(), b.clone(), c.clone()));
    scene.taken_later(["middle.has", "middle.waits"], &b);
    keeps(scene, &a, "middle.had", "middle.waits too");
    keeps(scene, &c, "middle.had", "middle.waits also");
}
