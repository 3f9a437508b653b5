//! Masking of secrets: what is one, and what of it may be shown.
//!
//! By the key's words, by declaration, and by what a text looks like: passwords inside URLs and
//! connection strings, private keys. It rather hides too much: a report is mailed around.
//!
//! | shown | by what | where the rule is |
//! |---|---|---|
//! | `db.password`, `dbPassword`, `DB_PASSWD`, `tokens`: all of the value | the key's words | `words.rs` |
//! | `api_key`, `signing-key`: all of the value | a word before `key` | `words.rs` |
//! | `dbpassword`, `apikey`: all of the value | a part of a key that is one word | `words.rs` |
//! | `storage.dsn`, `*.seed`: all of the value | declared by the application or the operator | [`Secrets::declared`] |
//! | `postgres://shop:***@db-1/shop` | the password of a URL | `urls.rs` |
//! | `host=db password=***`, `?user=me&token=***` | the key's words, inside of a text | `assignments.rs` |
//! | `-----BEGIN RSA PRIVATE KEY-----`: all of the text | what a private key begins with | [`text()`] |
//!
//! ```
//! use gmr_report::mask::{self, Secrets};
//!
//! let secrets = Secrets::declared(vec!["storage.dsn".to_owned()]);
//! assert!(secrets.covers("db.password") && secrets.covers("storage.dsn") && !secrets.covers("db.host"));
//! assert_eq!(mask::text("redis://:hunter2@cache").as_deref(), Some("redis://:***@cache"));
//! ```

mod assignments;
mod urls;
mod words;

use assignments::assignments;
use urls::urls;
use words::is_secret_key;

/// Stands where a secret stood inside a text.
pub const MASK: &str = "***";

/// Decides by key, with what the application and the operator declared.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    /// Dotted keys in which `*` stands for any characters.
    declared: Vec<String>,
}

impl Secrets {
    /// With these dotted keys, in which `*` stands for any characters, beside the keys that are found by their words.
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

/// The text with the secrets inside it replaced; `None` if all of it is one.
pub fn text(text: &str) -> Option<String> {
    if text.contains("PRIVATE KEY-----") {
        return None;
    }
    Some(assignments(&urls(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

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
