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
//! | `sentry_dsn`, `connection_string`, `sid`, `keytab` | all but one word that looks like data | `keys.rs`: doubtful |
//! | `webhook_url` | a URL up to its host, a word that is none | `keys.rs`: hooks |
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
//! | `?code=x&page=2`, `&X-Amz-Signature=x` | `?code=***&page=2` | `text/entries/` |
//! | `root:hunter2@tcp(db:3306)/shop`, `guest:hunter2@mq:5672`, `jdbc:oracle:thin:scott/tiger@h`, `db:5432:shop:me:hunter2` | only the password hidden | `text/logins.rs` |
//! | `Server=db;Password={a;b};X=1`, `host = db password = 'a b'`, `password: a b`, `{"password":"x"}` | only the password hidden | `text/entries/`, `text/value.rs` |
//! | `Authorization: Bearer x`, `Cookie: a=b; c=d`, `Bearer x` | `Authorization: ***` | `text/entries/` |
//! | `PASSWORD 'x'`, `IDENTIFIED BY x`, `<password>x</password>` | `PASSWORD '***'` | `text/entries/` |
//! | `{"name": "DB_PASSWORD", "value": "x"}`, `["Authorization", "x"]`, a row of `name` and `value` | only the value hidden | `pairs.rs` |
//! | `("password", "x")`, `{password, <<"x">>}`, `define('DB_PASSWORD', 'x')` | only the value hidden | `text/tuples.rs` |
//! | below `[credentials]`, `data:` of `kind: Secret`, columns below `user,password` | `[credentials]⏎***` | `text/tables.rs` |
//! | `password = <<EOF`, `variable "token" { default = "x" }`, `DB_PASSWORD -> x` | only the value hidden | `text/value.rs`, `text/entries/` |
//! | `<key>password</key><string>x</string>`, `<password><v>x</v></password>` | only the value hidden | `text/elements.rs` |
//! | parts of forms, `visit=x; Path=/`, `Digest username="me", response="x"` | only the value hidden | `text/forms.rs` |
//! | `INSERT INTO u (password) VALUES ('x')`, `crypt('x', ...)`, `PRAGMA key("x")` | only the value hidden | `text/statements.rs` |
//! | the same in `&quot;`, `%22` or `\u0022` | as in plain text | `text/encoded.rs` |
//! | `password of me is x`, `password, x` where x has small letters, capitals and digits | `password, ***` | `text/entries/stated.rs` |
//! | such a value elsewhere in the same text | `***` | `text/mod.rs` |
//! | `--password x`, `curl -u me:x`, `mysql -px`, also as lists | `--password ***` | `text/arguments.rs` |
//! | private keys of PEM, OpenSSH, OpenPGP, SSH2 and PuTTY, also line by line in a list; vaults of Ansible | `***` | `text/private_keys.rs` |
//! | `ghp_...`, `glpat-...`, `xoxb-...`, `AKIA...`, `eyJ...`, `$2b$...` and the like | `***` | `text/tokens.rs` |
//!
//! A secret under an innocent name and of no known shape passes, and so does what a notation says to be something else:
//! what follows a blank behind a parameter or a closing quote, the name of the database behind `psql -W`, the value of an
//! `INSERT` that names no columns. Declare it, or do not hand it over.
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
mod seen;
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
