//! What one call of a plugin has used up, held against its limits.

use std::time::Duration;

use gmr_report::Value;

use super::Limits;

/// What one call of a plugin has used up of its [`Limits`].
///
/// ```
/// use gmr::plugin::{Limits, Usage};
///
/// let mut usage = Usage::default();
/// usage.host_calls = 80_000;
/// let near = usage.from_percent(80, &Limits::default());
/// assert_eq!(near[0].option, "host_calls");
/// assert!(usage.from_percent(81, &Limits::default()).is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// How long the call took, a fresh instance included.
    pub took: Duration,
    /// Linear memory in bytes.
    pub memory_bytes: u64,
    /// Table elements.
    pub table_elements: u64,
    /// Calls to the interfaces of `gmr:plugin`.
    pub host_calls: u64,
    /// Bytes of text in the section.
    pub output_bytes: u64,
    /// Bytes of the longest single text.
    pub text_bytes: u64,
    /// Blocks in the section.
    pub blocks: u64,
    /// Rows, fields, members, frames and list items in the section.
    pub items: u64,
    /// Bytes of standard output and error that were kept.
    pub diagnostic_bytes: u64,
}

/// A limit, and what was used of it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct UsedLimit {
    /// The option in `[gmr.plugins.NAME]` that sets the limit.
    pub option: &'static str,
    /// What was used.
    pub used: Value,
    /// What may be used.
    pub limit: Value,
}

impl Usage {
    /// The limits of which so many percent or more are used up, in the order of the fields.
    pub fn from_percent(&self, percent: u32, limits: &Limits) -> Vec<UsedLimit> {
        let row = |option, used: u64, limit: u64, value: fn(u64) -> Value| {
            let parts = |amount: u64, of: u32| u128::from(amount) * u128::from(of);
            let is_near = used > 0 && parts(used, 100) >= parts(limit, percent);
            is_near.then(|| UsedLimit { option, used: value(used), limit: value(limit) })
        };
        let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let time = |nanoseconds| Value::Duration(Duration::from_nanos(nanoseconds));
        let (size, count): (_, fn(u64) -> Value) = (Value::Bytes, Value::from);
        let rows = [
            row("deadline", nanoseconds(self.took), nanoseconds(limits.deadline), time),
            row("memory", self.memory_bytes, limits.memory_bytes, size),
            row("table_elements", self.table_elements, limits.table_elements, count),
            row("host_calls", self.host_calls, limits.host_calls, count),
            row("output", self.output_bytes, limits.output_bytes, size),
            row("text", self.text_bytes, limits.text_bytes, size),
            row("blocks", self.blocks, limits.blocks.into(), count),
            row("items", self.items, limits.items.into(), count),
            row("diagnostics", self.diagnostic_bytes, limits.diagnostic_bytes.into(), size),
        ];
        rows.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_near_from_the_given_part_of_it_on() {
        let limits = Limits { memory_bytes: 1000, blocks: 10, ..Limits::default() };
        let near = |usage: &Usage| -> Vec<&str> {
            usage.from_percent(80, &limits).iter().map(|used| used.option).collect()
        };
        assert!(near(&Usage { memory_bytes: 799, blocks: 7, ..Usage::default() }).is_empty());
        assert_eq!(near(&Usage { memory_bytes: 800, blocks: 8, ..Usage::default() }), ["memory", "blocks"]);
        assert_eq!(near(&Usage { took: Duration::from_millis(800), ..Usage::default() }), ["deadline"]);
    }

    #[test]
    fn what_was_used_keeps_its_unit() {
        let usage = Usage { took: Duration::from_secs(2), memory_bytes: 1 << 30, ..Usage::default() };
        let near = usage.from_percent(100, &Limits::default());
        let [time, memory] = &near[..] else { panic!("{near:?}") };
        assert_eq!(
            (&time.used, &time.limit),
            (&Value::Duration(Duration::from_secs(2)), &Value::Duration(Duration::from_secs(1)))
        );
        assert_eq!((&memory.used, &memory.limit), (&Value::Bytes(1 << 30), &Value::Bytes(128 << 20)));
    }
}
