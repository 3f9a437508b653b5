//! Guards that have the name of an argument: debug information has them in the argument's place, with its type.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::{Scene, for_ever, lock, wait_in_act};

async fn in_the_place_of_the_argument(lock: Arc<Mutex<u32>>) {
    let mut lock = lock.lock().await;
    *lock += 1;
    for_ever().await;
    *lock += 1;
}

async fn given_up_in_the_place_of_the_argument(lock: Arc<Mutex<u32>>) {
    {
        let mut lock = lock.lock().await;
        *lock += 1;
        tokio::task::yield_now().await;
        *lock += 1;
    }
    for_ever().await;
}

/// A guard that is hidden; and one that was, of a lock that nobody has: its bytes are left.
pub fn all(scene: &mut Scene) {
    scene.pair("hidden.has", "hidden.waits", in_the_place_of_the_argument);
    let left = lock();
    scene.spawn("left.was", given_up_in_the_place_of_the_argument(left.clone()));
    let (curtain, forgotten) = (scene.curtain(), left.clone());
    scene.spawn("left.forgets", async move {
        curtain.act(1).await;
        std::mem::forget(forgotten.lock().await);
        for_ever().await;
    });
    scene.spawn("left.waits", wait_in_act(scene.curtain(), 2, left));
    scene.waits_for("left.waits", &[]);
}
