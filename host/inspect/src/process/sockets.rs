//! The sockets of the process, from `/proc/self/net`. Those files list the sockets of the whole network namespace;
//! only the ones that a descriptor of ours refers to are kept.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Descriptors, Kind};
use crate::proc::keys as read;

/// A socket of the process.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Bytes that the process has not read yet. Of a listening socket: connections that it has not accepted yet.
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
        if let Some(inode) = inode(&descriptor.target) {
            ours.entry(inode).or_insert(descriptor.number);
        }
    }
    let mut sockets = Vec::new();
    for protocol in ["tcp", "tcp6", "udp", "udp6", "unix"] {
        if ours.is_empty() {
            break;
        }
        let text = read::text(format!("/proc/self/net/{protocol}")).unwrap_or_default();
        for line in text.lines().skip(1) {
            let parsed = if protocol == "unix" { unix(line) } else { internet(line, protocol) };
            let Some((inode, socket)) = parsed else { continue };
            if let Some(descriptor) = ours.remove(&inode) {
                sockets.push(Socket { descriptor, ..socket });
            }
        }
    }
    sockets.extend(ours.into_values().map(|descriptor| Socket { descriptor, ..empty("other") }));
    sockets.sort_by_key(|socket| socket.descriptor);
    sockets
}

/// Of `socket:[4711]`.
fn inode(target: &str) -> Option<u64> {
    target.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

fn empty(protocol: &'static str) -> Socket {
    let (local, remote) = (String::new(), String::new());
    Socket { descriptor: 0, protocol, state: "", local, remote, receive_queue: 0, send_queue: 0 }
}

/// `0: 0100007F:07E8 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1065 ...` (proc_pid_net(5))
fn internet(line: &str, protocol: &'static str) -> Option<(u64, Socket)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (send, receive) = words.get(4)?.split_once(':')?;
    let socket = Socket {
        state: state(words.get(3)?, protocol),
        local: address(words.get(1)?)?,
        remote: address(words.get(2)?)?,
        receive_queue: u64::from_str_radix(receive, 16).ok()?,
        send_queue: u64::from_str_radix(send, 16).ok()?,
        ..empty(protocol)
    };
    Some((words.get(9)?.parse().ok()?, socket))
}

/// `000000001d45eaca: 00000003 00000000 00010000 0001 01 1062 /run/socket`
fn unix(line: &str) -> Option<(u64, Socket)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let listens = u32::from_str_radix(words.get(3)?, 16).ok()? & 0x10000 != 0;
    let state = match (listens, *words.get(5)?) {
        (true, _) => "listen",
        (false, "03") => "established",
        (false, _) => "",
    };
    let local = words.get(7..)?.join(" ");
    Some((words.get(6)?.parse().ok()?, Socket { state, local, ..empty("unix") }))
}

/// An address as the kernel prints it: words of 32 bits in the machine's byte order, the port as a number. Empty
/// if it is not set.
fn address(text: &str) -> Option<String> {
    let (host, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |index: usize| {
        let word = host.get(index * 8..index * 8 + 8)?;
        Some(u32::from_str_radix(word, 16).ok()?.to_ne_bytes())
    };
    let host = match host.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let bytes = [word(0)?, word(1)?, word(2)?, word(3)?].concat();
            IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?))
        }
        _ => return None,
    };
    let unset = host.is_unspecified() && port == 0;
    Some(if unset { String::new() } else { SocketAddr::new(host, port).to_string() })
}

/// The numbers of `include/net/tcp_states.h`; udp uses two of them for something else.
fn state(number: &str, protocol: &str) -> &'static str {
    match (number, protocol.starts_with("udp")) {
        ("01", _) => "established",
        (_, true) => "",
        ("02", _) => "syn-sent",
        ("03", _) => "syn-received",
        ("04", _) => "fin-wait-1",
        ("05", _) => "fin-wait-2",
        ("06", _) => "time-wait",
        ("07", _) => "close",
        ("08", _) => "close-wait",
        ("09", _) => "last-ack",
        ("0A", _) => "listen",
        ("0B", _) => "closing",
        ("0C", _) => "new-syn-received",
        _ => "",
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

    #[test]
    fn unix_sockets_have_paths_and_states() {
        let line = "000000001d45eaca: 00000002 00000000 00010000 0001 01  1062 /run/a socket";
        let (inode, socket) = unix(line).unwrap();
        assert_eq!((inode, socket.state, socket.local.as_str()), (1062, "listen", "/run/a socket"));
        let (_, socket) = unix("0: 00000003 00000000 00000000 0001 03  1062").unwrap();
        assert_eq!((socket.state, socket.local.as_str()), ("established", ""));
    }

    #[test]
    fn lines_that_are_cut_or_odd_are_passed_over() {
        assert_eq!(internet("0: 0100007F:07E8", "tcp"), None);
        assert_eq!(internet("0: 0100007F 0 0A 0:0 0 0 0 0 1", "tcp"), None);
        assert_eq!(unix("0: 00000003 x"), None);
        assert_eq!(address("00000000:0000").as_deref(), Some(""));
        assert_eq!(address("000:0000"), None);
    }
}
