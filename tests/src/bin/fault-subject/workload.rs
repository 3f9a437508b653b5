//! What the program does: threads and tasks whose stacks and chains are known, and a service that answers requests.

use std::hint::black_box;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use gmr_test_support::trouble::spare_this_thread;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{EnterGuard, Runtime};
use tokio::sync::oneshot;

/// The running service. Nothing of it ends before the program does.
pub struct Workload {
    runtime: Option<Runtime>,
    port: u16,
    _keep: (mpsc::Sender<()>, Option<oneshot::Sender<()>>),
}

impl Workload {
    pub fn start(with_runtime: bool) -> Workload {
        let (keep, wait) = mpsc::channel();
        named("sleeper", move || sleeps_on_a_channel(&wait));
        if !with_runtime {
            return Workload { runtime: None, port: 0, _keep: (keep, None) };
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("worker")
            .on_thread_start(spare_this_thread)
            .enable_all()
            .build()
            .expect("a runtime can be built");
        let (message, arrives) = oneshot::channel();
        let port = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
            let port = listener.local_addr().expect("it is bound").port();
            tokio::spawn(accepts_connections(listener));
            tokio::spawn(waits_for_a_timer());
            tokio::spawn(CountsItsPolls);
            tokio::spawn(awaits_a_box(Box::pin(waits_in_a_box())));
            gmr::spawn(waits_for_a_message(arrives));
            let lock = Arc::new(tokio::sync::Mutex::new(()));
            let held = lock.clone().lock_owned().await;
            tokio::spawn(async move {
                let _held = held;
                waits_for_a_timer().await;
            });
            tokio::spawn(waits_for_a_lock(lock));
            port
        });
        Workload { runtime: Some(runtime), port, _keep: (keep, Some(message)) }
    }

    /// The reporter finds the runtime in whose context it is installed.
    pub fn enter(&self) -> Option<EnterGuard<'_>> {
        self.runtime.as_ref().map(Runtime::enter)
    }

    /// Where requests are answered, on the loopback address; 0 without a runtime.
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// Standard input, read by the system call: neither a lock nor another descriptor is between.
pub struct Input;

impl io::Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(io::stdin(), buffer)?)
    }
}

/// Starts a thread of the application's that nobody joins.
pub fn named(name: &str, body: impl FnOnce() + Send + 'static) {
    let started = begun(thread::Builder::new().name(name.to_owned()), || {
        spare_this_thread();
        body();
    });
    started.expect("a thread can be started");
}

/// Starts a thread, and returns when it has its name and its own mask of signals: until then it passes for another.
pub fn begun<T: Send + 'static>(
    thread: thread::Builder,
    body: impl FnOnce() -> T + Send + 'static,
) -> io::Result<()> {
    let (begins, has_begun) = mpsc::channel();
    thread.spawn(move || {
        // The starter waits for it.
        let _ = begins.send(());
        body()
    })?;
    let _ = has_begun.recv();
    Ok(())
}

#[inline(never)]
fn sleeps_on_a_channel(wait: &mpsc::Receiver<()>) {
    let _ = wait.recv();
    black_box(());
}

/// Runs until the flag falls.
#[inline(never)]
pub fn spins_in_arithmetic(go_on: &AtomicBool) {
    let mut number = 1_u64;
    while go_on.load(Ordering::Relaxed) {
        number = black_box(number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    }
}

async fn waits_for_a_timer() {
    tokio::time::sleep(Duration::from_secs(3600)).await;
}

async fn waits_in_a_box() {
    std::future::pending::<()>().await;
}

async fn awaits_a_box(future: Pin<Box<dyn Future<Output = ()> + Send>>) {
    future.await;
}

static POLLS: AtomicU64 = AtomicU64::new(0);

/// Never ready. Whoever polls it is counted.
struct CountsItsPolls;

impl Future for CountsItsPolls {
    type Output = ();

    fn poll(self: Pin<&mut CountsItsPolls>, _: &mut Context<'_>) -> Poll<()> {
        POLLS.fetch_add(1, Ordering::Relaxed);
        Poll::Pending
    }
}

/// How often that future has been polled.
pub fn polls() -> u64 {
    POLLS.load(Ordering::Relaxed)
}

/// A task that runs, and does not come back to its runtime.
pub async fn works_in_place() {
    tokio::task::block_in_place(|| spins_in_arithmetic(&AtomicBool::new(true)));
}

/// A second runtime, of which the reporter is not told.
pub fn start_another_runtime() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.spawn(waits_for_a_timer());
    // It ends with the program.
    std::mem::forget(runtime);
    Ok(())
}

async fn waits_for_a_message(message: oneshot::Receiver<()>) {
    let _ = message.await;
}

async fn waits_for_a_lock(lock: Arc<tokio::sync::Mutex<()>>) {
    let _ = lock.lock().await;
}

async fn accepts_connections(listener: TcpListener) {
    // A connection that cannot be accepted for want of a descriptor is tried again when the next one comes.
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answers_requests(stream));
        } else {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Requests that were answered.
static ANSWERED: AtomicU64 = AtomicU64::new(0);

/// A request is eight bytes, which come back.
async fn answers_requests(mut stream: TcpStream) {
    let mut request = [0; 8];
    while stream.read_exact(&mut request).await.is_ok() {
        ANSWERED.fetch_add(1, Ordering::Relaxed);
        if stream.write_all(&request).await.is_err() {
            return;
        }
    }
}

/// Every worker waits for a lock that is never released.
pub fn block_workers() {
    let lock: &'static Mutex<()> = Box::leak(Box::new(Mutex::new(())));
    let (taken, is_taken) = mpsc::channel();
    named("holder", move || {
        let _held = lock.lock();
        taken.send(()).expect("it is waited for");
        loop {
            thread::park();
        }
    });
    is_taken.recv().expect("the thread takes the lock");
    for _ in 0..2 {
        tokio::spawn(async move { waits_for_a_standard_lock(lock) });
    }
}

#[inline(never)]
fn waits_for_a_standard_lock(lock: &Mutex<()>) {
    drop(black_box(lock.lock()));
}

/// Calls itself so often, then waits for ever.
#[inline(never)]
pub fn recurses(depth: u32) -> u32 {
    if black_box(depth) == 0 {
        IS_DEEP.store(true, Ordering::Release);
        loop {
            thread::park();
        }
    }
    recurses(depth - 1).wrapping_add(black_box(1))
}

/// Whether a thread that recurses waits in its last call.
pub static IS_DEEP: AtomicBool = AtomicBool::new(false);

/// Calls itself until the stack has come down to this address, then runs for ever.
#[inline(never)]
pub fn uses_the_stack_up(down_to: usize) -> u64 {
    let here = [0_u8; 64];
    if black_box(&here).as_ptr().addr() <= down_to {
        spins_in_arithmetic(&AtomicBool::new(true));
        return u64::from(here[0]);
    }
    uses_the_stack_up(down_to).wrapping_add(u64::from(black_box(here)[0]))
}
