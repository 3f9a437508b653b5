//! Tasks with known answers: who waits, and who really holds what is waited for.

mod channels;
pub mod hidden;
mod locks;
mod progress;
mod stale;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

pub use self::progress::{handed_in_doubt, handed_over, queue, released, timers, unpolled};
use gmr_inspect::holds::Party;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinHandle;

/// A waiter, and all that hold what it waits for.
pub struct Waits {
    pub waiter: &'static str,
    pub holders: BTreeSet<&'static str>,
}

/// Tasks that have come to rest when nothing can go on any more.
pub struct Scene {
    runtime: Handle,
    ids: BTreeMap<&'static str, u64>,
    waits: Vec<Waits>,
    curtain: Curtain,
}

/// Whom a task tells that it has taken what it holds, so that others may begin to wait.
#[derive(Clone, Default)]
pub struct Curtain {
    state: Arc<(AtomicUsize, Notify)>,
}

impl Curtain {
    /// Waits for the act of that number, from 0.
    pub async fn act(&self, number: usize) {
        while self.state.0.load(Ordering::SeqCst) < number {
            let notified = self.state.1.notified();
            if self.state.0.load(Ordering::SeqCst) < number {
                notified.await;
            }
        }
    }

    fn raise(&self, number: usize) {
        self.state.0.store(number, Ordering::SeqCst);
        self.state.1.notify_waiters();
    }
}

/// How many acts there are: some take things, some wait for them, some come later still.
pub const ACTS: usize = 3;

impl Scene {
    pub fn new(runtime: Handle) -> Self {
        Scene { runtime, ids: BTreeMap::new(), waits: Vec::new(), curtain: Curtain::default() }
    }

    pub fn curtain(&self) -> Curtain {
        self.curtain.clone()
    }

    pub fn runtime(&self) -> Handle {
        self.runtime.clone()
    }

    /// Begins the act of that number.
    pub fn raise(&self, act: usize) {
        self.curtain.raise(act);
    }

    pub fn spawn<F>(&mut self, name: &'static str, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let handle = self.runtime.spawn(future);
        self.know(name, handle.id());
        handle
    }

    /// Gives a task that was spawned elsewhere its name.
    pub fn know(&mut self, name: &'static str, id: tokio::task::Id) {
        let id = id.to_string().parse().unwrap();
        assert!(self.ids.insert(name, id).is_none(), "{name} is there twice");
    }

    pub fn waits_for(&mut self, waiter: &'static str, holders: &[&'static str]) {
        self.waits.push(Waits { waiter, holders: holders.iter().copied().collect() });
    }

    pub fn waits(&self) -> &[Waits] {
        &self.waits
    }

    pub fn party(&self, name: &str) -> Party {
        Party::Task(self.ids[name])
    }

    pub fn name(&self, party: Party) -> &'static str {
        let mut known = self.ids.iter();
        known.find(|(_, id)| party == Party::Task(**id)).map_or("somebody else", |(name, _)| name)
    }

    /// One lock: `holder` takes it in the first act, `waiter` waits for it from the second on.
    fn pair<F>(&mut self, holder: &'static str, waiter: &'static str, hold: impl FnOnce(Arc<Mutex<u32>>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let lock = lock();
        self.spawn(holder, hold(lock.clone()));
        let curtain = self.curtain();
        self.spawn(waiter, wait_in_act(curtain, 1, lock));
        self.waits_for(waiter, &[holder]);
    }

    /// One lock: `was` takes it and gives it up in the first act, `holder` has it from the second on, `waiter` waits from
    /// the third on.
    fn stale<F>(
        &mut self,
        [was, holder, waiter]: [&'static str; 3],
        give_up: impl FnOnce(Arc<Mutex<u32>>) -> F,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let lock = lock();
        self.spawn(was, give_up(lock.clone()));
        self.taken_later([holder, waiter], &lock);
    }

    /// `holder` takes the lock in the second act, `waiter` waits for it from the third on.
    fn taken_later(&mut self, [holder, waiter]: [&'static str; 2], lock: &Arc<Mutex<u32>>) {
        let curtain = self.curtain();
        let taken = lock.clone();
        self.spawn(holder, async move {
            curtain.act(1).await;
            take(taken).await;
        });
        self.spawn(waiter, wait_in_act(self.curtain(), 2, lock.clone()));
        self.waits_for(waiter, &[holder]);
    }
}

fn lock() -> Arc<Mutex<u32>> {
    Arc::new(Mutex::new(0))
}

/// Nothing in these scenes ends.
async fn for_ever() {
    std::future::pending::<()>().await;
}

/// Polls a future once, and lets it lie.
async fn poll_once<F: Future + Unpin>(future: &mut F) {
    std::future::poll_fn(|context| {
        assert!(Pin::new(&mut *future).poll(context).is_pending());
        Poll::Ready(())
    })
    .await;
}

async fn take(lock: Arc<Mutex<u32>>) {
    let mut guard = lock.lock().await;
    *guard += 1;
    for_ever().await;
    drop(guard);
}

async fn wait_for(lock: Arc<Mutex<u32>>) {
    let guard = lock.lock().await;
    drop(guard);
}

async fn wait_in_act(curtain: Curtain, act: usize, lock: Arc<Mutex<u32>>) {
    curtain.act(act).await;
    wait_for(lock).await;
}

/// All of them.
pub fn all(scene: &mut Scene) {
    locks::cycles(scene);
    locks::places(scene);
    locks::pools(scene);
    locks::readers(scene);
    stale::given_up(scene);
    stale::some_of_several(scene);
    channels::all(scene);
}
