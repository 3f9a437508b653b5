//! Locks and permits that are held, in every place that a guard may lie in.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::sync::{
    MappedMutexGuard, Mutex, MutexGuard, Notify, OwnedMutexGuard, OwnedSemaphorePermit, RwLock, Semaphore,
};

use super::{Curtain, Scene, for_ever, lock, poll_once, take, wait_for, wait_in_act};

type Lock = Arc<Mutex<u32>>;

async fn one_then_other(curtain: Curtain, first: Lock, second: Lock) -> u32 {
    let mut a = first.lock().await;
    *a += 1;
    curtain.act(1).await;
    let b = second.lock().await;
    *a + *b
}

/// Tasks that wait for each other.
pub fn cycles(scene: &mut Scene) {
    let (a, b) = (lock(), lock());
    scene.spawn("two.1", one_then_other(scene.curtain(), a.clone(), b.clone()));
    scene.spawn("two.2", one_then_other(scene.curtain(), b, a));
    scene.waits_for("two.1", &["two.2"]);
    scene.waits_for("two.2", &["two.1"]);
    let (a, b, c) = (lock(), lock(), lock());
    scene.spawn("three.1", one_then_other(scene.curtain(), a.clone(), b.clone()));
    scene.spawn("three.2", one_then_other(scene.curtain(), b, c.clone()));
    scene.spawn("three.3", one_then_other(scene.curtain(), c, a));
    scene.waits_for("three.1", &["three.2"]);
    scene.waits_for("three.2", &["three.3"]);
    scene.waits_for("three.3", &["three.1"]);
    // A chain with an end.
    let (a, b) = (lock(), lock());
    scene.spawn("chain.end", take(a.clone()));
    scene.spawn("chain.middle", one_then_other(scene.curtain(), b.clone(), a));
    scene.spawn("chain.begin", wait_in_act(scene.curtain(), 1, b));
    scene.waits_for("chain.begin", &["chain.middle"]);
    scene.waits_for("chain.middle", &["chain.end"]);
}

async fn keep(mut guard: MutexGuard<'_, u32>) {
    *guard += 1;
    for_ever().await;
    *guard += 1;
}

async fn in_another_function(lock: Lock) {
    let mut guard = lock.lock().await;
    *guard += 1;
    keep(guard).await;
}

struct Transaction<'a> {
    _number: u64,
    guard: MutexGuard<'a, u32>,
}

async fn in_a_struct(lock: Lock) {
    let transaction = Transaction { _number: 7, guard: lock.lock().await };
    for_ever().await;
    drop(transaction.guard);
}

enum Slot<T> {
    _Empty,
    Full(T),
}

async fn in_an_enum(lock: Lock) {
    let value = (1_u8, Slot::Full(Some(lock.lock().await)));
    for_ever().await;
    if let Slot::Full(Some(guard)) = &value.1 {
        assert!(**guard < 100);
    }
}

async fn in_a_vector(lock: Lock) {
    let guards = vec![lock.lock().await];
    for_ever().await;
    drop(guards);
}

async fn in_a_box(lock: Lock) {
    let guard = Box::new(lock.lock().await);
    for_ever().await;
    drop(guard);
}

async fn in_a_map(lock: Lock) {
    let mut guards = HashMap::new();
    guards.insert(1_u32, lock.lock_owned().await);
    for_ever().await;
    drop(guards);
}

async fn in_an_arc(lock: Lock) {
    let guard = Arc::new(lock.lock_owned().await);
    for_ever().await;
    drop(guard);
}

fn in_an_object(lock: Lock) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        let _guard = lock.lock().await;
        for_ever().await;
    })
}

async fn by_a_function(lock: &Mutex<u32>) -> MutexGuard<'_, u32> {
    lock.lock().await
}

async fn from_a_function(lock: Lock) {
    let guard = by_a_function(&lock).await;
    for_ever().await;
    drop(guard);
}

async fn in_select(lock: Lock, never: Arc<Notify>) {
    tokio::select! {
        () = take(lock) => {}
        () = never.notified() => {}
    }
}

async fn in_join(lock: Lock, never: Arc<Notify>) {
    tokio::join!(take(lock), never.notified());
}

async fn in_join_all(locks: Vec<Lock>) {
    futures::future::join_all(locks.into_iter().map(take)).await;
}

async fn in_unordered(locks: Vec<Lock>) {
    let mut all: FuturesUnordered<_> = locks.into_iter().map(take).collect();
    while all.next().await.is_some() {}
}

async fn unnamed(lock: Lock) {
    if let Some(value) = lock.lock().await.checked_add(1) {
        for_ever().await;
        assert!(value < 100);
    }
}

async fn beside_what_was_dropped(lock: Lock) {
    let text = format!("{}", Arc::strong_count(&lock));
    let mut guard = lock.lock().await;
    *guard += text.len() as u32;
    drop(text);
    for_ever().await;
    *guard += 1;
}

async fn argument(guard: OwnedMutexGuard<u32>) {
    for_ever().await;
    drop(guard);
}

async fn mapped(lock: Arc<Mutex<(u32, u32)>>) {
    let guard: MappedMutexGuard<'_, u32> = MutexGuard::map(lock.lock().await, |pair| &mut pair.1);
    for_ever().await;
    drop(guard);
}

async fn for_an_hour(curtain: Curtain, lock: Lock) {
    curtain.act(1).await;
    let guard = tokio::time::timeout(Duration::from_secs(3600), lock.lock()).await;
    drop(guard);
}

/// One holder each, with the guard in another place.
pub fn places(scene: &mut Scene) {
    scene.pair("plain.has", "plain.waits", take);
    scene.pair("moved.has", "moved.waits", in_another_function);
    scene.pair("struct.has", "struct.waits", in_a_struct);
    scene.pair("enum.has", "enum.waits", in_an_enum);
    scene.pair("vector.has", "vector.waits", in_a_vector);
    scene.pair("box.has", "box.waits", in_a_box);
    scene.pair("map.has", "map.waits", in_a_map);
    scene.pair("arc.has", "arc.waits", in_an_arc);
    scene.pair("object.has", "object.waits", |lock| async move { in_an_object(lock).await });
    scene.pair("function.has", "function.waits", from_a_function);
    scene.pair("all.has", "all.waits", |own| in_join_all(vec![lock(), own, lock()]));
    scene.pair("unordered.has", "unordered.waits", |own| in_unordered(vec![lock(), own, lock()]));
    let never = Arc::new(Notify::new());
    scene.pair("select.has", "select.waits", |lock| in_select(lock, never.clone()));
    scene.pair("join.has", "join.waits", |lock| in_join(lock, never.clone()));
    scene.pair("unnamed.has", "unnamed.waits", unnamed);
    scene.pair("beside.has", "beside.waits", beside_what_was_dropped);

    let own = lock();
    let guard = own.clone().try_lock_owned().unwrap();
    scene.spawn("argument.has", argument(guard));
    scene.spawn("argument.waits", wait_in_act(scene.curtain(), 1, own));
    scene.waits_for("argument.waits", &["argument.has"]);

    let own = lock();
    let mut guard = own.clone().try_lock_owned().unwrap();
    scene.spawn("captured.has", async move {
        *guard += 1;
        for_ever().await;
        *guard += 1;
    });
    scene.spawn("captured.waits", wait_in_act(scene.curtain(), 1, own));
    scene.waits_for("captured.waits", &["captured.has"]);

    let own = Arc::new(Mutex::new((1, 2)));
    scene.spawn("mapped.has", mapped(own.clone()));
    let curtain = scene.curtain();
    scene.spawn("mapped.waits", async move {
        curtain.act(1).await;
        drop(own.lock().await);
    });
    scene.waits_for("mapped.waits", &["mapped.has"]);

    let own = lock();
    scene.spawn("timed.has", take(own.clone()));
    scene.spawn("timed.waits", for_an_hour(scene.curtain(), own));
    scene.waits_for("timed.waits", &["timed.has"]);

    let own: Arc<Mutex<dyn Send + Sync>> = Arc::new(Mutex::new(1_u64));
    let (taken, curtain) = (own.clone(), scene.curtain());
    scene.spawn("unsized.has", async move {
        let guard = taken.lock_owned().await;
        for_ever().await;
        drop(guard);
    });
    scene.spawn("unsized.waits", async move {
        curtain.act(1).await;
        drop(own.lock().await);
    });
    scene.waits_for("unsized.waits", &["unsized.has"]);
}

struct Connection {
    _permit: OwnedSemaphorePermit,
}

async fn connect(pool: Arc<Semaphore>) -> Connection {
    Connection { _permit: pool.acquire_owned().await.unwrap() }
}

/// Pools of which all permits are taken.
pub fn pools(scene: &mut Scene) {
    let pool = Arc::new(Semaphore::new(3));
    let leaked = pool.clone();
    scene.spawn("pool.has", async move {
        let mut all = Vec::new();
        for _ in 0..3 {
            all.push(connect(leaked.clone()).await);
        }
        for_ever().await;
        drop(all);
    });
    let curtain = scene.curtain();
    scene.spawn("pool.waits", async move {
        curtain.act(1).await;
        let connection = connect(pool).await;
        for_ever().await;
        drop(connection);
    });
    scene.waits_for("pool.waits", &["pool.has"]);

    let pool = Arc::new(Semaphore::new(2));
    let (one, other, curtain) = (pool.clone(), pool.clone(), scene.curtain());
    scene.spawn("permit.has", async move {
        let permit = one.acquire().await.unwrap();
        for_ever().await;
        drop(permit);
    });
    scene.spawn("permit.forgot", async move {
        other.acquire().await.unwrap().forget();
        for_ever().await;
    });
    scene.spawn("permit.waits", async move {
        curtain.act(1).await;
        drop(pool.acquire().await.unwrap());
    });
    scene.waits_for("permit.waits", &["permit.has"]);
}

async fn read(lock: Arc<RwLock<u32>>) {
    let guard = lock.read().await;
    assert!(*guard < 9);
    for_ever().await;
    drop(guard);
}

async fn write(lock: Arc<RwLock<u32>>) {
    let mut guard = lock.write().await;
    *guard += 1;
    for_ever().await;
    drop(guard);
}

/// Readers before a writer, and a writer before readers.
pub fn readers(scene: &mut Scene) {
    let lock = Arc::new(RwLock::new(0));
    let curtain = scene.curtain();
    scene.spawn("read.1", read(lock.clone()));
    scene.spawn("read.2", read(lock.clone()));
    scene.spawn("read.waits", async move {
        curtain.act(1).await;
        write(lock).await;
    });
    scene.waits_for("read.waits", &["read.1", "read.2"]);
    let lock = Arc::new(RwLock::new(0));
    let curtain = scene.curtain();
    scene.spawn("write.has", write(lock.clone()));
    scene.spawn("write.waits", async move {
        curtain.act(1).await;
        read(lock).await;
    });
    scene.waits_for("write.waits", &["write.has"]);
    // In a future that is not awaited at present, but was.
    let own = super::lock();
    scene.spawn("aside.has", {
        let own = own.clone();
        async move {
            let mut held = Box::pin(take(own));
            poll_once(&mut held).await;
            for_ever().await;
            held.await;
        }
    });
    let curtain = scene.curtain();
    scene.spawn("aside.waits", async move {
        curtain.act(1).await;
        wait_for(own).await;
    });
    scene.waits_for("aside.waits", &["aside.has"]);
}
