//! What a plugin remembers from one report to the next. It belongs to the plugin as it was loaded, so that a new version starts
//! with nothing, and nothing is left when the file is gone.
//!
//! A call works on a draft of its own, which costs nothing until it sets something. The draft becomes the state only if
//! the call returned a section in time: what fails half way leaves no half of a state.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use gmr_report::words::bytes;
use gmr_report::{Block, Value as Shown};

use super::bindings::wit::document::{Scalar, Value};
use super::bindings::wit::state::Excess;
use crate::plugin::Limits;

/// The longest key in bytes: it stands in a line of a report.
const KEY_BYTES: usize = 256;

/// What everything that is no text counts, about what it takes.
const SCALAR_BYTES: u64 = 16;

/// The state of one loaded plugin, which its calls share.
#[derive(Debug, Default)]
pub struct PluginState(Mutex<Arc<Entries>>);

/// Values by key.
#[derive(Clone, Debug, Default)]
struct Entries {
    by_key: BTreeMap<String, Entry>,
    /// What keys and values count together.
    bytes: u64,
}

#[derive(Clone, Debug)]
struct Entry {
    value: Value,
    set: Instant,
}

impl PluginState {
    /// A draft for one call.
    pub fn draft(&self) -> Draft {
        let base = self.current().clone();
        Draft { entries: base.clone(), base }
    }

    /// Takes a call's draft over, unless the state was cleared since the call began.
    pub fn commit(&self, draft: Draft) {
        let mut current = self.current();
        if Arc::ptr_eq(&current, &draft.base) {
            *current = draft.entries;
        }
    }

    /// Forgets everything.
    pub fn clear(&self) {
        *self.current() = Arc::default();
    }

    /// What is kept, as blocks for a report, and its bytes; no blocks if there is nothing.
    pub fn shown(&self) -> (Vec<Block>, u64) {
        let entries = self.current().clone();
        if entries.by_key.is_empty() {
            return (Vec::new(), 0);
        }
        let rows = entries.by_key.iter().map(|(key, Entry { value, set })| {
            vec![key.as_str().into(), Shown::from(value.clone()), Shown::Duration(set.elapsed())]
        });
        let table = Block::table(["key", "value", "set before"], rows.collect::<Vec<_>>());
        (vec![Block::heading(2, "State"), table], entries.bytes)
    }

    fn current(&self) -> std::sync::MutexGuard<'_, Arc<Entries>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The state as one call sees and changes it.
#[derive(Clone, Debug)]
pub struct Draft {
    /// What it was when the call began.
    base: Arc<Entries>,
    entries: Arc<Entries>,
}

impl Draft {
    /// What is under this key, and when it was set.
    pub fn get(&self, key: &str) -> Option<(Value, Instant)> {
        self.entries.by_key.get(key).map(|entry| (entry.value.clone(), entry.set))
    }

    /// Keeps a value.
    ///
    /// # Errors
    ///
    /// Which limit it would exceed; then everything stays as it was.
    pub fn set(&mut self, key: String, value: Value, limits: &Limits) -> Result<(), Excess> {
        if key.is_empty() || key.len() > KEY_BYTES {
            let advice = format!("a key has 1 to {KEY_BYTES} bytes, and this one has {}", key.len());
            return Err(excess("key", advice));
        }
        let before = self.entries.by_key.get(&key);
        let freed = before.map_or(0, |entry| cost(&key, &entry.value));
        let needed = self.entries.bytes - freed + cost(&key, &value);
        if needed > limits.state_bytes {
            let advice = format!(
                "`{key}` would make it {} of keys and values, and {} are allowed: remove some, or raise `state`",
                bytes(needed),
                bytes(limits.state_bytes)
            );
            return Err(excess("state", advice));
        }
        let count = self.entries.by_key.len() as u64 + u64::from(before.is_none());
        if count > u64::from(limits.state_entries) {
            let most = limits.state_entries;
            let advice = format!("{most} entries are allowed: remove some, or raise `state_entries`");
            return Err(excess("state_entries", advice));
        }
        let entries = Arc::make_mut(&mut self.entries);
        entries.bytes = needed;
        entries.by_key.insert(key, Entry { value, set: Instant::now() });
        Ok(())
    }

    pub fn remove(&mut self, key: &str) {
        let Some(entry) = self.entries.by_key.get(key) else { return };
        let freed = cost(key, &entry.value);
        let entries = Arc::make_mut(&mut self.entries);
        entries.bytes -= freed;
        entries.by_key.remove(key);
    }

    pub fn keys(&self) -> Vec<String> {
        self.entries.by_key.keys().cloned().collect()
    }
}

fn excess(limit: &str, advice: String) -> Excess {
    Excess { limit: limit.to_owned(), advice }
}

/// What an entry counts.
fn cost(key: &str, value: &Value) -> u64 {
    let scalar = |scalar: &Scalar| match scalar {
        Scalar::Text(text) => text.len() as u64 + SCALAR_BYTES,
        _ => SCALAR_BYTES,
    };
    let value = match value {
        Value::Text(text) => text.len() as u64,
        Value::List(list) => list.iter().map(scalar).sum(),
        _ => 0,
    };
    key.len() as u64 + SCALAR_BYTES + value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(state_bytes: u64, state_entries: u32) -> Limits {
        Limits { state_bytes, state_entries, ..Limits::default() }
    }

    fn set(draft: &mut Draft, key: &str, value: Value, limits: &Limits) -> Result<(), String> {
        draft.set(key.to_owned(), value, limits).map_err(|excess| excess.limit)
    }

    fn keys(state: &PluginState) -> Vec<String> {
        state.draft().keys()
    }

    #[test]
    fn only_what_is_committed_is_there_in_the_next_call() {
        let (state, limits) = (PluginState::default(), Limits::default());
        let mut lost = state.draft();
        set(&mut lost, "a", Value::Integer(1), &limits).unwrap();
        assert!(matches!(lost.get("a"), Some((Value::Integer(1), _))), "the call itself sees it");
        assert!(keys(&state).is_empty());

        let mut kept = state.draft();
        set(&mut kept, "b", Value::Integer(2), &limits).unwrap();
        set(&mut kept, "c", Value::Integer(3), &limits).unwrap();
        kept.remove("c");
        kept.remove("never");
        state.commit(kept);
        assert_eq!(keys(&state), ["b"]);
    }

    #[test]
    fn what_was_cleared_during_a_call_does_not_come_back_with_it() {
        let (state, limits) = (PluginState::default(), Limits::default());
        let mut draft = state.draft();
        set(&mut draft, "a", Value::None, &limits).unwrap();
        state.clear();
        state.commit(draft);
        assert!(keys(&state).is_empty());
    }

    #[test]
    fn each_limit_holds_at_its_value_and_is_named_beyond() {
        let text = |bytes| Value::Text("x".repeat(bytes));
        let mut draft = PluginState::default().draft();
        // A key of one byte, a text of three, and 16.
        assert_eq!(set(&mut draft, "a", text(3), &limits(20, 9)), Ok(()));
        assert_eq!(set(&mut draft, "a", text(4), &limits(20, 9)), Err("state".to_owned()));
        assert!(
            matches!(draft.get("a"), Some((Value::Text(text), _)) if text == "xxx"),
            "it stays as it was"
        );
        assert_eq!(set(&mut draft, "a", text(2), &limits(20, 1)), Ok(()), "in place of the one before");
        assert_eq!(set(&mut draft, "b", text(0), &limits(99, 1)), Err("state_entries".to_owned()));
        assert_eq!(set(&mut draft, "b", text(0), &limits(99, 2)), Ok(()));
        draft.remove("a");
        assert_eq!(set(&mut draft, "c", text(0), &limits(34, 2)), Ok(()), "what was removed counts no more");
        assert_eq!(set(&mut draft, "c", text(1), &limits(34, 2)), Err("state".to_owned()));
        assert_eq!(set(&mut draft, "", text(0), &Limits::default()), Err("key".to_owned()));
        assert_eq!(set(&mut draft, &"k".repeat(256), text(0), &Limits::default()), Ok(()));
        assert_eq!(set(&mut draft, &"k".repeat(257), text(0), &Limits::default()), Err("key".to_owned()));
    }

    #[test]
    fn lists_count_by_their_elements() {
        let list = Value::List(vec![Scalar::Integer(1), Scalar::Text("four".to_owned())]);
        let mut draft = PluginState::default().draft();
        let whole = 1 + 16 + 16 + 16 + 4;
        assert_eq!(set(&mut draft, "a", list.clone(), &limits(whole - 1, 1)), Err("state".to_owned()));
        assert_eq!(set(&mut draft, "a", list, &limits(whole, 1)), Ok(()));
    }
}
