//! Real requests against the example service, from a few threads, until they are stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Result, bail, ensure};

/// As many jobs at a time as make the queue of the service's four workers wait now and then.
const CLIENTS: usize = 6;

/// Clients that submit jobs and fetch their results.
pub struct Requests {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    answered: AtomicU64,
    failed: AtomicU64,
}

impl Requests {
    pub fn start(address: &str) -> Requests {
        let shared = Arc::new(Shared::default());
        let client = |_| {
            let (shared, address) = (shared.clone(), address.to_owned());
            std::thread::spawn(move || shared.work(&address))
        };
        Requests { clients: (0..CLIENTS).map(client).collect(), shared }
    }

    /// Waits until so many more requests are answered.
    pub fn wait_for(&self, more: u64) -> Result<()> {
        let wanted = self.shared.answered.load(Ordering::Relaxed) + more;
        for _ in 0..3000 {
            if self.shared.answered.load(Ordering::Relaxed) >= wanted {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let failed = self.shared.failed.load(Ordering::Relaxed);
        bail!("the service does not answer; {failed} requests failed")
    }

    /// How many requests were answered, and how many were not.
    pub fn stop(self) -> (u64, u64) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            // A client that panicked has said so.
            let _ = client.join();
        }
        (self.shared.answered.load(Ordering::Relaxed), self.shared.failed.load(Ordering::Relaxed))
    }
}

impl Shared {
    fn work(&self, address: &str) {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(20))).build().into();
        while !self.stop.load(Ordering::Relaxed) {
            match job(&agent, address) {
                Ok(()) => self.answered.fetch_add(2, Ordering::Relaxed),
                Err(_) => self.failed.fetch_add(1, Ordering::Relaxed),
            };
        }
    }
}

/// Submits a job and waits for its result.
fn job(agent: &ureq::Agent, address: &str) -> Result<()> {
    let name = serde_json::json!({ "name": "resize" });
    let mut answer = agent.post(format!("http://{address}/jobs")).send_json(name)?;
    let number: u64 = answer.body_mut().read_json()?;
    let mut answer = agent.get(format!("http://{address}/jobs/{number}")).call()?;
    ensure!(answer.body_mut().read_to_string()? == "resize is done", "an unexpected result");
    Ok(())
}
