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
        let nanoseconds = |time: Duration| time.as_nanos();
        let time = |nanoseconds| Value::Duration(Duration::from_nanos_u128(nanoseconds));
        let size = |bytes| Value::Bytes(u64::try_from(bytes).unwrap_or(u64::MAX));
        let count = |count| Value::from(u64::try_from(count).unwrap_or(u64::MAX));
        let rows: [(&'static str, u128, u128, &dyn Fn(u128) -> Value); 9] = [
            ("deadline", nanoseconds(self.took), nanoseconds(limits.deadline), &time),
            ("memory", self.memory_bytes.into(), limits.memory_bytes.into(), &size),
            ("table_elements", self.table_elements.into(), limits.table_elements.into(), &count),
            ("host_calls", self.host_calls.into(), limits.host_calls.into(), &count),
            ("output", self.output_bytes.into(), limits.output_bytes.into(), &size),
            ("text", self.text_bytes.into(), limits.text_bytes.into(), &size),
            ("blocks", self.blocks.into(), limits.blocks.into(), &count),
            ("items", self.items.into(), limits.items.into(), &count),
            ("diagnostics", self.diagnostic_bytes.into(), limits.diagnostic_bytes.into(), &size),
        ];
        let near = rows.into_iter().filter(|(_, used, limit, _)| {
            *used > 0 && used.saturating_mul(100) >= limit.saturating_mul(percent.into())
        });
        near.map(|(option, used, limit, value)| UsedLimit { option, used: value(used), limit: value(limit) })
            .collect()
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
