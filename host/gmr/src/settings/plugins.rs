//! The `[gmr.plugins.NAME]` tables: what a plugin is granted and given, and its limits.

use std::collections::BTreeMap;
use std::time::Duration;

use super::item::Item;
use super::table::Row;
use crate::error::Error;
use crate::plugin::{Grant, Limits, MOST_BYTES, PluginConfig};

/// Reads the tables of all plugins.
pub(super) fn read(item: &Item<'_>) -> Result<BTreeMap<String, PluginConfig>, Error> {
    let plugin = |(name, item): (&str, Item<'_>)| {
        let mut plugin = PluginConfig::default();
        item.table()?.read(OPTIONS, &mut plugin)?;
        Ok((name.to_owned(), plugin))
    };
    item.table()?.entries().map(plugin).collect()
}

/// A call that has less time cannot even be begun.
const SHORTEST: Duration = Duration::from_millis(1);

const OPTIONS: &[Row<PluginConfig>] = &[
    Row::new("enabled", |plugin, item| item.flag().map(|value| plugin.enabled = value)),
    Row::new("grants", |plugin, item| grants(item).map(|grants| plugin.grants = grants)),
    Row::new("digest", |plugin, item| item.word().map(|digest| plugin.digest = Some(digest))),
    Row::new("settings", |plugin, item| {
        (plugin.settings, plugin.places) = (item.free_table()?, item.places());
        Ok(())
    }),
    Row::new("show_diagnostics", |plugin, item| item.flag().map(|value| plugin.show_diagnostics = value)),
    Row::new("show_state", |plugin, item| item.flag().map(|value| plugin.show_state = value)),
    Row::new("deadline", |plugin, item| item.duration(SHORTEST).map(|value| plugin.limits.deadline = value)),
    Row::new("memory", |plugin, item| item.size().map(|value| plugin.limits.memory_bytes = value)),
    Row::new("table_elements", |plugin, item| {
        item.integer(0..=u64::MAX).map(|value| plugin.limits.table_elements = value)
    }),
    Row::new("instances", |plugin, item| item.count().map(|value| plugin.limits.instances = value)),
    Row::new("memories", |plugin, item| item.count().map(|value| plugin.limits.memories = value)),
    Row::new("tables", |plugin, item| item.count().map(|value| plugin.limits.tables = value)),
    Row::new("wasm_stack", |plugin, item| {
        wasm_stack(item).map(|bytes| plugin.limits.wasm_stack_bytes = bytes)
    }),
    Row::new("host_calls", |plugin, item| {
        item.integer(0..=u64::MAX).map(|value| plugin.limits.host_calls = value)
    }),
    Row::new("output", |plugin, item| item.size().map(|value| plugin.limits.output_bytes = value)),
    Row::new("text", |plugin, item| item.size().map(|value| plugin.limits.text_bytes = value)),
    Row::new("blocks", |plugin, item| item.count().map(|value| plugin.limits.blocks = value)),
    Row::new("items", |plugin, item| item.count().map(|value| plugin.limits.items = value)),
    Row::new("diagnostics", |plugin, item| {
        below_4_gib(item).map(|bytes| plugin.limits.diagnostic_bytes = bytes)
    }),
    Row::new("input", |plugin, item| item.size().map(|value| plugin.limits.input_bytes = value)),
    Row::new("file", |plugin, item| file(item).map(|value| plugin.file.bytes = value)),
    Row::new("nesting", |plugin, item| nesting(item).map(|value| plugin.file.nesting = value)),
    Row::new("modules", |plugin, item| item.count().map(|value| plugin.file.modules = value)),
    Row::new("component_instances", |plugin, item| {
        item.count().map(|value| plugin.file.component_instances = value)
    }),
    Row::new("functions", |plugin, item| item.count().map(|value| plugin.file.functions = value)),
    Row::new("function", |plugin, item| item.size().map(|value| plugin.file.function_bytes = value)),
    Row::new("locals", |plugin, item| item.count().map(|value| plugin.file.locals = value)),
    Row::new("branching", |plugin, item| {
        item.integer(1..=u64::MAX).map(|value| plugin.file.branching = value)
    }),
    Row::new("data_segments", |plugin, item| item.count().map(|value| plugin.file.data_segments = value)),
    Row::new("custom", |plugin, item| item.size().map(|value| plugin.file.custom_bytes = value)),
    Row::new("state", |plugin, item| item.size().map(|value| plugin.limits.state_bytes = value)),
    Row::new("state_entries", |plugin, item| item.count().map(|value| plugin.limits.state_entries = value)),
];

fn grants(item: &Item<'_>) -> Result<Vec<Grant>, Error> {
    let grant = |text| Grant::parse(text).map_err(|message| item.error(format!("has an {message}")));
    item.texts(',')?.into_iter().map(grant).collect()
}

fn below_4_gib(item: &Item<'_>) -> Result<u32, Error> {
    u32::try_from(item.size()?).map_err(|_| item.error("must be less than 4 GiB"))
}

fn file(item: &Item<'_>) -> Result<u64, Error> {
    let bytes = item.size()?;
    if bytes > MOST_BYTES {
        return Err(item.error(format!("must be at most {} MiB", MOST_BYTES >> 20)));
    }
    Ok(bytes)
}

/// wasmtime's parser goes as deep as a file does, and takes memory for each level.
fn nesting(item: &Item<'_>) -> Result<u32, Error> {
    item.integer(0..=1000).map(|levels| u32::try_from(levels).unwrap_or(u32::MAX))
}

fn wasm_stack(item: &Item<'_>) -> Result<u64, Error> {
    let bytes = item.size()?;
    if !Limits::WASM_STACK_BYTES.contains(&bytes) {
        return Err(item.error("must be 64 KiB to 64 MiB"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_of_plugins_names_each_option() {
        let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugins/README.md"));
        let readme = readme.unwrap();
        for Row { key, .. } in OPTIONS {
            assert!(readme.contains(&format!("`{key}`")), "plugins/README.md does not tell of `{key}`");
        }
    }
}
