//! Fields, tables and texts compared. They are matched by what stands above and before them: a field by its
//! headings and name, a row by its headings and first cell, a line of text by itself.

use std::collections::{BTreeMap, BTreeSet};

use crate::format::text::{escape, value};
use crate::model::Block;

/// The lines that tell what changed, in the new section's order, then what vanished in the old one's.
pub fn compare(old: &[Block], new: &[Block]) -> Vec<String> {
    let (old, new) = (Contents::of(old), Contents::of(new));
    let mut lines = Vec::new();
    for (place, after) in &new.values {
        match old.value(place) {
            Some(before) if before == after => {}
            Some(before) => lines.push(format!("{}: {before} -> {after}", place.name)),
            None => lines.push(format!("{}: {after} (appeared)", place.name)),
        }
    }
    for (place, before) in &old.values {
        if new.value(place).is_none() {
            lines.push(format!("{}: {before} (vanished)", place.name));
        }
    }
    lines.extend(texts("", &old.texts, &new.texts));
    lines
}

/// Lines that vanished and lines that appeared.
pub fn texts(what: &str, old: &[String], new: &[String]) -> Vec<String> {
    let (in_old, in_new): (BTreeSet<_>, BTreeSet<_>) = (old.iter().collect(), new.iter().collect());
    let vanished = old.iter().filter(|line| !in_new.contains(line)).map(|line| format!("- {what}{line}"));
    let appeared = new.iter().filter(|line| !in_old.contains(line)).map(|line| format!("+ {what}{line}"));
    vanished.chain(appeared).collect()
}

/// Where a value stands. Names may come more than once: the first of each is compared with the first.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    name: String,
    repetition: usize,
}

#[derive(Default)]
struct Contents {
    values: Vec<(Place, String)>,
    index: BTreeMap<Place, usize>,
    /// How often each name has come.
    named: BTreeMap<String, usize>,
    texts: Vec<String>,
}

impl Contents {
    fn of(blocks: &[Block]) -> Contents {
        let mut contents = Contents::default();
        let mut headings: Vec<(u8, String)> = Vec::new();
        for block in blocks {
            let above: String = headings.iter().map(|(_, text)| format!("{text} / ")).collect();
            match block {
                Block::Heading { level, text } => {
                    headings.retain(|(above, _)| above < level);
                    headings.push((*level, escape(text)));
                }
                Block::Fields { fields } => {
                    for field in fields {
                        contents.add(format!("{above}{}", escape(&field.key)), value(&field.value));
                    }
                }
                Block::Table { columns, rows } => {
                    for row in rows {
                        let first = row.first().map_or(String::new(), value);
                        let cells = columns.iter().zip(row).skip(1);
                        let cells: Vec<String> = cells
                            .map(|(column, cell)| format!("{} {}", escape(column), value(cell)))
                            .collect();
                        contents.add(format!("{above}{first}"), cells.join(", "));
                    }
                }
                Block::Paragraph { text } | Block::Preformatted { text } => {
                    contents.lines(&above, text);
                }
                Block::Notes { notes } => {
                    notes.iter().for_each(|note| contents.lines(&above, &note.to_string()));
                }
                Block::Unknown(unknown) => contents.lines(&above, &unknown.to_string()),
                Block::Trace(_) | Block::Graph(_) => {}
            }
        }
        contents
    }

    fn lines(&mut self, above: &str, text: &str) {
        self.texts.extend(text.lines().map(|line| format!("{above}{}", escape(line))));
    }

    fn add(&mut self, name: String, text: String) {
        let repetition = self.named.entry(name.clone()).or_default();
        let place = Place { name, repetition: *repetition };
        *repetition += 1;
        self.index.insert(place.clone(), self.values.len());
        self.values.push((place, text));
    }

    fn value(&self, place: &Place) -> Option<&String> {
        self.index.get(place).map(|at| &self.values[*at].1)
    }
}
