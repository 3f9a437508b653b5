//! Listening sockets and the connections that they have not accepted, by what the kernel says of each descriptor. The lists of all
//! sockets in `/proc/self/net` take a tenth of a second where a hundred thousand connections are open.

/// A TCP socket on which the process listens for connections.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listening {
    /// Its descriptor.
    pub descriptor: u32,
    /// Its address and port.
    pub local: String,
    /// Connections that it has not accepted yet.
    pub not_accepted: u32,
    /// How many there may be: when there is one more than this, further ones are refused or wait for a time-out.
    pub limit: u32,
}

impl Listening {
    /// No more descriptors are looked at, by number: a server listens before it is connected to.
    pub const MOST: usize = 16_384;

    /// A listening socket with nobody who waits.
    pub fn new(descriptor: u32, local: impl Into<String>, limit: u32) -> Listening {
        Listening { descriptor, local: local.into(), not_accepted: 0, limit }
    }
}

/// The listening ones among these descriptors.
#[cfg(target_os = "linux")]
pub(super) fn among(open: &[u32]) -> Vec<Listening> {
    open.iter().take(Listening::MOST).filter_map(|descriptor| of(*descriptor)).collect()
}

/// Somebody may close the descriptor meanwhile, or another one may get its number: each call then tells of what it is.
#[cfg(target_os = "linux")]
fn of(descriptor: u32) -> Option<Listening> {
    use rustix::fd::BorrowedFd;

    let number = i32::try_from(descriptor).ok()?;
    // SAFETY: the descriptor is not -1, as it is not negative. Nothing is done to what is behind it, and nothing rests on its
    // staying open: it is only asked what it is.
    let socket = unsafe { BorrowedFd::borrow_raw(number) };
    if !rustix::net::sockopt::socket_acceptconn(socket).ok()? {
        return None;
    }
    let (not_accepted, limit) = queue(number)?;
    let local = rustix::net::SocketAddr::try_from(rustix::net::getsockname(socket).ok()?).ok()?.to_string();
    Some(Listening { descriptor, local, not_accepted, limit })
}

/// How many connections wait to be accepted, and how many may, of a TCP socket that listens: `tcpi_unacked` and `tcpi_sacked` of
/// `struct tcp_info` (`linux/tcp.h`), as `tcp_get_info` in `net/ipv4/tcp.c` sets them in the state `TCP_LISTEN`. It takes no lock
/// of the socket in this state.
#[cfg(target_os = "linux")]
fn queue(descriptor: i32) -> Option<(u32, u32)> {
    const TCP_LISTEN: u8 = 10;
    const STATE: usize = 0;
    const UNACKED: usize = 24;
    const SACKED: usize = 28;
    const LENGTH: usize = 32;
    let mut info = [0_u8; LENGTH];
    let mut length = LENGTH as libc::socklen_t;
    // SAFETY: `info` has room for `length` bytes, and both live through the call.
    let told = unsafe {
        libc::getsockopt(
            descriptor,
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            info.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if told != 0 || length as usize != LENGTH || info[STATE] != TCP_LISTEN {
        return None;
    }
    let number = |at: usize| Some(u32::from_ne_bytes(info[at..at + 4].try_into().ok()?));
    Some((number(UNACKED)?, number(SACKED)?))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn connections_that_are_not_accepted_are_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let clients = [TcpStream::connect(address).unwrap(), TcpStream::connect(address).unwrap()];
        let number = |of: &dyn AsRawFd| of.as_raw_fd().cast_unsigned();
        let seen = among(&[number(&clients[0]), number(&listener), 1_000_000]);
        let [one] = &seen[..] else { panic!("{seen:?}") };
        assert_eq!((one.descriptor, &one.local), (number(&listener), &address.to_string()));
        assert_eq!(one.not_accepted, 2);
        assert!(one.limit >= 128, "{one:?}");
        drop(listener.accept().unwrap());
        assert_eq!(among(&[number(&listener)])[0].not_accepted, 1);
    }
}
