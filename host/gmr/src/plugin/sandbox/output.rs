//! What a plugin writes to its standard output and error, or prints by `diagnostics`: kept up to a limit, dropped
//! beyond it. A write never fails, since many languages end the program when one does.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// A place that both streams write to.
#[derive(Clone, Debug)]
pub struct Captured(Arc<Mutex<Kept>>);

#[derive(Debug)]
struct Kept {
    bytes: Vec<u8>,
    limit: usize,
    dropped: u64,
}

/// How much one write may carry; wasmtime-wasi asks for it before each.
const PERMIT: usize = 64 << 10;

impl Captured {
    pub fn new(limit: u32) -> Captured {
        Captured(Arc::new(Mutex::new(Kept { bytes: Vec::new(), limit: limit as usize, dropped: 0 })))
    }

    pub fn add(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = (kept.limit - kept.bytes.len()).min(bytes.len());
        kept.bytes.extend_from_slice(&bytes[..room]);
        kept.dropped += (bytes.len() - room) as u64;
    }

    /// What was kept, with a last line that tells how much was not. Empty if nothing was written.
    pub fn text(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::from_utf8_lossy(&kept.bytes).trim_end().to_owned();
        if kept.dropped > 0 {
            text.push_str(&format!("\n… and {} bytes more", kept.dropped));
        }
        text
    }
}

impl IsTerminal for Captured {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Captured {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Captured {
    async fn ready(&mut self) {}
}

impl OutputStream for Captured {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.add(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PERMIT)
    }
}

impl AsyncWrite for Captured {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.add(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn up_to_the_limit_all_is_kept_and_beyond_it_is_counted() {
        let captured = Captured::new(8);
        captured.add(b"12345678");
        assert_eq!(captured.text(), "12345678");
        captured.add(b"9");
        assert_eq!(captured.text(), "12345678\n… and 1 bytes more");
    }

    #[test]
    fn bytes_that_are_no_text_do_no_harm() {
        let captured = Captured::new(8);
        captured.add(b"a\xff\xfe\n\n");
        assert_eq!(captured.text(), "a\u{fffd}\u{fffd}");
    }
}
