//! The longest gap between two sleeps of 1 ms, kept where the measuring process can read it.
//!
//! The file that `GMR_BEAT_FILE` names holds three native 64-bit numbers: the gap in nanoseconds that the main thread saw,
//! the same of one other thread or task, and a number whose change puts both back to zero.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SLEEP: Duration = Duration::from_millis(1);
const ROUND: u64 = 2;

/// The file; `None` if nobody measures.
pub fn open() -> io::Result<Option<Arc<File>>> {
    let Some(path) = std::env::var_os("GMR_BEAT_FILE") else { return Ok(None) };
    OpenOptions::new().read(true).write(true).open(path).map(|file| Some(Arc::new(file)))
}

/// Beats in the calling thread, without end.
pub fn here(file: &File) -> io::Result<()> {
    in_thread(file, 0)
}

/// Beats in a thread of its own.
pub fn in_another_thread(file: &Arc<File>) -> io::Result<()> {
    let file = file.clone();
    std::thread::Builder::new().name("beat".to_owned()).spawn(move || in_thread(&file, 1))?;
    Ok(())
}

/// Beats in a task: a worker that is held up is seen.
pub fn in_a_task(file: &Arc<File>, handle: &tokio::runtime::Handle) {
    handle.spawn(in_task(file.clone()));
}

fn in_thread(file: &File, slot: u64) -> io::Result<()> {
    let mut beat = Beat::new(file, slot)?;
    loop {
        std::thread::sleep(SLEEP);
        beat.once()?;
    }
}

async fn in_task(file: Arc<File>) -> io::Result<()> {
    let mut beat = Beat::new(&file, 1)?;
    loop {
        tokio::time::sleep(SLEEP).await;
        beat.once()?;
    }
}

struct Beat<'f> {
    file: &'f File,
    slot: u64,
    longest: u64,
    round: u64,
    last: Instant,
}

impl Beat<'_> {
    fn new(file: &File, slot: u64) -> io::Result<Beat<'_>> {
        Ok(Beat { file, slot, longest: 0, round: read(file, ROUND)?, last: Instant::now() })
    }

    fn once(&mut self) -> io::Result<()> {
        let now = Instant::now();
        let round = read(self.file, ROUND)?;
        if round != self.round {
            (self.round, self.longest) = (round, 0);
        }
        self.longest = self.longest.max((now - self.last).as_nanos() as u64);
        self.last = now;
        self.file.write_all_at(&self.longest.to_ne_bytes(), self.slot * 8)
    }
}

fn read(file: &File, slot: u64) -> io::Result<u64> {
    let mut number = [0; 8];
    file.read_exact_at(&mut number, slot * 8)?;
    Ok(u64::from_ne_bytes(number))
}
