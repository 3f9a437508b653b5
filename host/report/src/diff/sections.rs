//! Sections compared by their names: which appeared, vanished, failed or recovered, and what changed in the others. The new report's order, then what vanished in the old one's.

use std::collections::BTreeMap;

use crate::format::text::escape;
use crate::model::Section;

use super::{Moments, blocks, graph, traces};

/// The sections with a difference: their titles and the lines that tell it.
pub fn compare(old: &[Section], new: &[Section], moments: Moments) -> Vec<(String, Vec<String>)> {
    let (old, new) = (numbered(old), numbered(new));
    let mut changes = Vec::new();
    for (place, section) in &new {
        let lines = match find(&old, place) {
            Some(before) => change(before, section, moments),
            None => vec![match &section.failure {
                Some(reason) => format!("this section appeared, and failed: {}", escape(reason)),
                None => "this section appeared".to_owned(),
            }],
        };
        changes.push((title(section), lines));
    }
    for (_, section) in old.iter().filter(|(place, _)| find(&new, place).is_none()) {
        changes.push((title(section), vec!["this section vanished".to_owned()]));
    }
    changes.retain(|(_, lines)| !lines.is_empty());
    changes
}

/// A section's name, and how many before it have the same: a report has each name once, and other programs' files may
/// not.
type Place<'s> = (&'s str, usize);

fn numbered(sections: &[Section]) -> Vec<(Place<'_>, &Section)> {
    let mut named = BTreeMap::<&str, usize>::new();
    let numbered = sections.iter().map(|section| {
        let repetition = named.entry(&section.name).or_default();
        *repetition += 1;
        ((section.name.as_str(), *repetition), section)
    });
    numbered.collect()
}

fn find<'s>(sections: &[(Place<'_>, &'s Section)], wanted: &Place<'_>) -> Option<&'s Section> {
    sections.iter().find(|(place, _)| place == wanted).map(|(_, section)| *section)
}

fn title(section: &Section) -> String {
    if section.title.is_empty() { escape(&section.name) } else { escape(&section.title) }
}

fn change(old: &Section, new: &Section, moments: Moments) -> Vec<String> {
    let mut lines = Vec::new();
    match (&old.failure, &new.failure) {
        (None, Some(reason)) => lines.push(format!("failed: {}", escape(reason))),
        (Some(reason), None) => lines.push(format!("recovered; it had failed: {}", escape(reason))),
        (Some(old), Some(new)) if old != new => {
            lines.push(format!("still failed: {} -> {}", escape(old), escape(new)));
        }
        _ => {}
    }
    let remarks = |section: &Section| {
        let lines = section.remarks.iter().flat_map(|remark| remark.lines());
        lines.map(|line| escape(line.trim())).collect::<Vec<_>>()
    };
    lines.extend(blocks::texts("look at: ", &remarks(old), &remarks(new)));
    lines.extend(blocks::compare(&old.blocks, &new.blocks));
    lines.extend(traces::compare(&old.blocks, &new.blocks));
    lines.extend(graph::compare(&old.blocks, &new.blocks));
    if moments == Moments::OfOneProcess {
        lines.extend(graph::unmoved(&old.blocks, &new.blocks));
    }
    lines
}
