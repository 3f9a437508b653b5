//! Masking of secrets: what is one, and what of it may be shown.
//!
//! Everything that leaves a process in a report goes through here: [`Secrets::section`] is the last step before a section
//! becomes part of it, [`Secrets::json`] does the same with a configuration and with facts, and [`text()`] with a text.
//! It rather hides too much: a report is mailed around. What it hides without need, [`Secrets::showing`] takes out again.
//!
//! # By the key
//!
//! | key | shown of its value | rule |
//! |---|---|---|
//! | `db.password`, `dbPassword`, `DB_PASSWD2`, `db_pass`, `rootpw`, `APIToken`, `jwt`, `otp_seed` | nothing | `keys.rs`: words |
//! | `api_key`, `sendgrid-key`, `cert.key`, `fernetkey`; not `cache_key`, `public_key`, `key` | nothing | `keys.rs`: keys and their owners |
//! | `password.old`, all below `[credentials]` | nothing | every part of a path |
//! | `tokens` with names below it | how many: `*** (3 entries)` | `json.rs` |
//! | `token_ttl`, `max_tokens`, `pin_length` | numbers, sizes and times | `keys.rs`: measures |
//! | `auth_url`, `token_endpoint` | a URL, without what is secret in it | `keys.rs`: places |
//! | any whose value is yes, no or nothing | all | `text/value.rs` |
//! | `storage.dsn`, `*.seed` if declared | nothing | [`Secrets::declared`] |
//!
//! # By the value
//!
//! | value | shown | rule |
//! |---|---|---|
//! | `postgres://shop:p@ss/w#rd 1@db/shop` | `postgres://shop:***@db/shop` | `text/urls.rs` |
//! | `https://ghp_16C7e42F292c6912E7@github.com/a`, Sentry's `https://KEY@host/1` | `https://***@github.com/a` | `text/urls.rs` |
//! | `https://hooks.slack.com/services/T0/B0/x` | `https://hooks.slack.com/***` | `text/urls.rs` |
//! | `https%3A%2F%2Fu%3Ahunter2%40h`, `postgres:\/\/u:hunter2@h` | only the password hidden | `text/urls.rs` |
//! | `?code=x&page=2`, `&X-Amz-Signature=x` | `?code=***&page=2` | `text/entries.rs` |
//! | `root:hunter2@tcp(db:3306)/shop`, `guest:hunter2@mq:5672`, `jdbc:oracle:thin:scott/tiger@h`, `db:5432:shop:me:hunter2` | only the password hidden | `text/logins.rs` |
//! | `Server=db;Password={a;b};X=1`, `host = db password = 'a b'`, `password: a b`, `{"password":"x"}` | only the password hidden | `text/entries.rs`, `text/value.rs` |
//! | `Authorization: Bearer x`, `Cookie: a=b; c=d`, `Bearer x` | `Authorization: ***` | `text/entries.rs` |
//! | `PASSWORD 'x'`, `IDENTIFIED BY x`, `<password>x</password>` | `PASSWORD '***'` | `text/entries.rs` |
//! | `{"name": "DB_PASSWORD", "value": "x"}`, `["Authorization", "x"]`, a row of `name` and `value` | only the value hidden | `pairs.rs` |
//! | `--password x`, `curl -u me:x`, `mysql -px`, also as lists | `--password ***` | `text/arguments.rs` |
//! | private keys of PEM, OpenSSH, OpenPGP, SSH2 and PuTTY, also line by line in a list | `***` | `text/private_keys.rs` |
//! | `ghp_...`, `glpat-...`, `xoxb-...`, `AKIA...`, `eyJ...`, `$2b$...` and the like | `***` | `text/tokens.rs` |
//!
//! A secret under an innocent name and of no known shape passes: declare it, or do not hand it over.
//!
//! ```
//! use gmr_report::mask::{self, Secrets};
//!
//! let secrets = Secrets::declared(vec!["storage.dsn".to_owned()]).showing(vec!["auth.scheme".to_owned()]);
//! assert!(secrets.covers("db.password") && secrets.covers("storage.dsn"));
//! assert!(!secrets.covers("db.host") && !secrets.covers("auth.scheme"));
//! assert_eq!(mask::text("redis://:hunter2@cache"), "redis://:***@cache");
//! ```

mod document;
mod json;
mod keys;
mod pairs;
mod path;
mod text;

use keys::Judgement;
use path::Standing;
pub use text::text;

/// Stands where a secret stood inside a text.
pub const MASK: &str = "***";

/// Decides by key, with what the application and the operator declared.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    /// Dotted keys in which `*` stands for any characters.
    declared: Vec<String>,
    /// The same of what is shown nevertheless.
    shown: Vec<String>,
}

impl Secrets {
    /// With these dotted keys, in which `*` stands for any characters, beside the keys that are found by their words.
    pub fn declared(keys: Vec<String>) -> Secrets {
        Secrets { declared: keys, shown: Vec::new() }
    }

    /// Takes these dotted keys, in which `*` stands for any characters, out of the mask: their values are shown as they
    /// are, whatever they look like. Of a table its own name hides nothing any more, and what lies below it is judged for
    /// itself.
    #[must_use]
    pub fn showing(mut self, keys: Vec<String>) -> Secrets {
        self.shown.extend(keys);
        self
    }

    /// Whether the value at this dotted path must not be shown, unless it says no more than yes, no or nothing.
    pub fn covers(&self, path: &str) -> bool {
        self.standing(path) == Standing::Judged(Judgement::Secret)
    }
}
