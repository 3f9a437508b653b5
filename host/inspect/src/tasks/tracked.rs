//! Futures that register themselves, for every executor and every build.
//!
//! Registration costs a slot of a table, a poll a few words in it. It refuses to own anything: a future that
//! is finished or dropped is gone from the table at once.

use std::borrow::Cow;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tokio::task::JoinHandle;

use super::clock::coarse_nanoseconds;
use super::registry::{Kind, Lease, Registration, Slot, current_thread, lease};

pin_project! {
    /// A future that is listed in [`Snapshot::tasks`](super::Snapshot::tasks) for as long as it lives, with
    /// its name, its place of birth, its polls and its times.
    ///
    /// It is `Send`, `Sync` and `Unpin` exactly where `F` is, and its output is that of `F`. It grows the
    /// future by two words. It is made by [`Track::tracked`] and [`spawn`].
    ///
    /// ```compile_fail,E0277
    /// fn send<T: Send>() {}
    /// send::<gmr_inspect::tasks::Tracked<*const u8>>();
    /// ```
    /// ```compile_fail,E0277
    /// fn sync<T: Sync>() {}
    /// sync::<gmr_inspect::tasks::Tracked<std::cell::Cell<u8>>>();
    /// ```
    /// ```compile_fail,E0277
    /// fn unpin<T: Unpin>() {}
    /// unpin::<gmr_inspect::tasks::Tracked<std::marker::PhantomPinned>>();
    /// ```
    #[must_use = "futures do nothing unless they are awaited or spawned"]
    pub struct Tracked<F> {
        // First, so that the debug information rung finds it whatever `F` is.
        lease: Option<Lease>,
        #[pin]
        future: F,
    }

    impl<F> PinnedDrop for Tracked<F> {
        fn drop(this: Pin<&mut Self>) {
            // Before the future's own memory goes.
            if let Some(lease) = this.project().lease.take() {
                lease.give_back();
            }
        }
    }
}

/// Lets any future be listed among the tasks.
///
/// ```
/// use gmr_inspect::tasks::Track;
///
/// async fn collect_garbage() {}
///
/// let future = collect_garbage().tracked("gc");
/// # drop(future);
/// ```
pub trait Track: Future + Sized {
    /// Registers this future under `name` until it is finished or dropped. Of a name longer than 72 bytes
    /// the beginning is kept.
    ///
    /// It works under every executor, and for futures that no runtime lists: what `block_on` runs, a
    /// `LocalSet`'s tasks, a part of a task that deserves a name.
    #[track_caller]
    fn tracked(self, name: impl Into<Cow<'static, str>>) -> Tracked<Self> {
        Tracked::register(self, Some(name.into()), Location::caller())
    }
}

impl<F: Future> Track for F {}

/// As [`tokio::spawn`], and registers the task without a name.
///
/// # Panics
///
/// Outside of a tokio runtime, as [`tokio::spawn`] does.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// let task = gmr_inspect::tasks::spawn(async { 42 });
/// assert_eq!(task.await.unwrap(), 42);
/// # });
/// ```
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(Tracked::register(future, None, Location::caller()))
}

impl<F: Future> Tracked<F> {
    const KIND: &'static Kind = &Kind::of::<F>();

    fn register(future: F, name: Option<Cow<'static, str>>, location: &'static Location<'static>) -> Self {
        let lease = lease().map(|(lease, id)| {
            lease.slot.occupy(&Registration {
                id,
                kind: Self::KIND,
                location,
                name,
                now: coarse_nanoseconds(),
            });
            lease
        });
        Tracked { lease, future }
    }
}

impl<F: Future> Future for Tracked<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let address = std::ptr::from_ref(&*this.future).addr();
        let Some(lease) = *this.lease else { return this.future.poll(context) };
        let polled = {
            let _polling = Polling::begin(lease.slot, address);
            this.future.poll(context)
        };
        if polled.is_ready() {
            *this.lease = None;
            lease.give_back();
        }
        polled
    }
}

/// Ends the poll even if the future panics.
struct Polling(&'static Slot);

impl Polling {
    #[inline]
    fn begin(slot: &'static Slot, address: usize) -> Self {
        if slot.is_fresh() {
            note_task(slot);
        }
        slot.poll_begins(address, current_thread().kernel_id, coarse_nanoseconds());
        Polling(slot)
    }
}

impl Drop for Polling {
    #[inline]
    fn drop(&mut self) {
        self.0.poll_ends(coarse_nanoseconds());
    }
}

#[cold]
fn note_task(slot: &Slot) {
    // Where tokio has a function of this name it goes before the one below: names are looked for from the inside out.
    #[allow(unused_imports, reason = "tokio may have none")]
    use tokio::task::*;
    // It gives the number as text only.
    slot.set_task(try_id().and_then(|id| id.to_string().parse().ok()));
}

/// Of the task that is being polled nothing is known with tokio before 1.44.
#[allow(dead_code, reason = "newer versions have it")]
fn try_id() -> Option<u64> {
    None
}
