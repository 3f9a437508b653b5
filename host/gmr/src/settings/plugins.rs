//! The `[gmr.plugins.NAME]` tables.

use std::collections::BTreeMap;
use std::time::Duration;

use super::reader::{Item, Table};
use super::{at_least, texts};
use crate::error::Error;
use crate::plugin::{Grant, Limits, PluginConfig};

pub(super) fn read(mut table: Table<'_>) -> Result<BTreeMap<String, PluginConfig>, Error> {
    let plugin = |(name, item): (&str, Item<'_>)| Ok((name.to_owned(), plugin(item.table()?)?));
    table.take_all().into_iter().map(plugin).collect()
}

fn plugin(mut table: Table<'_>) -> Result<PluginConfig, Error> {
    let mut plugin = PluginConfig::default();
    if let Some(item) = table.take("enabled") {
        plugin.enabled = item.flag()?;
    }
    if let Some(item) = table.take("grants") {
        let grant =
            |text: String| Grant::parse(&text).map_err(|message| item.error(format!("has an {message}")));
        plugin.grants = texts(&item)?.into_iter().map(grant).collect::<Result<_, _>>()?;
    }
    if let Some(item) = table.take("settings") {
        plugin.settings = item.free_table()?;
    }
    for limit in LIMITS {
        if let Some(item) = table.take(limit.key) {
            (limit.read)(&mut plugin.limits, &item)?;
        }
    }
    table.finish()?;
    Ok(plugin)
}

/// A limit: its key, and how its value is taken over.
struct LimitEntry {
    key: &'static str,
    read: fn(&mut Limits, &Item<'_>) -> Result<(), Error>,
}

/// A call that has less time cannot even be begun.
const SHORTEST: Duration = Duration::from_millis(1);

const LIMITS: &[LimitEntry] = &[
    LimitEntry { key: "deadline", read: |l, item| Ok(l.deadline = at_least(SHORTEST, item)?) },
    LimitEntry { key: "memory", read: |l, item| Ok(l.memory_bytes = item.size()?) },
    LimitEntry { key: "table_elements", read: |l, item| Ok(l.table_elements = item.integer(0..=u64::MAX)?) },
    LimitEntry { key: "instances", read: |l, item| Ok(l.instances = count(item)?) },
    LimitEntry { key: "memories_and_tables", read: |l, item| Ok(l.memories_and_tables = count(item)?) },
    LimitEntry { key: "host_calls", read: |l, item| Ok(l.host_calls = item.integer(0..=u64::MAX)?) },
    LimitEntry { key: "output", read: |l, item| Ok(l.output_bytes = item.size()?) },
    LimitEntry { key: "text", read: |l, item| Ok(l.text_bytes = item.size()?) },
    LimitEntry { key: "blocks", read: |l, item| Ok(l.blocks = count(item)?) },
    LimitEntry { key: "items", read: |l, item| Ok(l.items = count(item)?) },
    LimitEntry { key: "diagnostics", read: |l, item| Ok(l.diagnostic_bytes = small_size(item)?) },
    LimitEntry { key: "input", read: |l, item| Ok(l.input_bytes = item.size()?) },
];

fn count(item: &Item<'_>) -> Result<u32, Error> {
    item.integer(1..=u32::MAX.into()).map(|count| u32::try_from(count).unwrap_or(u32::MAX))
}

fn small_size(item: &Item<'_>) -> Result<u32, Error> {
    u32::try_from(item.size()?).map_err(|_| item.error("must be less than 4 GiB"))
}
