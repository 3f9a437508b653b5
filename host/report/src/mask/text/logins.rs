//! A user and a password before a host without a scheme: Go's data sources, brokers, Oracle's JDBC, and lines of a
//! `.pgpass` file.

use super::Hidden;
use super::lexer::{end_of, end_of_line, end_of_word};
use super::shape::is_random;
use super::traits::Traits;

/// Marks the passwords.
pub(super) fn find(text: &str, traits: Traits, hidden: &mut Hidden) {
    if traits.has(b':') && traits.has_any(b"@=0") || traits.has_all(b"/@") || traits.has(b'%') {
        words(text, hidden);
    }
    if traits.has_all(b"> ") {
        rules(text, hidden);
    }
    if !traits.has(b':') {
        return;
    }
    if traits.has(b'A') {
        for (at, mark) in text.match_indices("WIFI:") {
            wireless(text, at + mark.len(), hidden);
        }
    }
    if traits.has(b'@') && text.len() <= LONGEST_DATA_SOURCE && begins_with_user(text) {
        // It may have a line feed in its password.
        go_data_source(text, 0, text.len(), hidden);
    }
    if traits.has_any(b"@0*") {
        lines(text, traits, hidden);
    }
}

/// A login is a word or begins in one.
fn words(text: &str, hidden: &mut Hidden) {
    let mut at = 0;
    while at < text.len() {
        let end = end_of_word(text, at);
        if end > at {
            login(text, at, end, hidden);
            pair(text, at, end, hidden);
            encoded(text, at, end, hidden);
            oracle(text, at, end, hidden);
            oracle_login(text, at, end, hidden);
        }
        at = end + text[end..].chars().next().map_or(1, char::len_utf8);
    }
}

/// Redis' `ACL SETUSER me on >hunter2`, and `user me on >hunter2` in its file.
fn rules(text: &str, hidden: &mut Hidden) {
    for (at, mark) in text.match_indices(" on >") {
        let before = &text[text.ceil_char_boundary(at.saturating_sub(LONGEST_USER))..at];
        if before.contains("user ") || before.contains("USER ") {
            hidden.hide(at + mark.len()..end_of_word(text, at + mark.len()));
        }
    }
}

/// A login that is a line of its own, or has blanks.
fn lines(text: &str, traits: Traits, hidden: &mut Hidden) {
    let mut at = 0;
    while at < text.len() {
        let end = end_of_line(text, at);
        if traits.has(b'@') {
            go_data_source(text, at, end, hidden);
        }
        password_file(text, at, end, hidden);
        at = end + 1;
    }
}

/// What stands before a colon and is no user: schemes of addresses, and of packages with their versions.
const NO_USERS: &[&str] = &[
    "acct",
    "bcc",
    "cc",
    "docker",
    "file",
    "from",
    "github",
    "gmr",
    "im",
    "jsr",
    "link",
    "mailto",
    "npm",
    "pkg",
    "reply-to",
    "sip",
    "sips",
    "tel",
    "to",
    "urn",
    "wasi",
    "workspace",
    "xmpp",
];

/// `guest:hunter2@mq:5672`
fn login(text: &str, start: usize, end: usize, hidden: &mut Hidden) {
    let word = &text[start..end];
    if word.contains("://") || word.contains(":\\/\\/") || word.contains("jdbc:oracle:") {
        return;
    }
    let Some(at) = word.rfind('@') else { return };
    let Some(colon) = word[..at].find(':') else { return };
    let user =
        word[..colon].rsplit(['=', '"', '\'', '(', '[', '{', '<', ',', ';', '`']).next().unwrap_or_default();
    let password = &word[colon + 1..at];
    let host = &word[at + 1..];
    // `//u:hunter2@h` has the scheme of what it stands in, and `:hunter2@cache:6379` no user.
    let user = user.strip_prefix("//").unwrap_or(user);
    let is_nobody = colon == 0 && host.contains(':');
    // `git@github.com:a/b@v1` is a path.
    let is_address = user.contains('@') && !password.contains('/');
    let is_user = is_nobody
        || user.starts_with(char::is_alphanumeric)
            && user.chars().any(char::is_alphabetic)
            && user.chars().all(|c| c.is_alphanumeric() || "_.%+-\\".contains(c) || is_address && c == '@')
            && !NO_USERS.contains(&user.to_ascii_lowercase().as_str());
    let is_host = host.starts_with(|c: char| c.is_alphanumeric() || "[/*(".contains(c))
        && !host.starts_with("sha256:")
        && !host.starts_with("sha512:");
    if is_user && is_host && !password.is_empty() && !password.starts_with(':') {
        hidden.hide(start + colon + 1..start + at);
    }
}

/// How far before a password the word `user` is looked for.
const LONGEST_USER: usize = 64;

/// Names that programs give to their users.
const USERS: &[&str] = &[
    "admin",
    "administrator",
    "guest",
    "mysql",
    "oracle",
    "postgres",
    "root",
    "sa",
    "test",
    "ubuntu",
    "user",
];

/// `me@example.org:hunter2`, `admin:hunter2`, `login=me:hunter2`: a user and a password without a host.
fn pair(text: &str, start: usize, end: usize, hidden: &mut Hidden) {
    let word = text[start..end].trim_matches(['"', '\'', '`', ',', ';', '(', ')']);
    let from = start + (word.as_ptr().addr() - text[start..].as_ptr().addr());
    let Some((user, password)) = word.split_once(':') else { return };
    let (key, user) = user.rsplit_once('=').map_or(("", user), |(key, user)| (key, user));
    let is_named = KEYS_OF_LOGINS.iter().any(|login| login.eq_ignore_ascii_case(key));
    let is_address = user.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    if is_named && !password.is_empty() && !password.starts_with("//")
        || (is_address || USERS.contains(&user)) && is_random(password)
    {
        hidden.hide(from + word.len() - password.len()..from + word.len());
    }
}

/// Keys whose value is a user and a password.
const KEYS_OF_LOGINS: &[&str] = &["--login", "--user", "login", "userpwd"];

/// The password of `WIFI:T:WPA;S:home;P:hunter2;;`, as cameras read it.
fn wireless(text: &str, from: usize, hidden: &mut Hidden) {
    let line = &text[from..text.floor_char_boundary(from + LONGEST_DATA_SOURCE)];
    let line = &line[..end_of_line(line, 0)];
    let start = if line.starts_with("P:") { Some(2) } else { line.find(";P:").map(|at| at + 3) };
    let Some(start) = start else { return };
    let end =
        line[start..].find(";S:").or_else(|| line[start..].find(";;")).or_else(|| line[start..].find(';'));
    hidden.hide(from + start..from + end.map_or(line.len(), |length| start + length));
}

/// Whether a user and a colon are the first of a text.
fn begins_with_user(text: &str) -> bool {
    let user = end_of(text, 0, |byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    let rest = &text.as_bytes()[user..];
    user > 0 && rest.starts_with(b":") && rest.get(1).is_some_and(|byte| !byte.is_ascii_whitespace())
}

/// `guest%3Ahunter2%40mq`. With a scheme before it, `urls.rs` finds it.
fn encoded(text: &str, start: usize, end: usize, hidden: &mut Hidden) {
    let word = &text[start..end];
    let Some(at) = word.rfind("%40") else { return };
    let Some(colon) = word[..at].find("%3A").or_else(|| word[..at].find("%3a")) else { return };
    let user =
        word[..colon].rsplit(['=', '&', '?', '/', '"', '\'', '(', '[', '{', ',']).next().unwrap_or_default();
    let is_user = user.contains(|c: char| c.is_ascii_alphabetic())
        && user.chars().all(|c| c.is_alphanumeric() || "_.-".contains(c));
    let password = &word[colon + 3..at];
    if is_user
        && !password.is_empty()
        && !password.starts_with(['/', '\\'])
        && !password.get(..3).is_some_and(|begin| begin.eq_ignore_ascii_case("%2f"))
    {
        hidden.hide(start + colon + 3..start + at);
    }
}

/// `scott/tiger@//host:1521/service`; `actions/checkout@v4` is something else.
fn oracle_login(text: &str, start: usize, end: usize, hidden: &mut Hidden) {
    let word = &text[start..end];
    let Some(slash) = word.find('/').filter(|&slash| !word[..slash].contains([':', '@', '.'])) else {
        return;
    };
    let Some(at) = word[slash..].find('@').map(|at| slash + at) else { return };
    let password = &word[slash + 1..at];
    let has = |is_so: fn(&u8) -> bool| password.bytes().any(|byte| is_so(&byte));
    let is_mixed = password.len() >= 8
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_uppercase);
    if slash > 0 && !password.contains('/') && (word[at..].starts_with("@//") || is_mixed) {
        hidden.hide(start + slash + 1..start + at);
    }
}

/// `jdbc:oracle:thin:scott/tiger@host`
fn oracle(text: &str, start: usize, end: usize, hidden: &mut Hidden) {
    const SCHEME: &str = "jdbc:oracle:";
    if !text[start..end].contains(':') {
        return;
    }
    let Some(at) = text[start..end].to_ascii_lowercase().find(SCHEME) else { return };
    let rest = start + at + SCHEME.len();
    let line = &text[rest..text.floor_char_boundary(rest + LONGEST_DATA_SOURCE)];
    let line = &line[..end_of_line(line, 0)];
    if let Some(host) = line.rfind('@')
        && let Some(slash) = line[..host].find('/')
    {
        hidden.hide(rest + slash + 1..rest + host);
    }
}

/// How far the `@` of a data source is looked for.
const LONGEST_DATA_SOURCE: usize = 1024;

/// Networks of Go's data sources, which may have blanks in a password before them.
const NETWORKS: &[&str] = &["@tcp(", "@tcp4(", "@tcp6(", "@udp(", "@unix(", "@cloudsql("];

/// `root:hunter2@tcp(127.0.0.1:3306)/shop`
fn go_data_source(text: &str, start: usize, end: usize, hidden: &mut Hidden) {
    let line = &text[start..end];
    let Some(network) = NETWORKS.iter().filter_map(|network| line.rfind(network)).max() else { return };
    // Of `dsn: "root:` the second one is meant.
    let is_key = |rest: &str| rest.trim_start_matches([' ', '\t']).starts_with(['"', '\'']);
    let mut colons = line[..network].match_indices(':').map(|(at, _)| at);
    if let Some(colon) = colons.find(|&at| !line[at..].starts_with("://") && !is_key(&line[at + 1..])) {
        hidden.hide(start + colon + 1..start + network);
    }
}

/// `host:5432:database:user:hunter2`
fn password_file(text: &str, start: usize, end: usize, hidden: &mut Hidden) {
    let line = &text[start..end];
    let mut fields = line.splitn(5, ':');
    let (Some(host), Some(port), Some(database), Some(user), Some(password)) =
        (fields.next(), fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return;
    };
    let is_name = |field: &str| !field.is_empty() && !field.contains(|c: char| c.is_whitespace() || c == '/');
    let is_port =
        port == "*" || !port.is_empty() && port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit());
    // Addresses of networks and times have as many colons.
    let is_address = line.bytes().all(|byte| byte.is_ascii_hexdigit() || b":.%/".contains(&byte));
    let is_entry = [host, database, user].into_iter().all(is_name) && is_port && !is_address;
    // `main.rs:10:5:error: ...` is a message of a compiler.
    let is_message = password.starts_with(' ') && database.bytes().all(|byte| byte.is_ascii_digit());
    if is_entry && !is_message {
        hidden.hide(end - password.len()..end);
    }
}
