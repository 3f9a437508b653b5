//! Where stacks cannot be read there is no emergency capture.

use super::{Module, Thread};
use std::io;

/// See the module's documentation. Here none can be made.
#[derive(Debug)]
pub struct Capture(std::convert::Infallible);

impl Capture {
    /// Prepares nothing.
    ///
    /// # Errors
    ///
    /// Always [`io::ErrorKind::Unsupported`].
    pub fn prepare() -> io::Result<Capture> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Never called, since there is no capture.
    pub fn begin(&mut self) {
        match self.0 {}
    }

    /// Nothing, where nobody asks.
    pub fn current_thread() -> u32 {
        0
    }

    /// Never called, since there is no capture.
    pub fn modules(&self) -> impl Iterator<Item = Module<'_>> {
        match self.0 {}
        #[allow(unreachable_code, reason = "tells the type")]
        std::iter::empty()
    }

    /// Never called, since there is no capture.
    pub fn modules_left_out(&self) -> usize {
        match self.0 {}
    }

    /// Never called, since there is no capture.
    pub fn ids(&self) -> &[u32] {
        match self.0 {}
    }

    /// Never called, since there is no capture.
    pub fn ids_left_out(&self) -> usize {
        match self.0 {}
    }

    /// Never called, since there is no capture.
    pub fn thread(&mut self, _id: u32) -> Thread<'_> {
        match self.0 {}
    }
}
