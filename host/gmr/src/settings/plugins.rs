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
        if let Some(item) = table.take(limit) {
            take_over(&mut plugin.limits, limit, &item)?;
        }
    }
    table.finish()?;
    Ok(plugin)
}

/// A call that has less time cannot even be begun.
const SHORTEST: Duration = Duration::from_millis(1);

const LIMITS: &[&str] = &[
    "deadline",
    "memory",
    "table_elements",
    "instances",
    "memories",
    "tables",
    "wasm_stack",
    "host_calls",
    "output",
    "text",
    "blocks",
    "items",
    "diagnostics",
    "input",
];

fn take_over(limits: &mut Limits, limit: &str, item: &Item<'_>) -> Result<(), Error> {
    match limit {
        "deadline" => limits.deadline = at_least(SHORTEST, item)?,
        "memory" => limits.memory_bytes = item.size()?,
        "table_elements" => limits.table_elements = item.integer(0..=u64::MAX)?,
        "instances" => limits.instances = count(item)?,
        "memories" => limits.memories = count(item)?,
        "tables" => limits.tables = count(item)?,
        "wasm_stack" => limits.wasm_stack_bytes = wasm_stack(item)?,
        "host_calls" => limits.host_calls = item.integer(0..=u64::MAX)?,
        "output" => limits.output_bytes = item.size()?,
        "text" => limits.text_bytes = item.size()?,
        "blocks" => limits.blocks = count(item)?,
        "items" => limits.items = count(item)?,
        "diagnostics" => limits.diagnostic_bytes = small_size(item)?,
        "input" => limits.input_bytes = item.size()?,
        other => unreachable!("`{other}` stands among the limits and is not read"),
    }
    Ok(())
}

fn count(item: &Item<'_>) -> Result<u32, Error> {
    item.integer(1..=u32::MAX.into()).map(|count| u32::try_from(count).unwrap_or(u32::MAX))
}

fn small_size(item: &Item<'_>) -> Result<u32, Error> {
    u32::try_from(item.size()?).map_err(|_| item.error("must be less than 4 GiB"))
}

fn wasm_stack(item: &Item<'_>) -> Result<u64, Error> {
    let bytes = item.size()?;
    match Limits::WASM_STACK_BYTES.contains(&bytes) {
        true => Ok(bytes),
        false => Err(item.error("must be 64 KiB to 64 MiB")),
    }
}
