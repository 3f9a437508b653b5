//! `/proc/PID/net/{tcp,tcp6,udp,udp6,unix}`: the sockets of the whole network namespace.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// One socket.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// What descriptors refer to it by.
    pub inode: u64,
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

/// The sockets of the file for `protocol`, which is its name, without those whose line is odd.
pub(crate) fn parse(text: &[u8], protocol: &str) -> impl Iterator<Item = Line> {
    // The first line names the columns.
    text.split(|byte| *byte == b'\n').skip(1).filter_map(move |line| {
        let line = String::from_utf8_lossy(line);
        if protocol == "unix" { unix(&line) } else { internet(&line, protocol) }
    })
}

/// Of `socket:[4711]`.
pub(crate) fn inode(target: &str) -> Option<u64> {
    target.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// `0: 0100007F:07E8 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1065 ...` (proc_pid_net(5))
fn internet(line: &str, protocol: &str) -> Option<Line> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (send, receive) = words.get(4)?.split_once(':')?;
    Some(Line {
        inode: words.get(9)?.parse().ok()?,
        state: state(words.get(3)?, protocol),
        local: address(words.get(1)?)?,
        remote: address(words.get(2)?)?,
        receive_queue: u64::from_str_radix(receive, 16).ok()?,
        send_queue: u64::from_str_radix(send, 16).ok()?,
    })
}

/// `000000001d45eaca: 00000003 00000000 00010000 0001 01 1062 /run/socket`
fn unix(line: &str) -> Option<Line> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let listens = u32::from_str_radix(words.get(3)?, 16).ok()? & 0x10000 != 0;
    let state = match (listens, *words.get(5)?) {
        (true, _) => "listen",
        (false, "03") => "established",
        (false, _) => "",
    };
    let (inode, local) = (words.get(6)?.parse().ok()?, words.get(7..)?.join(" "));
    Some(Line { inode, state, local, remote: String::new(), receive_queue: 0, send_queue: 0 })
}

/// An address as the kernel prints it: words of 32 bits in the machine's byte order, the port as a number.
/// Empty if it is not set.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unix_sockets_have_paths_and_states() {
        let line = "000000001d45eaca: 00000002 00000000 00010000 0001 01  1062 /run/a socket";
        let socket = unix(line).unwrap();
        assert_eq!((socket.inode, socket.state, socket.local.as_str()), (1062, "listen", "/run/a socket"));
        let socket = unix("0: 00000003 00000000 00000000 0001 03  1062").unwrap();
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
