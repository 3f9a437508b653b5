//! What is a secret, and what of it may be shown.
//!
//! By the key's words, by declaration, and by what a text looks like: passwords inside URLs and
//! connection strings, private keys. It rather hides too much: a report is mailed around.

/// Stands where a secret stood inside a text.
pub const MASK: &str = "***";

/// Words that make a key a secret wherever they stand in it.
const SECRET_WORDS: [&str; 13] = [
    "auth",
    "authorization",
    "cookie",
    "credential",
    "passphrase",
    "passwd",
    "password",
    "passcode",
    "pin",
    "pwd",
    "salt",
    "secret",
    "token",
];

/// Words that make a key a secret when `key` follows them: `api_key`, `signing-key`, `privateKey`.
const KEY_WORDS: [&str; 12] = [
    "access",
    "account",
    "api",
    "client",
    "encryption",
    "hmac",
    "license",
    "master",
    "private",
    "session",
    "shared",
    "signing",
];

/// Found in keys that are written as one word: `dbpassword`, `apikey`.
const SECRET_PARTS: [&str; 6] = ["password", "passwd", "secret", "apikey", "privatekey", "credential"];

/// Decides by key, with what the application and the operator declared.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    /// Dotted keys in which `*` stands for any characters.
    declared: Vec<String>,
}

impl Secrets {
    /// With these dotted keys, in which `*` stands for any characters, beside those that are found by their words.
    pub fn declared(keys: Vec<String>) -> Secrets {
        Secrets { declared: keys }
    }

    /// Whether the value at this dotted path must not be shown.
    pub fn covers(&self, path: &str) -> bool {
        let last = path.rsplit('.').next().unwrap_or(path);
        is_secret_key(last) || self.declared.iter().any(|pattern| matches(pattern, path))
    }
}

/// Whether `*` in the pattern can be filled so that it becomes the text.
pub fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, mut rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(head) else { return false };
    while let Some((part, after)) = rest.split_once('*') {
        let Some(at) = text.find(part) else { return false };
        text = &text[at + part.len()..];
        rest = after;
    }
    text.ends_with(rest)
}

fn is_secret_key(key: &str) -> bool {
    let words = words(key);
    let singular = |word: &String| word.strip_suffix('s').unwrap_or(word).to_owned();
    let is_secret = |word: &String| {
        SECRET_WORDS.contains(&word.as_str()) || SECRET_WORDS.contains(&singular(word).as_str())
    };
    let is_key = |pair: &[String]| KEY_WORDS.contains(&pair[0].as_str()) && singular(&pair[1]) == "key";
    let joined: String = words.concat();
    words.iter().any(is_secret)
        || words.windows(2).any(is_key)
        || SECRET_PARTS.iter().any(|part| joined.contains(part))
}

/// `dbPassword`, `db-password` and `DB_PASSWORD` are all `db`, `password`.
fn words(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_lower = false;
    for c in key.chars() {
        let starts_word = !c.is_alphanumeric() || (c.is_uppercase() && after_lower);
        if starts_word && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if let (true, Some(word)) = (c.is_alphanumeric(), words.last_mut()) {
            word.extend(c.to_lowercase());
        }
        after_lower = c.is_lowercase() || c.is_numeric();
    }
    words
}

/// The text with the secrets inside it replaced; `None` if all of it is one.
pub fn text(text: &str) -> Option<String> {
    if text.contains("PRIVATE KEY-----") {
        return None;
    }
    Some(assignments(&urls(text)))
}

/// Replaces the password of every `scheme://user:password@host`.
fn urls(text: &str) -> String {
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
    match port.bytes().all(|byte| byte.is_ascii_digit()) {
        true => None,
        false => Some((colon, url.rfind('@').filter(|&at| at > colon)?)),
    }
}

/// Replaces the value of every `key=value` whose key is a secret's: in query strings and in connection
/// strings.
fn assignments(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(equals) = rest.find('=') {
        let (before, after) = (&rest[..equals], &rest[equals + 1..]);
        let key = before.rsplit(|c: char| !(c.is_alphanumeric() || "_-.".contains(c))).next().unwrap_or("");
        shown.push_str(&rest[..=equals]);
        rest = after;
        if is_secret_key(key) {
            let end = match after.chars().next() {
                Some(quote @ ('"' | '\'')) => after[1..].find(quote).map_or(after.len(), |at| at + 2),
                _ => after.find(|c: char| c.is_whitespace() || ";&,".contains(c)).unwrap_or(after.len()),
            };
            if end > 0 {
                shown.push_str(MASK);
            }
            rest = &after[end..];
        }
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_key(key: &str, secret: bool) {
        assert_eq!(Secrets::default().covers(key), secret, "{key}");
    }

    #[test]
    fn keys_are_judged_by_their_words() {
        for key in [
            "password",
            "db.password",
            "db.PASSWD",
            "dbPassword",
            "dbpassword",
            "api_key",
            "api-key",
            "apiKey",
            "apikey",
            "tokens",
            "auth.access_token",
            "client_secret",
            "tls.private_key",
            "aws.credentials",
            "SIGNING_KEY",
            "session.cookie",
        ] {
            check_key(key, true);
        }
        for key in
            ["key", "keys", "monkey", "tokenizer", "author", "pinned", "host", "cache_key_prefix", "uri"]
        {
            check_key(key, false);
        }
    }

    #[test]
    fn declared_keys_may_hold_stars() {
        let secrets = Secrets::declared(vec!["storage.dsn".into(), "*.seed".into()]);
        assert!(secrets.covers("storage.dsn"));
        assert!(secrets.covers("a.b.seed"));
        assert!(!secrets.covers("storage.dsn2"));
        assert!(!secrets.covers("seed"));
    }

    #[track_caller]
    fn check(input: &str, expected: &str) {
        assert_eq!(text(input).as_deref(), Some(expected));
    }

    #[test]
    fn texts_lose_the_secrets_inside_them() {
        check("postgres://shop:hunter2@db-1/shop", "postgres://shop:***@db-1/shop");
        check("redis://:hunter2@cache:6379/0", "redis://:***@cache:6379/0");
        check("amqp://u:p@ss@mq/v", "amqp://u:***@mq/v");
        check("postgres://u:p/ss@db/x", "postgres://u:***@db/x");
        check("http://host:80/a@b", "http://host:80/a@b");
        check("https://git@example.org/x", "https://git@example.org/x");
        check("a=1 http://u:p@h/ and http://v:q@i/", "a=1 http://u:***@h/ and http://v:***@i/");
        check("https://h/?user=me&token=abc&x=1", "https://h/?user=me&token=***&x=1");
        check("host=db user=shop password=hunter2", "host=db user=shop password=***");
        check("Server=db;Password='a;b';X=1", "Server=db;Password=***;X=1");
        check("nothing to hide", "nothing to hide");
        assert_eq!(text("-----BEGIN RSA PRIVATE KEY-----\nMIIE"), None);
    }
}
