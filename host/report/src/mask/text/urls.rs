//! URLs: passwords and tokens before the host, tokens in the path. Those in a query are keys with values.
//!
//! Passwords are often written as they are, though a URL would want them encoded: blanks, quotes, `#`, `?`, `/` and `@`.
//! So a password begins at the first colon and ends before the last `@`, and a number is a port only if no `@` follows.

use std::ops::Range;

use super::Hidden;
use super::lexer::{end_of, end_of_line, end_of_word};
use crate::mask::keys;

/// Marks what is secret in the URLs of a text.
pub(super) fn find(text: &str, hidden: &mut Hidden) {
    let urls = starts(text);
    for (at, start) in urls.iter().enumerate() {
        let limit = urls.get(at + 1).map_or(text.len(), |next| next.scheme);
        let extent = start.authority..limit.max(start.authority);
        let is_whole =
            at == 0 && text[..start.scheme].chars().all(|c| c.is_whitespace() || c == '"' || c == '\'');
        user(text, start, extent.clone(), is_whole, hidden);
        path(text, extent, hidden);
    }
}

/// How `://` is written.
#[derive(Clone, Copy, PartialEq)]
enum Notation {
    /// `://`, or `:\/\/` as JSON may have it.
    Plain,
    /// `%3A%2F%2F`, also encoded twice.
    Encoded,
}

struct Start {
    scheme: usize,
    authority: usize,
    notation: Notation,
}

const SIGNS: &[(&str, Notation)] = &[
    ("://", Notation::Plain),
    (":\\/\\/", Notation::Plain),
    ("%3a%2f%2f", Notation::Encoded),
    ("%3a//", Notation::Encoded),
    ("%253a%252f%252f", Notation::Encoded),
];

/// The URLs of a text. What looks like one in the middle of another's password belongs to that.
fn starts(text: &str) -> Vec<Start> {
    let bytes = text.as_bytes();
    let mut starts: Vec<Start> = Vec::new();
    let mut scheme = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        let is_scheme = byte.is_ascii_alphanumeric() || b"+.-:".contains(&byte);
        if byte == b':' || byte == b'%' {
            let is_sign = |sign: &str| {
                bytes.get(at..at + sign.len()).is_some_and(|here| here.eq_ignore_ascii_case(sign.as_bytes()))
            };
            if let Some(&(sign, notation)) = SIGNS.iter().find(|(sign, _)| is_sign(sign)) {
                let begins = scheme == 0
                    || !b"@/#?&%*!$^~".contains(&bytes[scheme - 1])
                    || notation == Notation::Encoded
                    || bytes[scheme - 1] == b'&';
                let is_nested = starts.last().is_some_and(|last: &Start| scheme <= last.authority) || !begins;
                if starts.is_empty() || !is_nested {
                    starts.push(Start { scheme, authority: at + sign.len(), notation });
                }
            }
        }
        if !is_scheme {
            scheme = at + 1;
        }
    }
    starts
}

/// Schemes of which a number behind the host's name is a port, whatever follows.
const OF_THE_WEB: &[&str] = &["http", "https", "ws", "wss"];

/// Passwords that say that the user's name is the secret.
const NO_PASSWORDS: &[&str] = &["", "x-oauth-basic", "x"];

fn user(text: &str, url: &Start, extent: Range<usize>, is_whole: bool, hidden: &mut Hidden) {
    let begin = extent.start;
    let word = word_of_url(text, url, &extent);
    let rest = &text[extent.clone()];
    let candidate = &text[if is_whole { extent } else { begin..word }];
    let Some((colon, after)) = first(candidate, ":", url.notation) else {
        return name(text, begin, candidate, url, hidden);
    };
    let authority = authority_end(candidate, url.notation);
    if candidate.starts_with('[') {
        return;
    }
    if colon > authority || first(&candidate[..colon], "@", url.notation).is_some() {
        return name(text, begin, candidate, url, hidden);
    }
    let is_port = authority > after && candidate[after..authority].bytes().all(|byte| byte.is_ascii_digit());
    let last_at = match last_at(candidate, url.notation) {
        Some(at) if at >= after => {
            let host = &candidate[..colon];
            let scheme = &text[url.scheme..begin].to_ascii_lowercase();
            let of_the_web = OF_THE_WEB.iter().any(|web| {
                scheme.strip_prefix(web).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
            });
            let is_host = host.contains('.') || host == "localhost";
            let path = candidate.get(authority..at).and_then(|path| path.strip_prefix('/'));
            if is_port && of_the_web && is_host && path.is_some_and(|path| !is_mixed(path)) {
                return;
            }
            at
        }
        // A blank in the password of a URL in a sentence: what looks like its end was none.
        _ if !is_whole && !is_port && authority > after => {
            let line = &rest[..end_of_line(rest, word - begin)];
            match last_at(line, url.notation) {
                Some(at) if at > after => at,
                _ => return,
            }
        }
        _ => return,
    };
    let password = &text[begin + after..begin + last_at];
    hidden.hide(begin + after..begin + last_at);
    if NO_PASSWORDS.contains(&password) || looks_random(&candidate[..colon.min(candidate.len())]) {
        hidden.hide(begin..begin + colon);
    }
}

/// Whether what may be a path is rather the end of a password: of letters in both cases and digits, and of one segment.
fn is_mixed(path: &str) -> bool {
    let has = |is_so: fn(&u8) -> bool| path.bytes().any(|byte| is_so(&byte));
    path.len() >= 8
        && !path.contains('/')
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_uppercase)
}

/// The end of a URL that stands in a sentence or in quotes.
fn word_of_url(text: &str, url: &Start, extent: &Range<usize>) -> usize {
    let bytes = text.as_bytes();
    let word = extent.start + end_of_word(&text[extent.clone()], 0);
    let quote = url.scheme.checked_sub(1).map(|at| bytes[at]).filter(|quote| b"\"'`".contains(quote));
    let closes = |&at: &usize| {
        Some(bytes[at]) == quote && bytes.get(at + 1).is_none_or(|byte| b",:;)]} \t\r\n".contains(byte))
    };
    (extent.start..word).find(closes).unwrap_or(word)
}

/// A name before the host without a password, if it looks like a token.
fn name(text: &str, begin: usize, candidate: &str, url: &Start, hidden: &mut Hidden) {
    let authority = &candidate[..authority_end(candidate, url.notation)];
    let word = end_of_word(authority, 0);
    if let Some(at) = last_at(&authority[..word], url.notation)
        && looks_random(&text[begin..begin + at])
    {
        hidden.hide(begin..begin + at);
    }
}

/// Where a sign begins and ends, as it is or encoded.
fn first(text: &str, sign: &str, notation: Notation) -> Option<(usize, usize)> {
    let plain = text.find(sign).map(|at| (at, at + sign.len()));
    let encoded = (notation == Notation::Encoded).then(|| encoded_forms(sign)).into_iter().flatten();
    let encoded = encoded.filter_map(|form| find_ignoring_case(text, form).map(|at| (at, at + form.len())));
    plain.into_iter().chain(encoded).min()
}

fn last_at(text: &str, notation: Notation) -> Option<usize> {
    let encoded = (notation == Notation::Encoded).then(|| encoded_forms("@")).into_iter().flatten();
    text.rfind('@').into_iter().chain(encoded.filter_map(|form| text.rfind(form))).max()
}

fn encoded_forms(sign: &str) -> [&'static str; 2] {
    match sign {
        ":" => ["%3a", "%253a"],
        "/" => ["%2f", "%252f"],
        _ => ["%40", "%2540"],
    }
}

fn find_ignoring_case(text: &str, form: &str) -> Option<usize> {
    text.as_bytes().windows(form.len()).position(|here| here.eq_ignore_ascii_case(form.as_bytes()))
}

/// Where the path, the query or the fragment of a well-formed URL begins.
fn authority_end(text: &str, notation: Notation) -> usize {
    let plain = text.find(['/', '?', '#']).unwrap_or(text.len());
    first(&text[..plain], "/", notation).map_or(plain, |(at, _)| at)
}

/// Whether a name is none that people give: it is long, or has digits and capitals, or is hexadecimal.
fn looks_random(name: &str) -> bool {
    let has = |is_so: fn(&u8) -> bool| name.bytes().any(|byte| is_so(&byte));
    let is_mixed = has(u8::is_ascii_digit) && has(u8::is_ascii_uppercase) && name.len() >= 8;
    let is_hexadecimal =
        name.len() >= 16 && has(u8::is_ascii_digit) && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_mixed || is_hexadecimal || name.len() >= 32 || name.len() >= 20 && has(u8::is_ascii_digit)
}

/// Hosts, and beginnings of their paths, behind which all is secret: who knows the URL of such a hook may use it.
const HOOKS: &[&str] = &[
    "api.telegram.org/bot",
    "chat.googleapis.com/",
    "discord.com/api/webhooks/",
    "discordapp.com/api/webhooks/",
    "events.pagerduty.com/integration/",
    "hc-ping.com/",
    "hooks.chime.aws/",
    "hooks.slack.com/",
    "hooks.zapier.com/",
    "maker.ifttt.com/",
    "open.feishu.cn/open-apis/bot/",
    "outlook.office.com/webhook/",
    "qyapi.weixin.qq.com/cgi-bin/webhook/",
    "webhook.office.com/",
];

/// Segments of a path that a secret follows.
const BEFORE_SECRETS: &[&str] = &[
    "activate",
    "bot",
    "confirm",
    "hook",
    "hooks",
    "invitation",
    "invite",
    "key",
    "magic-link",
    "recover",
    "reset",
    "unlock",
    "unsubscribe",
    "verify",
    "webhook",
    "webhookb2",
    "webhooks",
];

fn path(text: &str, extent: Range<usize>, hidden: &mut Hidden) {
    let url = &text[extent.clone()];
    let url = &url[..end_of(url, 0, |byte| !byte.is_ascii_whitespace() && !b"\"<>".contains(&byte))];
    let word = extent.start + url.len();
    let hook = HOOKS.iter().find_map(|hook| find_ignoring_case(url, hook).map(|at| at + hook.len()));
    if let Some(at) = hook {
        return hidden.hide(extent.start + at..word);
    }
    let mut at = extent.start;
    let mut before = "";
    for (number, segment) in url.split('/').enumerate() {
        let is_named = number > 1 && (BEFORE_SECRETS.contains(&before) || keys::is_secret(before));
        if is_named && looks_like_id(segment.split(['?', '#']).next().unwrap_or_default()) {
            return hidden.hide(at..word);
        }
        (at, before) = (at + segment.len() + 1, segment);
    }
}

fn looks_like_id(segment: &str) -> bool {
    let has = |is_so: fn(&u8) -> bool| segment.bytes().any(|byte| is_so(&byte));
    segment.len() >= 8 && has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)
}
