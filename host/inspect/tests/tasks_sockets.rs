//! Tasks that wait for a socket name its descriptor and its other end.

#![cfg(target_os = "linux")]

use std::os::fd::AsRawFd as _;
use std::time::Duration;

use gmr_inspect::tasks::{Fact, Inspector, Options, TaskState};
use gmr_test_support::wait_for;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};

#[test]
fn an_awaited_socket_has_its_descriptor_and_its_peer() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let connect = async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (listener.accept().await.unwrap(), client)
    };
    let ((mut stream, address), client) = runtime.block_on(connect);
    let number = stream.as_raw_fd();
    runtime.spawn(async move { stream.read_u8().await });
    let inspector = Inspector::new([runtime.handle().clone()]);
    let options = Options::default().with_deadline(Duration::from_secs(60));
    let facts = wait_for(|| match &inspector.look(&options).tasks[..] {
        [task] if task.state == TaskState::Idle => {
            Ok(task.particulars.iter().map(|own| own.fact.clone()).collect::<Vec<_>>())
        }
        tasks => Err(format!("{tasks:#?}")),
    });
    assert_eq!(facts, [Fact::Descriptor(number), Fact::Peer(address.to_string().into())]);
    drop(client);
}
