//! What must come of a case: a section as text or as JSON, in a file beside it, in which `[..]` stands for what may
//! be anything.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use gmr::Format;
use gmr::plugin::Checked;
use gmr::report::Section;
use gmr::report::format::text;
use serde_json::Value as Json;
use similar::{ChangeTag, TextDiff};

use crate::plugin::short;

/// Stands for any characters in a line, or for any value, as in cargo's own tests.
const ANY: &str = "[..]";

/// Lines around a difference that are shown.
const AROUND: usize = 2;

/// How what came stands to what should.
pub enum Compared {
    Equal,
    /// Written to this file, since it was different.
    Written(PathBuf),
    /// The difference, as lines.
    Different(String),
}

/// What must come of a case and what came, for each form that there is a file of.
pub struct Expectation {
    forms: Vec<Form>,
}

struct Form {
    file: PathBuf,
    /// What should come; `None` if nobody has said it.
    expected: Option<String>,
    /// What came, with what may be anything as it stands in `expected`.
    came: Result<String, String>,
}

impl Expectation {
    /// `unsaid` is the form for a case that has no file of either.
    pub fn of(case: &Path, unsaid: Format, checked: &Checked) -> Expectation {
        let form = |format: Format| {
            let file = case.with_extension(format.extension());
            let expected = std::fs::read_to_string(&file).ok();
            let (expected_text, digest) = (expected.as_deref().unwrap_or_default(), &checked.digest);
            let came = match format {
                Format::Json => settled_json(&checked.section, expected_text, digest),
                _ => Ok(settled_lines(&lines(&checked.section, digest), expected_text)),
            };
            Form { file, expected, came }
        };
        let mut forms: Vec<Form> = [Format::Text, Format::Json].map(form).into();
        if forms.iter().any(|form| form.expected.is_some()) {
            forms.retain(|form| form.expected.is_some());
        } else {
            let file = case.with_extension(unsaid.extension());
            forms.retain(|form| form.file == file);
        }
        Expectation { forms }
    }

    pub fn compare(self) -> Result<Compared> {
        for form in self.forms {
            let came = match form.came {
                Ok(came) => came,
                Err(reason) => {
                    return Ok(Compared::Different(format!("  {}: {reason}", form.file.display())));
                }
            };
            let shown = form.file.display();
            let Some(expected) = form.expected else {
                let came: String = came.lines().map(|line| format!("\n  + {}", text::escape(line))).collect();
                return Ok(Compared::Different(format!("  {shown} is missing; what came:{came}")));
            };
            if came.trim_end() != expected.trim_end() {
                let difference = difference(&expected, &came);
                return Ok(Compared::Different(format!("  - {shown}\n  + what came\n{difference}")));
            }
        }
        Ok(Compared::Equal)
    }

    pub fn update(self) -> Result<Compared> {
        let mut compared = Compared::Equal;
        for form in self.forms {
            // What cannot be read is replaced as a whole.
            let came = form.came.unwrap_or_else(|reason| reason);
            if form.expected.as_deref().map(str::trim_end) != Some(came.trim_end()) {
                std::fs::write(&form.file, &came)
                    .with_context(|| format!("cannot write {}", form.file.display()))?;
                compared = Compared::Written(form.file);
            }
        }
        Ok(compared)
    }
}

/// A section as people read it, without the banner: its remarks, why it failed, its body.
fn lines(section: &Section, digest: &str) -> String {
    let mut lines = String::new();
    for remark in &section.remarks {
        let _ = writeln!(lines, "look at: {}", text::escape(remark));
    }
    if let Some(reason) = &section.failure {
        let _ = writeln!(lines, "failed: {}", text::escape(&without(digest, reason)));
    }
    lines + text::body(&section.blocks).trim_end() + "\n"
}

/// A failure names the plugin's digest, which each build changes.
fn without(digest: &str, text: &str) -> String {
    text.replace(short(digest), ANY)
}

/// The lines that came, each as it stands in what should come if that allows for it.
fn settled_lines(came: &str, expected: &str) -> String {
    let expected: Vec<&str> = expected.lines().collect();
    let mut at = 0;
    let mut settled = String::new();
    for line in came.lines() {
        let found = expected[at..].iter().position(|pattern| allows(pattern, line));
        if let Some(found) = found {
            at += found + 1;
        }
        settled.push_str(found.map_or(line, |_| expected[at - 1]));
        settled.push('\n');
    }
    settled
}

/// The section as JSON, each value as it stands in what should come if that allows for it.
fn settled_json(section: &Section, expected: &str, digest: &str) -> Result<String, String> {
    let mut section = section.clone();
    section.failure = section.failure.map(|reason| without(digest, &reason));
    let came = serde_json::from_str(&gmr::report::format::json::section(&section));
    let came: Json = came.map_err(|error| format!("the section is no JSON: {error}"))?;
    let settled = match expected.trim() {
        "" => came,
        expected => {
            let expected =
                serde_json::from_str(expected).map_err(|error| format!("it is no JSON: {error}"))?;
            settled_value(came, &expected)
        }
    };
    serde_json::to_string_pretty(&settled).map(|text| text + "\n").map_err(|error| error.to_string())
}

fn settled_value(came: Json, expected: &Json) -> Json {
    match (came, expected) {
        (_, Json::String(pattern)) if pattern == ANY => ANY.into(),
        (Json::String(came), Json::String(pattern)) if allows(pattern, &came) => pattern.as_str().into(),
        (Json::Array(came), Json::Array(expected)) => {
            let expected = expected.iter().map(Some).chain(std::iter::repeat(None));
            let settled = came.into_iter().zip(expected).map(|(came, expected)| match expected {
                Some(expected) => settled_value(came, expected),
                None => came,
            });
            settled.collect()
        }
        (Json::Object(came), Json::Object(expected)) => {
            let settled = came.into_iter().map(|(key, came)| match expected.get(&key) {
                Some(expected) => {
                    let settled = settled_value(came, expected);
                    (key, settled)
                }
                None => (key, came),
            });
            settled.collect()
        }
        (came, _) => came,
    }
}

/// Whether a line is as the pattern has it.
fn allows(pattern: &str, line: &str) -> bool {
    let Some((first, others)) = pattern.split_once(ANY) else { return pattern == line };
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let (between, last) = others.rsplit_once(ANY).unwrap_or(("", others));
    for part in between.split(ANY) {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// The lines that differ, with a few around them.
fn difference(expected: &str, came: &str) -> String {
    let diff = TextDiff::from_lines(expected, came);
    let mut text = String::new();
    for (at, group) in diff.grouped_ops(AROUND).iter().enumerate() {
        if at > 0 {
            text.push_str("  ...\n");
        }
        for change in group.iter().flat_map(|operation| diff.iter_changes(operation)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            let line = change.value().trim_end_matches('\n');
            let _ = writeln!(text, "  {sign} {}", text::escape(line));
        }
    }
    text.truncate(text.trim_end().len());
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn any_characters_of_a_line_may_be_left_open() {
        let check = |pattern: &str, line: &str, expected: bool| {
            assert_eq!(allows(pattern, line), expected, "{pattern:?} {line:?}");
        };
        check("resident = [..]", "resident = 1.0 MiB", true);
        check("resident = [..] MiB", "resident = 1.0 MiB", true);
        check("[..] of [..] free", "3 of 8 free", true);
        check("[..]", "", true);
        check("resident = [..]", "resident", false);
        check("[..] of [..] free", "3 of 8", false);
        check("plain", "plain", true);
        check("plain", "plainer", false);
        // What an ending takes, a part before it cannot have too.
        check("a[..]aa", "aa", false);
        check("[..]ab[..]b", "ab", false);
    }

    #[test]
    fn what_is_left_open_stays_so_and_what_differs_is_seen() {
        let expected = "a = 1\nresident = [..]\nb = 2\n";
        assert_eq!(settled_lines("a = 1\nresident = 5\nb = 2\n", expected), expected);
        assert_eq!(
            settled_lines("a = 1\nresident = 5\nb = 3\n", expected),
            "a = 1\nresident = [..]\nb = 3\n"
        );
        let shown = difference(expected, "a = 1\nresident = [..]\nb = 3\n");
        assert_eq!(shown, "    a = 1\n    resident = [..]\n  - b = 2\n  + b = 3");
    }

    #[test]
    fn values_may_be_left_open_wherever_they_stand() {
        let came = json!({ "blocks": [{ "value": 17, "text": "took 3 ms" }, 2], "more": 1 });
        let expected = json!({ "blocks": [{ "value": "[..]", "text": "took [..]" }, 3] });
        let settled = settled_value(came, &expected);
        let value = json!({ "blocks": [{ "value": "[..]", "text": "took [..]" }, 2], "more": 1 });
        assert_eq!(settled, value, "a number that differs and what nobody expects stay as they came");
    }
}
