//! The sockets of the process, from `/proc/self/net`. Those files list the sockets of the whole network
//! namespace; only the ones that a descriptor of ours refers to are kept.

use std::collections::HashMap;

use super::{Descriptors, Kind, file};
use crate::proc::net;

/// A socket of the process.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Socket {
    /// The lowest descriptor of it.
    pub descriptor: u32,
    /// `tcp`, `tcp6`, `udp`, `udp6`, `unix` or `other`.
    pub protocol: &'static str,
    /// `listen`, `established`, `close-wait` and so on; empty if it has none.
    pub state: &'static str,
    /// The address and port, or the path of a unix socket; empty if it has none.
    pub local: String,
    /// The other end's; empty if there is none.
    pub remote: String,
    /// Bytes that the process has not read yet. Of a listening socket: connections that it has not accepted
    /// yet.
    pub receive_queue: u64,
    /// Bytes that the other end has not confirmed yet.
    pub send_queue: u64,
}

impl Socket {
    /// No more sockets are listed: as many as descriptors.
    pub const MOST: usize = Descriptors::MOST;
}

pub(super) fn take(descriptors: &Descriptors) -> Vec<Socket> {
    let mut ours: HashMap<u64, u32> = HashMap::new();
    for descriptor in descriptors.listed.iter().filter(|descriptor| descriptor.kind == Kind::Socket) {
        if let Some(inode) = net::inode(&descriptor.target) {
            ours.entry(inode).or_insert(descriptor.number);
        }
    }
    let mut sockets = Vec::new();
    for protocol in ["tcp", "tcp6", "udp", "udp6", "unix"] {
        if ours.is_empty() {
            break;
        }
        let text = file::read(format!("/proc/self/net/{protocol}")).unwrap_or_default();
        for net::Line { inode, state, local, remote, receive_queue, send_queue } in
            net::parse(&text, protocol)
        {
            if let Some(descriptor) = ours.remove(&inode) {
                sockets.push(Socket {
                    descriptor,
                    protocol,
                    state,
                    local,
                    remote,
                    receive_queue,
                    send_queue,
                });
            }
        }
    }
    sockets.extend(ours.into_values().map(other));
    sockets.sort_by_key(|socket| socket.descriptor);
    sockets
}

/// A socket of a protocol that none of the files lists.
fn other(descriptor: u32) -> Socket {
    Socket {
        descriptor,
        protocol: "other",
        state: "",
        local: String::new(),
        remote: String::new(),
        receive_queue: 0,
        send_queue: 0,
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::fd::AsRawFd;

    use super::super::descriptors;
    use super::*;

    #[test]
    fn a_connection_is_seen_from_both_ends() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let udp = UdpSocket::bind("[::1]:0").or_else(|_| UdpSocket::bind("127.0.0.1:0")).unwrap();
        let all = take(&descriptors::take());
        let of = |number: i32| all.iter().find(|socket| socket.descriptor == number as u32).unwrap();

        let listens = of(listener.as_raw_fd());
        assert_eq!((listens.protocol, listens.state), ("tcp", "listen"));
        assert_eq!(listens.local, listener.local_addr().unwrap().to_string());
        assert_eq!(listens.receive_queue, 1, "one connection is not accepted yet");
        let client_seen = of(client.as_raw_fd());
        assert_eq!((client_seen.state, &client_seen.remote), ("established", &listens.local));
        assert_eq!(of(udp.as_raw_fd()).local, udp.local_addr().unwrap().to_string());
    }
}
