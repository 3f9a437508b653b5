//! Dotted paths of a configuration: which of them are declared secrets, and which are taken out of the mask.

use super::Secrets;
use super::keys::{self, Judgement};

/// What the path of a value says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// The application or the operator has taken it out of the mask.
    Shown,
    Judged(Judgement),
}

impl Secrets {
    /// Judges each beginning of the path; what is nearer to the value has the last word.
    pub(super) fn standing(&self, path: &str) -> Standing {
        let mut judged = Judgement::Open;
        let mut owner = "";
        let mut start = 0;
        for part in path.split('.') {
            let end = start + part.len();
            let place = &path[..end];
            if any_matches(&self.shown, place) {
                if end == path.len() {
                    return Standing::Shown;
                }
                judged = Judgement::Open;
            } else if any_matches(&self.declared, place) {
                judged = Judgement::Secret;
            } else {
                match keys::judge(owner, part) {
                    Judgement::Open => {}
                    _ if judged == Judgement::Secret => {}
                    judgement => judged = judgement,
                }
            }
            owner = part;
            start = end + 1;
        }
        Standing::Judged(judged)
    }
}

fn any_matches(patterns: &[String], path: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern, path))
}

/// Whether `*` in the pattern can be filled so that it becomes the text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, mut rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(head) else { return false };
    while let Some((part, after)) = rest.split_once('*') {
        let Some(at) = text.find(part) else { return false };
        text = &text[at + part.len()..];
        rest = after;
    }
    text.ends_with(rest)
}
