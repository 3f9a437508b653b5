//! The Plugins section: which plugins there are, from where, what came of their calls, and what is wrong with them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use gmr_report::{Block, Field, NativeSection, Section, Value};

use crate::plugin::files::catalogue::{Catalogue, Entry};
use crate::plugin::files::folder;
use crate::plugin::files::ownership::Writers;

type Entries = BTreeMap<PathBuf, Entry>;

/// Of more than this a list in a remark says how many.
const LISTED: usize = 8;

/// Lines in which the section's body tells of one thing, such as files that do not load.
const LINES: usize = 32;

/// Rows of the table: more than one folder may have.
const ROWS: usize = 2 * folder::MOST_FILES;

pub fn section(catalogue: &Catalogue, directories: &[PathBuf]) -> Section {
    let mut section = Section::native(NativeSection::Plugins);
    let entries = &catalogue.entries;
    section.blocks.push(if entries.is_empty() { nothing(directories) } else { table(entries) });
    section.blocks.extend(further(entries.len()).map(Block::paragraph));
    if let Some(reason) = &catalogue.no_child {
        let note = format!("in this process, under the limits of files alone: {reason}");
        section.blocks.push(Block::fields([Field::new("compiled", note)]));
    }
    let broken: Vec<String> = broken(entries).collect();
    let folders: Vec<String> = catalogue
        .problems
        .iter()
        .cloned()
        .chain(left_out(catalogue.left_out))
        .chain(without_grants(entries))
        .chain(catalogue.not_cached.clone())
        .collect();
    let problems = shortened(folders.iter().chain(&broken).cloned().collect(), LINES, "problems");
    for fields in [
        problems.into_iter().map(|problem| Field::new("problem", problem)).collect(),
        told("not granted", wishes(entries)),
        told("may be replaced", replaceable(entries)),
    ] {
        let fields: Vec<Field> = fields;
        if !fields.is_empty() {
            section.blocks.push(Block::fields(fields));
        }
    }
    section.remarks = shortened(folders, LISTED, "problems");
    section.remarks.extend(shortened(broken, LISTED, "files that do not load"));
    // Told above all sections, since nothing stands where theirs will, or an older one does.
    section.remarks.extend(compiling(entries));
    section
}

fn nothing(directories: &[PathBuf]) -> Block {
    let folders: Vec<String> = directories.iter().map(|folder| folder.display().to_string()).collect();
    Block::paragraph(format!("no plugins in {}", folders.join(", ")))
}

/// The first of these lines, and how many more there are.
fn shortened(mut lines: Vec<String>, most: usize, what: &str) -> Vec<String> {
    let more = lines.len().saturating_sub(most);
    lines.truncate(most);
    lines.extend((more > 0).then(|| format!("and {more} more {what}")));
    lines
}

fn told(key: &'static str, lines: Vec<String>) -> Vec<Field> {
    shortened(lines, LINES, "plugins").into_iter().map(|line| Field::new(key, line)).collect()
}

/// Names in one line.
fn list(names: &[&str]) -> String {
    match names.len().checked_sub(LISTED) {
        None | Some(0) => names.join(", "),
        Some(more) => format!("{} and {more} more", names[..LISTED].join(", ")),
    }
}

fn left_out(files: usize) -> Option<String> {
    let most = folder::MOST_FILES;
    (files > 0).then(|| format!("{files} more files are not looked into: of a folder the first {most} are"))
}

/// Files that do not load, and why.
fn broken(entries: &Entries) -> impl Iterator<Item = String> {
    entries.iter().filter_map(|(path, entry)| {
        let problem = entry.trouble()?;
        let serves = if entry.ready.is_some() { "; the version before it serves" } else { "" };
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        Some(format!("{file} does not load: {problem}{serves}"))
    })
}

/// Plugins whose grants anybody could have.
fn without_grants(entries: &Entries) -> impl Iterator<Item = String> {
    entries.values().filter(|entry| entry.is_without_grants()).filter_map(|entry| {
        let (name, Writers::Everyone(reason)) = (&entry.name, &entry.writers) else { return None };
        let digest = entry.ready.as_ref()?.plugin.digest;
        Some(format!(
            "{name} has none of its grants: {reason}; make that private, or set `digest = \"{digest}\"` in \
             [gmr.plugins.{name}]"
        ))
    })
}

/// Plugins whose grants a certain user or group could have, whom the operator may trust.
fn replaceable(entries: &Entries) -> Vec<String> {
    let line = |entry: &Entry| match &entry.writers {
        Writers::Some(who) if entry.ready.is_some() => {
            Some(format!("{}, with its grants, by {who}; a `digest` in its table would tell", entry.name))
        }
        _ => None,
    };
    entries.values().filter_map(line).collect()
}

/// Plugins that have no section yet, or an older version's.
fn compiling(entries: &Entries) -> impl Iterator<Item = String> {
    let names = |has_older: bool| {
        let is_awaited = |entry: &&Entry| {
            let is_first = entry.ready.is_none() && entry.trouble().is_none();
            entry.enabled && entry.ready.is_some() == has_older && (entry.pending.is_some() || is_first)
        };
        let names: Vec<&str> = entries.values().filter(is_awaited).map(|entry| entry.name.as_str()).collect();
        (!names.is_empty()).then(|| list(&names))
    };
    let first = names(false).map(|names| format!("no section yet of {names}: still being compiled"));
    let newer =
        names(true).map(|names| format!("an older section of {names}: the new one is still being compiled"));
    first.into_iter().chain(newer)
}

fn further(files: usize) -> Option<String> {
    files.checked_sub(ROWS).filter(|more| *more > 0).map(|more| format!("and {more} more files"))
}

fn table(entries: &Entries) -> Block {
    let columns =
        ["plugin", "state", "version", "digest", "loaded in", "calls", "failed", "took", "memory", "file"];
    // Those that there is something to tell of come first.
    let mut all: Vec<(&PathBuf, &Entry)> = entries.iter().collect();
    if all.len() > ROWS {
        all.sort_by_key(|(_, entry)| entry.ready.is_none());
    }
    let rows = all.into_iter().take(ROWS).map(|(path, entry)| {
        let ready = entry.ready.as_ref();
        let last = entry.record.last();
        vec![
            Value::from(entry.name.as_str()),
            Value::from(state(entry)),
            ready.map(|ready| ready.plugin.description.version.clone()).into(),
            ready.map(|ready| ready.plugin.digest.short()).into(),
            ready.map(|ready| rounded(ready.took)).into(),
            Value::from(entry.record.calls.load(Ordering::Relaxed)),
            Value::from(entry.record.failures.load(Ordering::Relaxed)),
            last.as_ref().map(|last| last.took).into(),
            last.map_or(Value::None, |last| Value::Bytes(last.memory_bytes)),
            Value::from(path.display().to_string()),
        ]
    });
    Block::table(columns, rows)
}

/// How long something took, as the table shows it.
pub fn rounded(duration: Duration) -> Duration {
    Duration::from_micros(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}

fn state(entry: &Entry) -> String {
    if let Some(pending) = entry.pending {
        let serves = if entry.ready.is_some() { ", an older version serves" } else { "" };
        return match pending.since {
            Some(since) => format!("compiling since {}{serves}", since.strftime("%H:%M:%S UTC")),
            None => format!("waiting to be compiled{serves}"),
        };
    }
    let state = match (&entry.ready, entry.trouble()) {
        (None, None) if !entry.enabled => "disabled",
        (None, None) => "loading",
        (None, Some(_)) => "failed",
        (Some(_), Some(_)) => "an older version",
        (Some(ready), None) if ready.plugin.refused_settings().is_some() => "settings refused",
        (Some(ready), None) if ready.from_cache => "ready, from the cache",
        (Some(_), None) => "ready",
    };
    match entry.record.halvings() {
        0 => state.to_owned(),
        halvings => {
            format!("{state}; called last, with 1/{} of its time, since it overran it", 1 << halvings)
        }
    }
}

/// What plugins would like to see and are not granted, which is the operator's decision.
fn wishes(entries: &Entries) -> Vec<String> {
    let wish = |entry: &Entry| {
        let plugin = &entry.ready.as_ref()?.plugin;
        let granted = &plugin.config().grants;
        let missing = |wanted: &&String| !granted.iter().any(|grant| grant.to_string() == **wanted);
        let missing: Vec<&str> =
            plugin.description.wants.iter().filter(missing).map(String::as_str).collect();
        (!missing.is_empty()).then(|| format!("{} would like to see: {}", entry.name, list(&missing)))
    };
    entries.values().filter_map(wish).collect()
}
