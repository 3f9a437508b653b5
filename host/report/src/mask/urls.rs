//! Passwords inside URLs.

use super::MASK;

/// Replaces the password of every `scheme://user:password@host`.
pub(super) fn urls(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (scheme, after) = rest.split_at(at + 3);
        shown.push_str(scheme);
        let end = after.find(|c: char| c.is_whitespace() || "\"'<>`".contains(c)).unwrap_or(after.len());
        rest = after;
        if let Some((user, host)) = user_and_host(&after[..end]) {
            shown.push_str(&after[..user]);
            shown.push(':');
            shown.push_str(MASK);
            rest = &after[host..];
        }
    }
    shown.push_str(rest);
    shown
}

/// Where the user ends and where `@host` begins, if a password stands between them.
fn user_and_host(url: &str) -> Option<(usize, usize)> {
    let authority = url.find(['/', '?', '#']).unwrap_or(url.len());
    let colon = url[..authority].find(':')?;
    if let Some(at) = url[..authority].rfind('@') {
        return (colon < at).then_some((colon, at));
    }
    // `user:p/ss@host`: not well formed, but written by people; `host:80/a@b` is no password.
    let port = &url[colon + 1..authority];
    if port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((colon, url.rfind('@').filter(|&at| at > colon)?))
}
