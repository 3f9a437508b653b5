//! Judging of keys by their words, which `lists.rs` has.
//!
//! A key is split into words at what is no letter or digit, at capitals, and between a run of capitals and the word
//! behind it: `db_pass`, `dbPass`, `DB-PASS2` and `DBPass` are all `db`, `pass`. Beyond oslo.utils' list (`strutils`),
//! which the tests have in full, there are the names of tokens, signatures, seeds and keys in use elsewhere.

mod lists;

use super::text::{is_data, is_quantity};
use lists::{
    AMOUNTS, ASKED_AT_A_PLACE, INNOCENT_PAIRS, INNOCENT_WORDS, KEY_FACTS, KEY_OWNERS, MEASURES, OPEN_KEYS,
    PLACES, SECRET_ENDS, SECRET_PARTS, SECRET_WORDS, SHORT_TRACES, TRACES,
};

/// What a key says of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// Nothing that must be hidden.
    Open,
    /// It measures a secret, as `token_ttl` does: a quantity may be shown, and nothing else.
    Measure,
    /// It is where to ask for a secret, as `auth_url` is: a URL may be shown, and nothing else.
    Place,
    /// It names a place or a login by which one may come to a secret, as `sentry_dsn` and `connect.sid` do: a value may be
    /// shown unless it is one word that looks like data.
    Doubtful,
    /// It is a webhook: who knows its path may use it.
    Hook,
    /// It is a secret.
    Secret,
}

impl Judgement {
    /// From where on a value must not be shown.
    pub(super) fn hides(self, value: &str) -> Option<usize> {
        let is_url = value.contains("://");
        let is_hidden = match self {
            Judgement::Open => false,
            Judgement::Measure => !is_quantity(value),
            Judgement::Place => !is_url,
            Judgement::Hook if is_url => return path_of_url(value),
            Judgement::Doubtful | Judgement::Hook => {
                let is_word =
                    value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-+".contains(&byte));
                is_word && is_data(value)
            }
            Judgement::Secret => true,
        };
        is_hidden.then_some(0)
    }
}

/// Where the path of a URL begins, if it has one.
fn path_of_url(url: &str) -> Option<usize> {
    let authority = url.find("://")? + "://".len();
    let path = authority + url[authority..].find('/')? + 1;
    (path < url.len()).then_some(path)
}

/// Judges one part of a dotted path by its words and by the part before it.
pub(super) fn judge(owner: &str, part: &str) -> Judgement {
    if !may_be_secret(part) {
        return Judgement::Open;
    }
    let words = words(part);
    let owns_key = || {
        words.first().is_some_and(|word| is_key(word))
            && self::words(owner).last().is_some_and(|word| is_key_owner(word))
    };
    let is_innocent = |at: usize| {
        let next = words.get(at + 1).map_or("", |word| word.strip_suffix('s').unwrap_or(word));
        INNOCENT_PAIRS.contains(&(words[at].as_str(), next))
    };
    let numbered = words.iter().map(String::as_str).enumerate();
    let secrets = numbered.filter(|(at, word)| is_secret_word(word) && !is_innocent(*at));
    let secrets: Vec<&str> = secrets.map(|(_, word)| word).collect();
    let is_other = || has_secret_pair(&words) || has_secret_part(&words) || owns_key() || is_private(&words);
    if secrets.is_empty() && !is_other() {
        return by_value(&words);
    }
    let (first, last) = (words.first().map_or("", String::as_str), words.last().map_or("", String::as_str));
    if words.len() > 1 && (MEASURES.contains(&last) || AMOUNTS.contains(&first)) {
        return Judgement::Measure;
    }
    let may_be_a_place = !secrets.is_empty() && secrets.iter().all(|word| ASKED_AT_A_PLACE.contains(word));
    if PLACES.contains(&last) && may_be_a_place && !has_secret_part(&words) {
        return Judgement::Place;
    }
    Judgement::Secret
}

/// The judgement of a key that is no secret's by its words.
fn by_value(words: &[String]) -> Judgement {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [.., "webhook" | "webhooks"] | [.., "webhook" | "hook", "url" | "uri" | "endpoint"] => {
            Judgement::Hook
        }
        [.., "connstr" | "connectionstring" | "connectionstrings" | "dsn" | "hashkey" | "keytab" | "sid"]
        | [.., "conn" | "connection", "str" | "string" | "strings"]
        | [.., "hash", "key"]
        | [.., "keyfile", "content" | "data"] => Judgement::Doubtful,
        _ => Judgement::Open,
    }
}

/// Whether a text may have a secret's name in it, in letters of either case. Most texts have none, and need not be split
/// into words.
pub(super) fn may_be_secret(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut last = 0;
    bytes.iter().enumerate().any(|(at, &byte)| {
        last = (last << 5 | usize::from(byte & 31)) & 0x7fff;
        let may_be = MARKED[last >> 6] >> (last & 63) & 1 == 1;
        may_be && has_trace(bytes, at)
    })
}

/// Whether one of the traces ends here.
fn has_trace(bytes: &[u8], at: usize) -> bool {
    let read = &bytes[..=at];
    let ends = |trace: &[u8]| {
        let start = read.len().checked_sub(trace.len());
        start.is_some_and(|start| read[start..].eq_ignore_ascii_case(trace))
    };
    let next = bytes.get(at + 1).map_or(0, u8::to_ascii_lowercase);
    TRACES.iter().any(|trace| ends(trace))
        || matches!(next, b's' | b'd' | 0..b'a' | b'{'..) && SHORT_TRACES.iter().any(|word| ends(word))
}

/// A bit for each three letters, counted by five bits of each, which are the same in both cases: set for those that end a
/// trace.
static MARKED: [u64; 512] = marked();

const fn marked() -> [u64; 512] {
    let mut marked = [0; 512];
    let mut number = 0;
    while number < TRACES.len() {
        let [first, second, third] = TRACES[number];
        let place = (first as usize & 31) << 10 | (second as usize & 31) << 5 | third as usize & 31;
        marked[place >> 6] |= 1 << (place & 63);
        number += 1;
    }
    let mut number = 0;
    while number < SHORT_TRACES.len() {
        let word = SHORT_TRACES[number];
        let end = (word[word.len() - 2] as usize & 31) << 5 | word[word.len() - 1] as usize & 31;
        // Whatever stands before two letters.
        let mut before = 0;
        while before < 32 {
            let place = before << 10 | end;
            marked[place >> 6] |= 1 << (place & 63);
            before += 1;
        }
        number += 1;
    }
    marked
}

/// Judges a key that stands in a text, where nothing is declared: each of its dotted parts, and all of them together.
pub(super) fn judge_path(path: &str) -> Judgement {
    let mut judged = Judgement::Open;
    let mut owner = "";
    for part in path.split('.') {
        match judge(owner, part) {
            Judgement::Open => {}
            Judgement::Secret => return Judgement::Secret,
            other => judged = other,
        }
        owner = part;
    }
    judged
}

/// Whether a key that stands in a text is one of a secret.
pub(super) fn is_secret(path: &str) -> bool {
    judge_path(path) == Judgement::Secret
}

/// Whether a word alone is `key`, of which the word before it tells whose it is.
pub(super) fn is_key(word: &str) -> bool {
    word.eq_ignore_ascii_case("key") || word.eq_ignore_ascii_case("keys")
}

/// Whether what this word names has secret keys.
pub(super) fn is_key_owner(word: &str) -> bool {
    KEY_OWNERS.contains(&word)
}

fn is_secret_word(word: &str) -> bool {
    if INNOCENT_WORDS.contains(&word) {
        return false;
    }
    let is_one = |word: &str| SECRET_WORDS.contains(&word);
    if is_one(word) || word.strip_suffix('s').is_some_and(is_one) {
        return true;
    }
    let singular = word.strip_suffix('s').unwrap_or(word);
    let is_glued_key =
        singular.strip_suffix("key").is_some_and(|stem| KEY_OWNERS.iter().any(|owner| stem.ends_with(owner)));
    is_glued_key || SECRET_ENDS.iter().any(|end| word.ends_with(end))
}

/// `api_key`, `session id`: two words that make a secret together.
fn has_secret_pair(words: &[String]) -> bool {
    let pairs = words.windows(2).enumerate();
    let mut pairs = pairs.map(|(at, pair)| (pair[0].as_str(), pair[1].as_str(), words.get(at + 2)));
    pairs.any(|(first, second, third)| {
        let is_fact = third.is_some_and(|word| KEY_FACTS.contains(&word.as_str()));
        is_key(second) && !OPEN_KEYS.contains(&first) && !is_fact
    })
}

/// `tls_private`, `id_rsa`, and a PEM of which it is not said that it is a certificate; `private_network` is something else.
fn is_private(words: &[String]) -> bool {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [.., "id", "dsa" | "ecdsa" | "ed25519" | "rsa"] => true,
        ["private" | "pem"] | [.., "private" | "key" | "rsa" | "ec", "pem"] => true,
        [first, .., "private"] => *first != "is",
        _ => false,
    }
}

fn has_secret_part(words: &[String]) -> bool {
    let joined = words.concat();
    joined.len() >= 6 && SECRET_PARTS.iter().any(|part| joined.contains(part))
}

/// The words of a key in lower case, without the digits at their ends.
pub(super) fn words(key: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let characters: Vec<char> = key.chars().collect();
    for (at, &c) in characters.iter().enumerate() {
        if begins_word(&characters, at) {
            end_word(&mut words, &mut word);
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
    }
    end_word(&mut words, &mut word);
    words
}

fn end_word(words: &mut Vec<String>, word: &mut String) {
    let stem = word.trim_end_matches(|c: char| c.is_ascii_digit());
    // `s3` and `ed25519` are words, `2` is none.
    if !stem.is_empty() {
        let has_meaning = OPEN_KEYS.contains(&word.as_str()) || KEY_OWNERS.contains(&word.as_str());
        words.push(if has_meaning { word.clone() } else { stem.to_owned() });
    }
    word.clear();
}

/// Behind what is no letter or digit, at a capital behind a small letter, and before the last capital of several that
/// a small letter follows: `HTTPToken` is `http`, `token`. The plural of an acronym stays one word: `JWTs`.
fn begins_word(characters: &[char], at: usize) -> bool {
    let (Some(&c), Some(&before)) = (characters.get(at), at.checked_sub(1).and_then(|at| characters.get(at)))
    else {
        return true;
    };
    if !c.is_alphanumeric() || !before.is_alphanumeric() {
        return true;
    }
    let next = characters.get(at + 1).copied().unwrap_or(' ');
    let is_plural = next == 's' && !characters.get(at + 2).is_some_and(|c| c.is_lowercase());
    c.is_uppercase() && (!before.is_uppercase() || (next.is_lowercase() && !is_plural))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_secret_word_has_letters_that_are_looked_for() {
        let words =
            [SECRET_WORDS, SECRET_ENDS, SECRET_PARTS, &["key", "Basic", "identified", "negotiate"]].concat();
        for word in words {
            assert!(may_be_secret(word), "{word}");
        }
        for text in [
            "tokio-runtime-worker-3",
            "asleep in epoll_pwait(7, signal, path, spinning)",
            "2 threads: 1 stack",
        ] {
            assert!(!may_be_secret(text), "{text}");
        }
    }
}
