//! Sections compared by their names: which appeared, vanished, failed or recovered, and what changed in the others. The new report's order, then what vanished in the old one's.

use crate::format::text::escape;
use crate::model::Section;

use super::{blocks, traces};

/// The sections with a difference: their titles and the lines that tell it.
pub fn compare(old: &[Section], new: &[Section]) -> Vec<(String, Vec<String>)> {
    let find = |sections: &[Section], name: &str| sections.iter().position(|section| section.name == name);
    let mut changes = Vec::new();
    for section in new {
        let lines = match find(old, &section.name) {
            Some(at) => change(&old[at], section),
            None => vec![match &section.failure {
                Some(reason) => format!("this section appeared, and failed: {}", escape(reason)),
                None => "this section appeared".to_owned(),
            }],
        };
        changes.push((title(section), lines));
    }
    for section in old.iter().filter(|section| find(new, &section.name).is_none()) {
        changes.push((title(section), vec!["this section vanished".to_owned()]));
    }
    changes.retain(|(_, lines)| !lines.is_empty());
    changes
}

fn title(section: &Section) -> String {
    if section.title.is_empty() { escape(&section.name) } else { escape(&section.title) }
}

fn change(old: &Section, new: &Section) -> Vec<String> {
    let mut lines = Vec::new();
    match (&old.failure, &new.failure) {
        (None, Some(reason)) => lines.push(format!("failed: {}", escape(reason))),
        (Some(reason), None) => lines.push(format!("recovered; it had failed: {}", escape(reason))),
        (Some(old), Some(new)) if old != new => {
            lines.push(format!("still failed: {} -> {}", escape(old), escape(new)));
        }
        _ => {}
    }
    let remarks = |section: &Section| section.remarks.iter().map(|remark| escape(remark)).collect::<Vec<_>>();
    lines.extend(blocks::texts("look at: ", &remarks(old), &remarks(new)));
    lines.extend(blocks::compare(&old.blocks, &new.blocks));
    lines.extend(traces::compare(&old.blocks, &new.blocks));
    lines
}
