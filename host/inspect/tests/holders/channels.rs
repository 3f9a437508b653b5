//! Channels whose other end is with a task that does not use it, tasks that wait for tasks, and what has no holder.

use std::sync::Arc;

use tokio::sync::{Barrier, Notify, broadcast, mpsc, oneshot, watch};

use super::{Curtain, Scene, for_ever};

struct Request {
    _number: u32,
    reply: oneshot::Sender<u32>,
}

async fn server(mut requests: mpsc::Receiver<Request>) {
    while let Some(request) = requests.recv().await {
        for_ever().await;
        let _ = request.reply.send(2);
    }
}

async fn client(curtain: Curtain, act: usize, requests: mpsc::Sender<Request>) {
    curtain.act(act).await;
    let (reply, answer) = oneshot::channel();
    assert!(requests.send(Request { _number: 1, reply }).await.is_ok());
    assert!(answer.await.is_ok());
}

async fn keep<T>(value: T) {
    for_ever().await;
    drop(value);
}

async fn take_one(mut messages: mpsc::Receiver<u32>) {
    messages.recv().await;
    for_ever().await;
    messages.recv().await;
}

async fn fill(messages: mpsc::Sender<u32>) {
    for number in 0.. {
        messages.send(number).await.unwrap();
    }
}

/// All of them.
pub fn all(scene: &mut Scene) {
    requests(scene);
    streams(scene);

    let end = scene.spawn("end.runs", for_ever());
    scene.spawn("end.waits", async move { end.await.unwrap() });
    scene.waits_for("end.waits", &["end.runs"]);

    let barrier = Arc::new(Barrier::new(3));
    for name in ["barrier.1", "barrier.2"] {
        let barrier = barrier.clone();
        scene.spawn(name, async move {
            barrier.wait().await;
        });
        scene.waits_for(name, &[]);
    }
    let notify = Arc::new(Notify::new());
    scene.spawn("notify", {
        let notify = notify.clone();
        async move { notify.notified().await }
    });
    scene.spawn("notify.could", keep(notify));
    scene.waits_for("notify", &[]);
}

fn requests(scene: &mut Scene) {
    let (sender, receiver) = oneshot::channel::<u32>();
    scene.spawn("answer.has", keep(sender));
    scene.spawn("answer.waits", async move {
        assert!(receiver.await.is_ok());
    });
    scene.waits_for("answer.waits", &["answer.has"]);

    let (sender, receiver) = mpsc::channel(4);
    scene.spawn("server", server(receiver));
    scene.spawn("client", client(scene.curtain(), 1, sender.clone()));
    scene.spawn("client.later", client(scene.curtain(), 2, sender));
    scene.waits_for("client", &["server"]);
    // Its end lies in the channel.
    scene.waits_for("client.later", &["server"]);
}

fn streams(scene: &mut Scene) {
    let (sender, receiver) = mpsc::channel(2);
    scene.spawn("full.has", take_one(receiver));
    scene.spawn("full.waits", fill(sender));
    scene.waits_for("full.waits", &["full.has"]);

    let (sender, mut receiver) = mpsc::channel::<u32>(2);
    scene.spawn("empty.has", keep(sender));
    scene.spawn("empty.waits", async move { while receiver.recv().await.is_some() {} });
    scene.waits_for("empty.waits", &["empty.has"]);

    let (sender, mut receiver) = mpsc::unbounded_channel::<u32>();
    scene.spawn("unbounded.has", keep(sender));
    scene.spawn("unbounded.waits", async move { while receiver.recv().await.is_some() {} });
    scene.waits_for("unbounded.waits", &["unbounded.has"]);

    let (sender, mut receiver) = watch::channel(0_u32);
    scene.spawn("watch.has", keep(sender));
    scene.spawn("watch.waits", async move { receiver.changed().await.unwrap() });
    scene.waits_for("watch.waits", &["watch.has"]);

    let (sender, mut receiver) = broadcast::channel::<u32>(4);
    scene.spawn("broadcast.has", keep(sender));
    scene.spawn("broadcast.waits", async move {
        receiver.recv().await.unwrap();
    });
    scene.waits_for("broadcast.waits", &["broadcast.has"]);
}
