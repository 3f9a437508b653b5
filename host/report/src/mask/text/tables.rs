//! Tables whose names or columns are a secret's: sections of INI and TOML, Kubernetes' secrets in YAML, and rows below a
//! line of titles.

use std::ops::Range;

use super::Hidden;
use super::lexer::{end_of_line, is_key_byte, skip_blanks};
use super::shape::tells_nothing;
use super::value::end_of_block;
use crate::mask::keys;

/// Marks what such tables have.
pub(super) fn find(text: &str, hidden: &mut Hidden) {
    if !text.contains(['\n', '\r']) {
        return;
    }
    sections(text, hidden);
    if text.contains("Secret") {
        objects(text, hidden);
    }
    rows(text, hidden);
}

/// The lines of a text.
fn lines(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at;
        let end = (start <= text.len()).then(|| end_of_line(text, start))?;
        at = end + 1;
        Some(start..end)
    })
}

/// All below `[credentials]`, up to the next section. The lines are names of secrets as well as their values.
fn sections(text: &str, hidden: &mut Hidden) {
    let mut below: Option<usize> = None;
    for line in lines(text) {
        let Some(name) = section(&text[line.clone()]) else { continue };
        if let Some(start) = below.take() {
            hide_lines(text, start..line.start, hidden);
        }
        if keys::is_secret(name) {
            below = Some(line.end);
        }
    }
    if let Some(start) = below {
        hide_lines(text, start..text.len(), hidden);
    }
}

/// The name of a section, if a line has nothing else.
fn section(line: &str) -> Option<&str> {
    let name = line.trim().strip_prefix('[')?.strip_suffix(']')?;
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name).trim();
    (!name.is_empty() && name.bytes().all(|byte| is_key_byte(byte) || byte == b'"')).then_some(name)
}

fn hide_lines(text: &str, range: Range<usize>, hidden: &mut Hidden) {
    let lines = &text[range.clone()];
    let inner = lines.trim();
    // A line in brackets may be something else: then no assignment follows it.
    let first = inner.lines().find(|line| !line.is_empty() && !line.starts_with(['#', ';']));
    let is_assignment =
        |line: &str| line.split_once(['=', ':']).is_some_and(|(key, _)| !key.trim().contains(' '));
    if first.is_some_and(is_assignment) && !tells_nothing(inner) {
        let start = range.start + (lines.len() - lines.trim_start().len());
        hidden.hide(start..start + inner.len());
    }
}

/// `data:` and `stringData:` of a document with `kind: Secret`, which may come before or behind it.
fn objects(text: &str, hidden: &mut Hidden) {
    let mut blocks: Vec<Range<usize>> = Vec::new();
    let mut is_secret = false;
    let mut read = 0;
    for line in lines(text) {
        let content = text[line.clone()].trim().trim_start_matches("- ");
        if content.starts_with("---") {
            blocks.drain(..).filter(|_| is_secret).for_each(|block| hidden.hide(block));
            is_secret = false;
        }
        is_secret |= content
            .strip_prefix("kind:")
            .is_some_and(|kind| kind.trim().trim_matches(['"', '\'']) == "Secret");
        if line.start >= read && ["data:", "stringData:"].contains(&content) {
            let indentation = skip_blanks(text, line.start) - line.start;
            read = end_of_block(text, line.end, indentation);
            let first = read - text[line.end..read].trim_start().len();
            blocks.push(first..read);
        }
    }
    blocks.into_iter().filter(|_| is_secret).for_each(|block| hidden.hide(block));
}

/// What divides the fields of a line.
const DIVIDERS: &[&str] = &["|", "\t", ";", ",", "  "];

/// The titles of columns that are being read.
struct Titles {
    divider: &'static str,
    /// Which of the columns are a secret's.
    secrets: Vec<bool>,
    /// Whether rows may follow. In a table that is drawn a rule is between.
    have_rows: bool,
}

/// The lines below one of titles, `user,password` or `| user | password |`, as far as they have as many fields.
fn rows(text: &str, hidden: &mut Hidden) {
    let mut titles: Option<Titles> = None;
    let mut begins = true;
    for line in lines(text) {
        let content = &text[line.clone()];
        if let Some(titles) = &mut titles {
            if is_rule(content) {
                titles.have_rows = true;
                continue;
            }
            let fields = fields(content, titles.divider);
            if titles.have_rows && fields.len() == titles.secrets.len() {
                let secret = fields.into_iter().zip(&titles.secrets).filter(|(_, is_secret)| **is_secret);
                let told =
                    secret.map(|(field, _)| field).filter(|field| !tells_nothing(&content[field.clone()]));
                told.for_each(|field| hidden.hide(line.start + field.start..line.start + field.end));
                continue;
            }
        }
        titles = DIVIDERS.iter().find_map(|divider| self::titles(content, divider, begins));
        begins = content.trim().is_empty();
    }
}

fn is_rule(line: &str) -> bool {
    line.contains('-') && line.bytes().all(|byte| b"-+|=: \t".contains(&byte))
}

/// The titles that a line has, if there are several and one of them is a secret's. Only the first line of a table has
/// titles without a rule below it, and in capitals if blanks divide them: others are names with their values.
fn titles(line: &str, divider: &'static str, begins: bool) -> Option<Titles> {
    let is_drawn = divider == "|";
    let may_be = line.contains(divider)
        && line.len() <= LONGEST_TITLES
        && (is_drawn || begins)
        && (divider != "  " || !line.contains(|c: char| c.is_lowercase()))
        && keys::may_be_secret(line);
    if !may_be {
        return None;
    }
    let fields = fields(line, divider);
    let title = |field: &Range<usize>| line[field.clone()].trim_matches(['"', '\'']);
    let is_title = |field: &Range<usize>| {
        let title = title(field);
        title.bytes().all(|byte| is_key_byte(byte) || byte == b' ') && title.split(' ').count() <= 3
    };
    let secrets: Vec<bool> = fields.iter().map(|field| keys::is_secret(title(field))).collect();
    let are_titles = fields.len() > 1 && fields.iter().all(is_title) && secrets.contains(&true);
    are_titles.then_some(Titles { divider, secrets, have_rows: !is_drawn })
}

const LONGEST_TITLES: usize = 1024;

/// The fields of a line, without the blanks around them and the quotes of the first and the last.
fn fields(line: &str, divider: &str) -> Vec<Range<usize>> {
    let mut fields = Vec::new();
    let mut at = 0;
    for part in line.split(divider) {
        let begin = at + (part.len() - part.trim_start().len());
        at += part.len() + divider.len();
        // Of several blanks each but the first has nothing before it.
        if divider == "  " && part.trim().is_empty() {
            continue;
        }
        fields.push(begin..begin + part.trim().len());
    }
    fields
}
