//! The other end of a connected socket, by its descriptor.

use rustix::fd::BorrowedFd;
use rustix::net::{SocketAddr, SocketAddrUnix, getpeername};

/// Address and port, or the path of a unix socket; `None` for what is no connected socket or has no address.
///
/// The kernel takes the socket's lock to tell, which a thread that reads or writes has while bytes are copied.
pub(crate) fn peer(descriptor: i32) -> Option<String> {
    if descriptor < 0 {
        return None;
    }
    // SAFETY: the descriptor is not -1, as it is not negative. Nothing is done to what is behind it, and nothing
    // rests on its staying open: it is only asked what it is connected to.
    let socket = unsafe { BorrowedFd::borrow_raw(descriptor) };
    let address = getpeername(socket).ok()??;
    if let Ok(address) = SocketAddr::try_from(address.clone()) {
        return Some(address.to_string());
    }
    let address = SocketAddrUnix::try_from(address).ok()?;
    let path = address.path().map(|path| path.to_string_lossy().into_owned());
    // One without a name has an abstract name of no bytes.
    let name = address.abstract_name().filter(|name| !name.is_empty());
    let name = name.map(|name| format!("@{}", String::from_utf8_lossy(name)));
    path.filter(|path| !path.is_empty()).or(name)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd as _;
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    #[test]
    fn connected_sockets_have_a_peer() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let client = TcpStream::connect(address).unwrap();
        assert_eq!(peer(client.as_raw_fd()), Some(address.to_string()));
        let path = std::env::temp_dir().join(format!("gmr-peer-{}", std::process::id()));
        let unix = UnixListener::bind(&path).unwrap();
        let client = UnixStream::connect(&path).unwrap();
        let found = peer(client.as_raw_fd());
        std::fs::remove_file(&path).unwrap();
        assert_eq!(found.as_deref(), path.to_str());
        let (unnamed, _other) = UnixStream::pair().unwrap();
        let file = std::fs::File::open("/dev/null").unwrap();
        for other in
            [listener.as_raw_fd(), unix.as_raw_fd(), unnamed.as_raw_fd(), file.as_raw_fd(), -1, 1_000_000]
        {
            assert_eq!(peer(other), None, "{other}");
        }
    }
}
