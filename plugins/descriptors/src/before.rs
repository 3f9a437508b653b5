//! The counts of the last report, which the host keeps for the plugin.

use std::collections::BTreeMap;
use std::time::Duration;

use gmr_plugin::process::DescriptorCount;
use gmr_plugin::{diagnostics, state};

/// The name under which the count of all descriptors is kept: no kind has it.
pub const ALL: &str = "all";

/// What was open at the last report; empty if there was none.
pub struct Before(BTreeMap<String, (u32, Duration)>);

impl Before {
    pub fn recall() -> Before {
        let count = |key: String| {
            let entry = state::get(&key)?;
            Some((key, (entry.value.as_number()? as u32, entry.age())))
        };
        Before(state::keys().into_iter().filter_map(count).collect())
    }

    pub fn is_known(&self) -> bool {
        self.0.contains_key(ALL)
    }

    /// By how much this kind has grown, and since when.
    pub fn growth(&self, kind: &str, now: u32) -> Option<(i64, Duration)> {
        self.0.get(kind).map(|(before, ago)| (i64::from(now) - i64::from(*before), *ago))
    }
}

/// Keeps what is open now for the next report, and only that: a kind that is gone counts as new when it comes again.
pub fn remember(open: u32, kinds: &[DescriptorCount]) {
    state::keys().iter().for_each(|key| state::remove(key));
    let counts = kinds.iter().map(|kind| (kind.kind.as_str(), kind.count)).chain([(ALL, open)]);
    for (key, count) in counts {
        if let Err(excess) = state::set(key, count) {
            diagnostics::print(&excess.advice);
        }
    }
}
