//! Sockets by protocol and state, and the addresses at their other ends.

use std::collections::BTreeMap;

use gmr_plugin::process::Socket;
use gmr_plugin::{Section, Table, Value, words};

/// How many connections in `close-wait` are remarked on: the other end is gone, and the process has not closed its own.
/// A few are on their way; many are a leak.
pub const CLOSE_WAIT: f64 = 10.0;
/// How many peers are shown.
const PEERS: usize = 10;

pub fn show(section: &mut Section, sockets: Vec<Socket>, close_wait: f64) {
    if sockets.is_empty() {
        return;
    }
    let left = sockets.iter().filter(|socket| socket.state == "close-wait").count();
    if left as f64 >= close_wait {
        section.remark(format!(
            "{} whose other end is closed are still open",
            words::count(left as u64, "connection")
        ));
    }
    section.heading(2, "Sockets").table(by_state(&sockets));
    let peers = peers(&sockets);
    if !peers.is_empty() {
        let mut table = Table::new(["connected to", "connections", "not read", "not confirmed"]);
        for (peer, sum) in peers.iter().take(PEERS) {
            table.row([(*peer).into(), sum.count.into(), Value::Bytes(sum.received), Value::Bytes(sum.sent)]);
        }
        section.table(table);
        if peers.len() > PEERS {
            section.paragraph(format!("and {} more", words::count((peers.len() - PEERS) as u64, "address")));
        }
    }
    listening(section, &sockets);
}

fn by_state(sockets: &[Socket]) -> Table {
    let mut counts = BTreeMap::<(&str, &str), u32>::new();
    for socket in sockets {
        *counts.entry((&socket.protocol, &socket.state)).or_default() += 1;
    }
    let mut table = Table::new(["protocol", "state", "sockets"]);
    for ((protocol, state), count) in counts {
        table.row([protocol.into(), Some(state).filter(|state| !state.is_empty()).into(), count.into()]);
    }
    table
}

#[derive(Default)]
struct Sum {
    count: u32,
    received: u64,
    sent: u64,
}

/// Remote addresses without their ports, most connections first. A server's clients each have a port of their own.
fn peers(sockets: &[Socket]) -> Vec<(&str, Sum)> {
    let mut peers = BTreeMap::<&str, Sum>::new();
    let network = |socket: &&Socket| socket.protocol.starts_with("tcp") || socket.protocol.starts_with("udp");
    for socket in sockets.iter().filter(network).filter(|socket| !socket.remote.is_empty()) {
        let address = socket.remote.rsplit_once(':').map_or(socket.remote.as_str(), |(address, _)| address);
        let sum = peers.entry(address).or_default();
        sum.count += 1;
        sum.received += socket.receive_queue;
        sum.sent += socket.send_queue;
    }
    let mut peers: Vec<_> = peers.into_iter().collect();
    peers.sort_by_key(|(_, sum)| std::cmp::Reverse(sum.count));
    peers
}

fn listening(section: &mut Section, sockets: &[Socket]) {
    let mut table = Table::new(["listening on", "protocol", "not accepted"]);
    for socket in sockets.iter().filter(|socket| socket.state == "listen") {
        table.row([
            socket.local.as_str().into(),
            socket.protocol.as_str().into(),
            socket.receive_queue.into(),
        ]);
    }
    if !table.rows.is_empty() {
        section.table(table);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket(protocol: &str, state: &str, local: &str, remote: &str, unread: u64) -> Socket {
        Socket {
            protocol: protocol.into(),
            state: state.into(),
            local: local.into(),
            remote: remote.into(),
            receive_queue: unread,
            ..Default::default()
        }
    }

    fn text(sockets: Vec<Socket>) -> String {
        let mut section = Section::new();
        show(&mut section, sockets, CLOSE_WAIT);
        section.to_string()
    }

    #[test]
    fn sockets_are_grouped_by_state_and_by_the_other_end() {
        let expected = "
  Sockets:
    protocol  state        sockets
    tcp       established        2
    tcp       listen             1
    unix      none               1
    connected to  connections  not read  not confirmed
    10.0.0.5                2       5 B            0 B
    listening on  protocol  not accepted
    0.0.0.0:80    tcp                  7
";
        let sockets = vec![
            socket("tcp", "listen", "0.0.0.0:80", "", 7),
            socket("tcp", "established", "10.0.0.1:80", "10.0.0.5:50001", 2),
            socket("tcp", "established", "10.0.0.1:80", "10.0.0.5:50002", 3),
            socket("unix", "", "/run/log", "", 0),
        ];
        assert_eq!(text(sockets), expected);
    }

    #[test]
    fn connections_left_open_are_remarked_from_ten_on() {
        let left = |count| (0..count).map(|_| socket("tcp6", "close-wait", "", "[::1]:443", 0)).collect();
        assert!(!text(left(9)).contains("look at"));
        assert!(
            text(left(10)).starts_with("look at: 10 connections whose other end is closed are still open")
        );
        assert!(text(left(10)).contains("    [::1]                  10"));
    }

    #[test]
    fn no_sockets_take_no_line() {
        assert_eq!(text(vec![]), "");
    }
}
