//! What a plugin costs the process that has it: compiling, descriptors, calls, and which of its limits are near.

use std::time::{Duration, Instant};

use gmr::plugin::{Checked, Code, Limits, Usage};
use gmr::report::format::text;
use gmr::report::words::{bytes, duration};
use gmr_inspect::process::Process;

/// So much of a limit is near it: a larger report, or a slower machine, takes the rest.
const NEAR_PERCENT: u32 = 80;

/// Calls that are measured, and how long that may take beyond the one that is under way.
const CALLS: usize = 20;
const PATIENCE: Duration = Duration::from_secs(1);

/// Memory and descriptors of this process at one moment.
pub struct Moment {
    resident_bytes: Option<u64>,
    peak_bytes: Option<u64>,
    descriptors: Option<u32>,
}

impl Moment {
    pub fn now() -> Moment {
        let process = Process::new();
        let memory = process.memory();
        Moment {
            resident_bytes: memory.resident,
            peak_bytes: memory.peak_resident,
            descriptors: process.descriptors().open,
        }
    }
}

/// What loading took, by what this process had before and has after it.
pub struct Loading {
    /// At its peak, beyond what there was before; `None` where the system does not tell.
    memory_bytes: Option<u64>,
    descriptors: Option<u32>,
}

impl Loading {
    pub fn between(before: &Moment, after: &Moment) -> Loading {
        // A peak from before says nothing of what came after it.
        let peak = after.peak_bytes.filter(|peak| Some(*peak) > before.peak_bytes);
        Loading {
            memory_bytes: peak.zip(before.resident_bytes).map(|(peak, before)| peak.saturating_sub(before)),
            descriptors: after
                .descriptors
                .zip(before.descriptors)
                .map(|(after, before)| after.saturating_sub(before)),
        }
    }
}

/// Calls for the section: the first, and as many more as there is time for.
pub fn calls(mut call: impl FnMut() -> Checked) -> (Checked, Vec<Duration>) {
    let first = call();
    let mut took = vec![first.usage.took];
    let until = Instant::now() + PATIENCE;
    while first.section.failure.is_none() && took.len() < CALLS && Instant::now() < until {
        took.push(call().usage.took);
    }
    (first, took)
}

/// Lines of what it costs, each with its key.
pub fn lines(
    checked: &Checked,
    loading: &Loading,
    calls: &[Duration],
    limits: &Limits,
) -> Vec<(String, String)> {
    let Checked { code, usage, .. } = checked;
    let mut lines = vec![("compiled".to_owned(), compiled(code, loading))];
    lines.extend(code.not_cached.iter().map(|reason| (String::new(), reason.clone())));
    lines.push(("code".to_owned(), format!("{} in memory and in the cache", bytes(code.bytes))));
    if let Some(descriptors) = loading.descriptors {
        let kept = if descriptors == 1 { "1 descriptor" } else { &format!("{descriptors} descriptors") };
        lines.push(("keeps".to_owned(), format!("{kept} open as long as it is loaded")));
    }
    lines.push(("call".to_owned(), call(usage, calls)));
    for (at, near) in usage.from_percent(NEAR_PERCENT, limits).iter().enumerate() {
        let words =
            format!("{} of its `{}` of {}", text::value(&near.used), near.option, text::value(&near.limit));
        lines.push((if at == 0 { "near" } else { "" }.to_owned(), words));
    }
    lines
}

fn compiled(code: &Code, loading: &Loading) -> String {
    if code.from_cache {
        let took = duration(code.took);
        return format!("before: its code came from the cache in {took} (--no-cache compiles it again)");
    }
    let memory = code.compiler_bytes.or(loading.memory_bytes);
    let memory = memory.map_or(String::new(), |memory| format!(", with {} of memory", bytes(memory)));
    format!("in {}{memory}", duration(code.took))
}

fn call(usage: &Usage, calls: &[Duration]) -> String {
    let memory = bytes(usage.memory_bytes);
    let first = duration(usage.took);
    match calls.len() {
        0 | 1 => format!("{first}, with {memory} of memory"),
        count => {
            let median = duration(median(calls));
            format!("{median} (median of {count}; the first {first}), with {memory} of memory")
        }
    }
}

fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted[sorted.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(resident: u64, peak: u64, descriptors: u32) -> Moment {
        Moment { resident_bytes: Some(resident), peak_bytes: Some(peak), descriptors: Some(descriptors) }
    }

    #[test]
    fn memory_of_loading_is_what_its_peak_has_beyond_the_beginning() {
        let loading = Loading::between(&moment(30, 35, 5), &moment(40, 530, 6));
        assert_eq!((loading.memory_bytes, loading.descriptors), (Some(500), Some(1)));
        let unknown = Loading::between(&moment(30, 600, 5), &moment(40, 600, 5));
        assert_eq!((unknown.memory_bytes, unknown.descriptors), (None, Some(0)));
    }

    #[test]
    fn a_median_stands_in_the_middle_whatever_the_order() {
        let times = [9, 1, 5].map(Duration::from_millis);
        assert_eq!(median(&times), Duration::from_millis(5));
    }
}
