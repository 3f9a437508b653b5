//! Standard error of the running program: the reports in it, and what else was said.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::report::Seen;

/// What it has written to standard error, collected by a thread.
#[derive(Clone, Default)]
pub struct Errors(Arc<(Mutex<Collected>, Condvar)>);

#[derive(Default)]
struct Collected {
    /// What has not been read as part of a report yet.
    bytes: Vec<u8>,
    /// What stood before reports that have been read.
    said: Vec<u8>,
    is_over: bool,
}

impl Errors {
    /// Begins to read what comes from there.
    pub fn collect(&self, mut stderr: impl Read + Send + 'static) {
        let errors = self.clone();
        thread::spawn(move || {
            let (collected, more) = &*errors.0;
            let mut buffer = [0; 1 << 16];
            while let Ok(count @ 1..) = stderr.read(&mut buffer) {
                collected.lock().expect("nobody panics with it").bytes.extend_from_slice(&buffer[..count]);
                more.notify_all();
            }
            collected.lock().expect("nobody panics with it").is_over = true;
            more.notify_all();
        });
    }

    /// The next whole report, as soon as it is there; none if that takes longer, or if nothing can come any more.
    pub fn next_report(&self, patience: Duration) -> Option<Seen> {
        let end = Instant::now() + patience;
        let (collected, more) = &*self.0;
        let mut collected = collected.lock().expect("nobody panics with it");
        loop {
            if let Some(text) = collected.next_report() {
                drop(collected);
                return Some(Seen::of(&text));
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || collected.is_over {
                return None;
            }
            collected = more.wait_timeout(collected, left).expect("nobody panics with it").0;
        }
    }

    /// All that was written but reports that have been read.
    pub fn text(&self) -> String {
        self.0.0.lock().expect("nobody panics with it").text()
    }
}

impl Collected {
    /// The next whole report. Lines that are no report's stand before it.
    fn next_report(&mut self) -> Option<String> {
        let is_begin = |at: &usize| self.bytes[*at] == b'{' && (*at == 0 || self.bytes[at - 1] == b'\n');
        let begin = (0..self.bytes.len()).find(is_begin)?;
        let mut documents = serde_json::Deserializer::from_slice(&self.bytes[begin..]).into_iter();
        let value: serde_json::Value = match documents.next()? {
            Ok(value) => value,
            Err(error) if error.is_eof() => return None,
            // It is one that is read as a report, which says that it is none.
            Err(_) => return Some(String::from_utf8_lossy(&std::mem::take(&mut self.bytes)).into_owned()),
        };
        let end = begin + documents.byte_offset();
        self.said.extend_from_slice(&self.bytes[..begin]);
        self.bytes.drain(..end);
        Some(value.to_string())
    }

    /// All that was written but reports that have been read.
    fn text(&self) -> String {
        String::from_utf8_lossy(&[&self.said[..], &self.bytes].concat()).into_owned()
    }
}
