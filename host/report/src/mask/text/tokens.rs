//! Tokens that are known by their shape: each issuer gives its own a beginning, so that they can be found.

use std::ops::Range;

use super::Hidden;
use super::lexer::{end_of, end_of_word, is_key_byte};
use super::traits::Traits;

/// How a token begins, and how many characters follow at least; in alphabetic order.
///
/// From the issuers' documentation and the rule sets of gitleaks and GitHub's secret scanning.
const PREFIXES: &[(&str, usize)] = &[
    ("ABIA", 16),
    ("ACCA", 16),
    ("AGE-SECRET-KEY-", 8),
    ("AIza", 20),
    ("AKIA", 8),
    ("AKID", 16),
    ("ASIA", 8),
    ("ATATT3", 16),
    ("ATBB", 16),
    ("ATCTT3", 16),
    ("ATTA", 32),
    ("BBDC-", 16),
    ("CFPAT-", 16),
    ("CLOJARS_", 16),
    ("EAAC", 16),
    ("EZAK", 20),
    ("EZTK", 20),
    ("FLWSECK", 10),
    ("GOCSPX-", 10),
    ("GR1348941", 10),
    ("LTAI", 12),
    ("NRAK-", 10),
    ("NRII-", 10),
    ("NRJS-", 10),
    ("PMAK-", 10),
    ("SG.", 16),
    ("SHPAT_", 10),
    ("amzn.mws.", 8),
    ("dapi", 30),
    ("dckr_oat_", 8),
    ("dckr_pat_", 8),
    ("doo_v1_", 8),
    ("dop_v1_", 8),
    ("dor_v1_", 8),
    ("dp.pt.", 8),
    ("dp.st.", 8),
    ("duffel_live_", 8),
    ("figd_", 10),
    ("fm1_", 16),
    ("fm2_", 16),
    ("fo1_", 16),
    ("ghe_", 10),
    ("gho_", 10),
    ("ghp_", 10),
    ("ghr_", 10),
    ("ghs_", 10),
    ("ghu_", 10),
    ("github_pat_", 10),
    ("glagent-", 8),
    ("glc_", 16),
    ("glcbt-", 8),
    ("gldt-", 8),
    ("glffct-", 8),
    ("glft-", 8),
    ("glimt-", 8),
    ("gloas-", 8),
    ("glpat-", 8),
    ("glptt-", 8),
    ("glrt-", 8),
    ("glsa_", 10),
    ("glsoat-", 8),
    ("gsk_", 16),
    ("hf_", 10),
    ("hvb.", 8),
    ("hvr.", 8),
    ("hvs.", 8),
    ("key-", 30),
    ("lin_api_", 10),
    ("nfp_", 16),
    ("npm_", 10),
    ("ntn_", 16),
    ("ops_ey", 16),
    ("pat-eu1-", 8),
    ("pat-na1-", 8),
    ("phx_", 16),
    ("pk_live_", 8),
    ("pk_test_", 8),
    ("pnu_", 16),
    ("pscale_oauth_", 8),
    ("pscale_pw_", 8),
    ("pscale_tkn_", 8),
    ("pul-", 30),
    ("pypi-", 10),
    ("r8_", 20),
    ("rk_live_", 8),
    ("rk_test_", 8),
    ("rubygems_", 10),
    ("sbp_", 16),
    ("secret_", 30),
    ("shpat_", 8),
    ("shpca_", 8),
    ("shppa_", 8),
    ("shpss_", 8),
    ("sk-", 20),
    ("sk-ant-", 8),
    ("sk-or-", 8),
    ("sk-proj-", 8),
    ("sk-svcacct-", 8),
    ("sk_live_", 8),
    ("sk_test_", 8),
    ("sntrys_", 8),
    ("sntryu_", 8),
    ("sq0atp-", 8),
    ("sq0csp-", 8),
    ("tfp_", 16),
    ("tskey-", 8),
    ("whsec_", 8),
    ("xai-", 20),
    ("xapp-", 8),
    ("xkeysib-", 8),
    ("xoxa-", 8),
    ("xoxb-", 8),
    ("xoxc-", 8),
    ("xoxd-", 8),
    ("xoxe-", 8),
    ("xoxe.", 8),
    ("xoxo-", 8),
    ("xoxp-", 8),
    ("xoxr-", 8),
    ("xoxs-", 8),
    ("ya29.", 8),
];

/// Beginnings of password hashes, as crypt(3) and its successors write them.
const HASHES: &[&str] = &[
    "$1$", "$2a$", "$2b$", "$2y$", "$5$", "$6$", "$7$", "$apr1$", "$argon2", "$bcrypt", "$pbkdf2", "$scrypt",
    "$y$",
];

/// The same of Django, Werkzeug and PostgreSQL, which write the method without a `$` before it.
const METHODS: &[&str] = &[
    "SCRAM-SHA-1$",
    "SCRAM-SHA-256$",
    "argon2$",
    "argon2d$",
    "argon2i$",
    "argon2id$",
    "bcrypt$",
    "bcrypt_sha256$",
    "pbkdf2_sha1$",
    "pbkdf2_sha256$",
    "scrypt$",
];

/// What stands before a hash in a directory (RFC 2307).
const OF_DIRECTORIES: &[&str] =
    &["{CRYPT}", "{MD5}", "{PBKDF2}", "{SHA}", "{SMD5}", "{SSHA}", "{SSHA256}", "{SSHA512}"];

/// Marks all tokens of a text that has nothing else.
pub(super) fn find_all(text: &str, traits: Traits, hidden: &mut Hidden) {
    if !traits.may_have_token() {
        return;
    }
    let mut at = 0;
    while at < text.len() {
        let end = end_of(text, at, is_key_byte);
        let token = find(text, at, end);
        let next = token.as_ref().map_or(end, |token| token.end.max(end));
        hidden.hide(token.unwrap_or_default());
        at = end_of(text, next, |byte| !is_key_byte(byte));
    }
}

/// The token that begins within a run of letters, digits, `_`, `-`, `.` and `$`.
pub(super) fn find(text: &str, start: usize, end: usize) -> Option<Range<usize>> {
    let run = &text[start..end];
    if text[..start].ends_with('}') && OF_DIRECTORIES.iter().any(|mark| text[..start].ends_with(mark)) {
        return Some(
            start..end_of(text, end, |byte| byte.is_ascii_alphanumeric() || b"+/=.$".contains(&byte)),
        );
    }
    if run.len() < SHORTEST && !run.contains('$') {
        return None;
    }
    let begins = |at: usize| at == 0 || b"_-.$".contains(&run.as_bytes()[at - 1]);
    // An `\n` of JSON stands before the run's first word.
    let is_escaped = text[..start].ends_with('\\');
    let mut places =
        (0..run.len()).filter(|&at| run.is_char_boundary(at) && (begins(at) || is_escaped && at == 1));
    let is_whole = |word: &str| has_parts(word) || has_digest(word) || is_of_google(text, start, word);
    let found = match places.find(|&at| is_token(&run[at..]) || is_hash(&run[at..])) {
        Some(found) => found,
        None if is_whole(run) => 0,
        None => return None,
    };
    let from = start + found;
    let has_colons = text[from..].starts_with("SCRAM-");
    let is_part =
        |byte: u8| byte.is_ascii_alphanumeric() || b"_-.$+/=,~".contains(&byte) || has_colons && byte == b':';
    let rest = end_of(text, end, is_part);
    Some(from..with_companion(text, from, rest))
}

/// The shortest run that is looked at.
const SHORTEST: usize = 11;

fn is_token(run: &str) -> bool {
    let Some(&first) = run.as_bytes().first() else { return false };
    let begins = |prefix: &str| prefix.as_bytes()[0];
    let from = PREFIXES.partition_point(|(prefix, _)| begins(prefix) < first);
    let mut candidates = PREFIXES[from..].iter().take_while(|(prefix, _)| begins(prefix) == first);
    candidates.any(|(prefix, rest)| {
        let Some(tail) = run.strip_prefix(prefix) else { return false };
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
        // The length of a prefix, and no more: runs may be long, and hold many beginnings.
        let tail: Vec<u8> = tail.bytes().take_while(is_part).take(LONGEST_LOOKED_AT).collect();
        tail.len() >= *rest && tail.iter().any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
    }) || run.starts_with(JSON_IN_BASE64) && run.len() >= SHORTEST_JSON_WEB_TOKEN
}

/// Whether a word is signed data of three parts, as Discord's tokens and those of many frameworks are, or one of
/// HashiCorp's old tokens, `s.` and 24 characters.
fn has_parts(word: &str) -> bool {
    if word.len() > LONGEST_IN_PARTS {
        return false;
    }
    let parts: Vec<&str> = word.split('.').collect();
    let is_mixed = |part: &str, least: usize| {
        let has = |is_so: fn(&u8) -> bool| part.bytes().any(|byte| is_so(&byte));
        part.len() >= least
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
            && has(u8::is_ascii_digit)
            && has(u8::is_ascii_uppercase)
            && has(u8::is_ascii_lowercase)
    };
    match parts.as_slice() {
        [data, time, signature] => {
            is_mixed(data, 18) && (5..=8).contains(&time.len()) && signature.len() >= 25
        }
        ["b" | "s", token] => is_mixed(token, 24),
        _ => false,
    }
}

const LONGEST_IN_PARTS: usize = 512;

/// Whether a word is Twilio's id of an account or a key, or PostgreSQL's hash of a password: its mark, and 32 digits.
fn has_digest(word: &str) -> bool {
    let rest = ["AC", "SK", "md5"].iter().find_map(|mark| word.strip_prefix(mark));
    let digits = rest.map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_hexdigit).count());
    (32..64).contains(&digits)
}

/// Whether a word is the rest of a refresh token of Google's: `1//0...`
fn is_of_google(text: &str, start: usize, word: &str) -> bool {
    text[..start].ends_with("1//") && word.starts_with('0') && word.len() >= 16
}

/// How much of a token has to have a digit or a capital.
const LONGEST_LOOKED_AT: usize = 64;

/// `{"`, with which each part of a JSON Web Token but its signature begins.
const JSON_IN_BASE64: &str = "eyJ";
const SHORTEST_JSON_WEB_TOKEN: usize = 16;

fn is_hash(run: &str) -> bool {
    let known = if run.starts_with('$') { HASHES } else { METHODS };
    known.iter().any(|prefix| run.starts_with(prefix))
}

/// An id of an access key at Amazon, or of an account at Twilio, is often followed by the key itself.
fn with_companion(text: &str, from: usize, end: usize) -> usize {
    let is_id = ["AC", "AKIA", "ASIA", "SK"].iter().any(|prefix| text[from..].starts_with(prefix));
    let between = end_of(text, end, |byte| b":;,|/ \t\"'".contains(&byte));
    if !is_id || between == end || between - end > 4 {
        return end;
    }
    let companion = end_of_word(text, between);
    let word = &text[between..companion];
    let is_key = word.len() >= 8
        && word.bytes().any(|byte| byte.is_ascii_digit())
        && word.bytes().any(|byte| byte.is_ascii_alphabetic());
    if is_key { companion } else { end }
}

#[cfg(test)]
mod tests {
    use super::PREFIXES;

    #[test]
    fn prefixes_are_looked_up_by_their_first_letter() {
        assert!(PREFIXES.is_sorted_by_key(|(prefix, _)| prefix.as_bytes()[0]));
    }
}
