//! Requests to the program, one after the other on each of some connections, that tell whether it lives and answers.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What stands between two requests.
const PAUSE: Duration = Duration::from_millis(4);
/// A request that is not answered by then counts as failed. A report of twenty thousand threads takes both processors of a
/// small machine for seconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// Requests that go on until it is stopped.
pub struct Load {
    go_on: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    requests: Vec<JoinHandle<io::Result<()>>>,
}

impl Load {
    /// Begins to ask the service at this port, on so many connections.
    pub fn start(port: u16, connections: usize) -> Load {
        let (go_on, answered) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU64::new(0)));
        let connect = |_| {
            let (go_on, answered) = (go_on.clone(), answered.clone());
            let stream = TcpStream::connect(("127.0.0.1", port)).expect("the service listens");
            thread::spawn(move || requests(stream, &go_on, &answered))
        };
        let requests = (0..connections).map(connect).collect();
        Load { go_on, answered, requests }
    }

    /// Requests that were answered so far.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Ends them, and returns how many were answered.
    ///
    /// # Panics
    ///
    /// If one was not.
    pub fn stop(self) -> u64 {
        self.go_on.store(false, Ordering::Relaxed);
        for requests in self.requests {
            if let Err(error) = requests.join().expect("it does not panic") {
                let answered = self.answered.load(Ordering::Relaxed);
                panic!(
                    "the application does not answer a request after {answered} that it answered: {error}"
                );
            }
        }
        self.answered.load(Ordering::Relaxed)
    }
}

fn requests(mut stream: TcpStream, go_on: &AtomicBool, answered: &AtomicU64) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    for number in 0_u64.. {
        if !go_on.load(Ordering::Relaxed) {
            break;
        }
        let request = number.to_le_bytes();
        let mut answer = [0; 8];
        stream.write_all(&request)?;
        stream.read_exact(&mut answer)?;
        if answer != request {
            return Err(io::Error::other("another answer than the request's"));
        }
        answered.fetch_add(1, Ordering::Relaxed);
        thread::sleep(PAUSE);
    }
    Ok(())
}
