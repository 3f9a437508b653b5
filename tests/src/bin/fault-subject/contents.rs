//! What the program's reports are of: its package, its configuration, and sections that behave or do not.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use gmr::Builder;
use gmr::report::Block;
use serde::Serialize;

/// The secret that no report may hold, whatever it is part of.
const SECRET: &str = "S3cr3tV4lue";

/// A configuration in JSON that takes the place of the program's own.
const CONFIGURATION: &str = "SUBJECT_CONFIGURATION";
/// A TOML file with settings.
const SETTINGS: &str = "SUBJECT_SETTINGS";

#[derive(Serialize)]
struct Options {
    listen: &'static str,
    database: String,
    smtp: HashMap<&'static str, String>,
}

/// Values for which JSON has no words, beside one that it has.
#[derive(Serialize)]
struct Odd {
    listen: &'static str,
    by_port: HashMap<(&'static str, u16), bool>,
    path: PathBuf,
    number: u128,
    optional_keys: BTreeMap<Option<u8>, u8>,
    before_1970: SystemTime,
    not_a_number: f64,
    last: &'static str,
}

/// What reports are of, by the name that an argument gives.
pub fn builder(contents: &str) -> Builder {
    let builder = Builder::new(gmr::Package::new("fault-subject", "1.2.3").vendor("Example Ltd"));
    let builder = match std::env::var_os(SETTINGS) {
        Some(path) => builder.settings_file(PathBuf::from(path)),
        None => builder,
    };
    let builder = match std::env::var(CONFIGURATION) {
        Ok(text) => {
            let value: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
            builder.configuration(&value)
        }
        Err(_) if contents == "odd" => builder.configuration(&odd()),
        Err(_) if contents == "stuck-configuration" => builder.configuration_with(wait_for_ever::<u32>),
        Err(_) => builder.configuration(&options()),
    };
    with_sections(builder, contents)
}

fn with_sections(builder: Builder, contents: &str) -> Builder {
    match contents {
        "" | "odd" | "stuck-configuration" => builder,
        "panics" => builder
            .section("Pool", || panic!("no pool today"))
            .section("Queue", || vec![Block::paragraph("3 jobs")]),
        "stuck" => builder
            .section("Stuck", wait_for_ever::<Vec<Block>>)
            .section("Queue", || vec![Block::paragraph("3 jobs")]),
        "floods" => builder.section("Flood", || {
            (0..100_000).map(|line| Block::paragraph(format!("line {line} {}", "x".repeat(100)))).collect()
        }),
        "escapes" => builder.section("Forged\u{1b}[2J", || {
            let banner = format!("{0}\n===={1:^64}====\n{0}\u{1b}[31m", "=".repeat(72), "Package");
            vec![Block::paragraph(banner.as_str()), Block::preformatted(banner)]
        }),
        "secret-texts" => builder.section("Pool", || {
            let text =
                format!("url postgres://u:{SECRET}@h/d\npassword: {SECRET}\nAuthorization: Bearer {SECRET}");
            let pair = vec!["password".into(), SECRET.into()];
            vec![
                Block::paragraph(text.as_str()),
                Block::preformatted(text),
                Block::fields([gmr::report::Field::new("db_pass", SECRET)]),
                Block::table(["option", "value"], [pair]),
            ]
        }),
        other => panic!("no such contents: {other}"),
    }
}

fn options() -> Options {
    Options {
        listen: "0.0.0.0:80",
        database: format!("postgres://shop:{SECRET}@db-1/shop"),
        smtp: HashMap::from([("host", "mail".to_owned()), ("password", SECRET.to_owned())]),
    }
}

fn odd() -> Odd {
    Odd {
        listen: "0.0.0.0:80",
        by_port: HashMap::from([(("http", 80), true)]),
        path: PathBuf::from(OsStr::from_bytes(b"/srv/\xff")),
        number: u128::MAX,
        optional_keys: BTreeMap::from([(None, 1)]),
        before_1970: SystemTime::UNIX_EPOCH - Duration::from_secs(1),
        not_a_number: f64::NAN,
        last: "is here",
    }
}

fn wait_for_ever<T>() -> T {
    loop {
        std::thread::park();
    }
}
