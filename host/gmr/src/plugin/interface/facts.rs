//! Facts: what the application tells of itself, by name. A closure of the application's never runs on the report's
//! threads: it may panic or stall without harm to the report.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use gmr_report::mask::Secrets;
use serde::Serialize;
use serde_json::Value;

use crate::bounded_call::{Closure, Failure};
use crate::serialized;

/// How long a fact may take: a fact is a look at a few variables, and a plugin has one second in all by default.
const PATIENCE: Duration = Duration::from_millis(250);

/// What the application tells of itself: values under names, taken anew for each report that asks for them. Plugins get
/// them with their secrets masked.
///
/// ```
/// use gmr::plugin::Facts;
///
/// let facts = Facts::new();
/// facts.add("pool", || serde_json::json!({ "size": 8, "idle": 3 }));
/// assert_eq!(facts.names(), ["pool"]);
/// ```
#[derive(Default)]
pub struct Facts {
    registered: RwLock<BTreeMap<String, Arc<Fact>>>,
    secrets: Arc<Secrets>,
}

type Fact = Closure<Result<Value, String>>;

/// Why a fact has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FactError {
    /// Nothing is registered under the name.
    Unknown,
    /// The closure panicked, or its value has no JSON.
    Failed(String),
    /// The closure has not returned in time.
    Stalled,
}

impl From<Failure> for FactError {
    fn from(failure: Failure) -> FactError {
        match failure {
            Failure::Busy | Failure::Late => FactError::Stalled,
            Failure::Panicked(words) => FactError::Failed(format!("it panicked: {words}")),
            Failure::NoThread(reason) => {
                FactError::Failed(format!("no thread could be started for it: {reason}"))
            }
        }
    }
}

impl Facts {
    /// No facts yet.
    pub fn new() -> Facts {
        Facts::default()
    }

    /// Registers a fact. A fact that was registered under this name before is replaced.
    ///
    /// The closure is called on a thread of its own, at most once a report and only if a plugin asks.
    /// It has 250 ms; it may take locks, but a report is most wanted when those are stuck. If it panics,
    /// plugins are told so (a process built with `panic = "abort"` ends). A part of the value that JSON cannot hold
    /// becomes a text that says why.
    pub fn add<T: Serialize>(&self, name: impl Into<String>, fact: impl Fn() -> T + Send + Sync + 'static) {
        let fact = Closure::new(move || serialized::json(&fact()));
        let mut registered = self.registered.write().unwrap_or_else(PoisonError::into_inner);
        registered.insert(name.into(), Arc::new(fact));
    }

    /// Forgets a fact. Returns whether there was one.
    pub fn remove(&self, name: &str) -> bool {
        self.registered.write().unwrap_or_else(PoisonError::into_inner).remove(name).is_some()
    }

    /// The same facts, masked by these rules instead of those for keys and values alone.
    pub(crate) fn masked_by(mut self, secrets: Secrets) -> Facts {
        self.secrets = Arc::new(secrets);
        self
    }

    /// The names, sorted.
    pub fn names(&self) -> Vec<String> {
        self.registered.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// Starts the closure, unless the call before has not ended yet.
    fn start(&self, name: &str) -> Result<Arc<Evaluation>, FactError> {
        let fact = {
            let registered = self.registered.read().unwrap_or_else(PoisonError::into_inner);
            registered.get(name).ok_or(FactError::Unknown)?.clone()
        };
        let evaluation = Arc::new(Evaluation::default());
        let (ended, secrets, name) = (evaluation.clone(), self.secrets.clone(), name.to_owned());
        fact.start("gmr-fact", move |value| {
            let value = value.map_err(FactError::from).and_then(|value| value.map_err(FactError::Failed));
            // A panic here leaves the fact without a value, and nothing of it is told.
            ended.finish(value.map(|value| secrets.json(&name, value)));
        })?;
        Ok(evaluation)
    }
}

impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

/// One call of a closure, which may be waited for by several plugins.
#[derive(Default)]
struct Evaluation {
    value: Mutex<Option<Result<Arc<Value>, FactError>>>,
    ended: Condvar,
}

impl Evaluation {
    fn lock(&self) -> MutexGuard<'_, Option<Result<Arc<Value>, FactError>>> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finish(&self, value: Result<Value, FactError>) {
        *self.lock() = Some(value.map(Arc::new));
        self.ended.notify_all();
    }

    fn wait(&self, patience: Duration) -> Result<Arc<Value>, FactError> {
        let waited = self.ended.wait_timeout_while(self.lock(), patience, |value| value.is_none());
        let (value, _) = waited.unwrap_or_else(PoisonError::into_inner);
        value.clone().unwrap_or(Err(FactError::Stalled))
    }
}

/// The facts as one report sees them: each is taken once, when a plugin first asks.
pub(crate) struct FactsOfReport {
    facts: Arc<Facts>,
    taken: Mutex<HashMap<String, Result<Arc<Evaluation>, FactError>>>,
}

impl FactsOfReport {
    pub(crate) fn new(facts: Arc<Facts>) -> FactsOfReport {
        FactsOfReport { facts, taken: Mutex::default() }
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.facts.names()
    }

    /// The fact's value; waits for it until `deadline`, and never longer than a fact may take.
    pub(crate) fn get(&self, name: &str, deadline: Instant) -> Result<Arc<Value>, FactError> {
        let evaluation = {
            let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
            match taken.get(name) {
                Some(evaluation) => evaluation.clone()?,
                None => taken.entry(name.to_owned()).or_insert(self.facts.start(name)).clone()?,
            }
        };
        evaluation.wait(PATIENCE.min(deadline.saturating_duration_since(Instant::now())))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::mpsc;

    use serde_json::json;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    /// Waits for a fact that is on its way, as a loaded machine may need longer than a fact has.
    fn patient(report: &FactsOfReport, name: &str) -> Result<Arc<Value>, FactError> {
        let tries = std::iter::repeat_with(|| report.get(name, soon()));
        tries.take(200).find(|value| *value != Err(FactError::Stalled)).expect("no fact takes 50 s")
    }

    #[test]
    fn a_fact_is_taken_once_a_report_and_anew_for_the_next() {
        let (facts, calls) = (Arc::new(Facts::new()), AtomicU32::new(0));
        facts.add("calls", move || calls.fetch_add(1, Ordering::Relaxed));
        let report = FactsOfReport::new(facts.clone());
        assert_eq!(*patient(&report, "calls").unwrap(), json!(0));
        assert_eq!(*patient(&report, "calls").unwrap(), json!(0));
        assert_eq!(*patient(&FactsOfReport::new(facts), "calls").unwrap(), json!(1));
    }

    #[test]
    fn a_fact_that_panics_or_has_no_json_says_why() {
        let facts = Arc::new(Facts::new());
        facts.add("panics", || -> u8 { panic!("pool is gone") });
        facts.add("refuses", || std::path::Path::new(std::ffi::OsStr::from_bytes(b"\xff")).to_owned());
        facts.add("keys", || BTreeMap::from([((1, 2), 3)]));
        let report = FactsOfReport::new(facts);
        assert_eq!(patient(&report, "panics"), Err(FactError::Failed("it panicked: pool is gone".into())));
        let reason = "path contains invalid UTF-8 characters";
        assert_eq!(patient(&report, "refuses"), Err(FactError::Failed(reason.into())));
        assert_eq!(*patient(&report, "keys").unwrap(), json!({"[1,2]": 3}));
        assert_eq!(patient(&report, "neither"), Err(FactError::Unknown));
    }

    #[test]
    fn facts_are_masked_by_what_is_declared_and_by_what_they_look_like() {
        let secrets = Secrets::declared(vec!["pool.owner".into()]).showing(vec!["pool.seed".into()]);
        let facts = Facts::new().masked_by(secrets);
        facts.add("pool", || json!({"owner": "me", "seed": 1, "token": "t", "url": "redis://:hunter2@h"}));
        let report = FactsOfReport::new(Arc::new(facts));
        let masked = json!({"owner": "***", "seed": 1, "token": "***", "url": "redis://:***@h"});
        assert_eq!(*patient(&report, "pool").unwrap(), masked);
    }

    #[test]
    fn a_stuck_fact_is_told_apart_and_not_started_again() {
        let (facts, started) = (Arc::new(Facts::new()), Arc::new(AtomicU32::new(0)));
        let (release, stuck) = mpsc::channel::<()>();
        let (stuck, count) = (Mutex::new(stuck), started.clone());
        facts.add("stuck", move || {
            count.fetch_add(1, Ordering::SeqCst);
            stuck.lock().unwrap().recv().is_ok()
        });
        let first = FactsOfReport::new(facts.clone());
        assert_eq!(first.get("stuck", Instant::now()), Err(FactError::Stalled), "its time is over");
        assert_eq!(first.get("stuck", soon()), Err(FactError::Stalled), "a fact has a time of its own");
        let second = FactsOfReport::new(facts.clone());
        assert_eq!(second.get("stuck", soon()), Err(FactError::Stalled));
        assert_eq!(started.load(Ordering::SeqCst), 1, "not started while it runs");

        release.send(()).unwrap();
        assert_eq!(*patient(&first, "stuck").unwrap(), json!(true), "the value arrives after all");
        release.send(()).unwrap();
        assert_eq!(
            *patient(&FactsOfReport::new(facts), "stuck").unwrap(),
            json!(true),
            "and it is taken again"
        );
        assert_eq!(started.load(Ordering::SeqCst), 2);
    }
}
