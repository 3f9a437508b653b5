//! Fuzz tests of settings: files that are no settings, and values that nobody means.

use gmr_test_fuzz::{bytes, within};

use super::{OPTIONS, Settings, quantity};

/// The most that a file of 64 KiB may take.
const MEMORY: u64 = 16 << 20;

/// What must not be told by an error about the file.
const SECRET: &str = "S3cr3tV4lue";

const FILE: &str = r#"
title = "shop"
password = "S3cr3tV4lue"
[database]
url = "postgres://app:S3cr3tV4lue@db/shop"
tokens = ["S3cr3tV4lue", { name = 'S3cr3tV4lue' }]
since = 2026-11-27T18:10:00Z
[gmr]
log_dir = '/var/log/shop'
keep = 0x14
file_event_handler = "/run/shop"
file_event_handler_interval = 0.25
signal = 'USR1'
thread_signal = 23
format = "json"
deadline = '1h 30m'
secrets = ['storage.*', "dsn"]
plugin_dir = ["/p"]
[gmr.plugins.pool]
enabled = true
grants = ["process", "facts:pool.*", "read:/etc/app", "env:LANG"]
memory = '16 MiB'
settings = { a = [1, { b = 1.5 }] }
"#;

/// Whether the secret has come into gmr's own table, whose names and values errors repeat.
fn is_own(file: &str) -> bool {
    let table: Option<toml::Table> = file.parse().ok();
    table.and_then(|table| table.get("gmr").map(ToString::to_string)).is_some_and(|own| own.contains(SECRET))
}

#[test]
fn settings_files() {
    let deep = format!("gmr = {}", "[".repeat(60_000));
    let nested = format!("[gmr.plugins.a.settings]\n{} = 1", vec!["b"; 20_000].join("."));
    bytes("settings_files", 1000, &[FILE, &deep, &nested], |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        let Err(error) = within(MEMORY, || Settings::from_toml(text, "shop.toml")) else { return };
        let message = format!("{error} {error:?}");
        assert!(!message.contains(SECRET) || is_own(text), "{message}");
        assert!(error.is_settings());
        // Beside a value or a key that is repeated there is little to say.
        assert!(message.len() < 2000 + 4 * text.len(), "{} bytes", message.len());
    });
}

#[test]
fn variables() {
    let values =
        ["/var/log", "20", "250ms", "SIGUSR2", "json", "none", "a,b*", "/p:/q", "9223372036854775808", "-1"];
    bytes("variables", 1000, &values, |bytes| {
        use std::os::unix::ffi::OsStringExt as _;
        let value = std::ffi::OsString::from_vec(bytes.to_vec());
        for option in OPTIONS {
            let name = format!("GMR_{}", option.key.to_ascii_uppercase());
            let variable = |asked: &str| (asked == name).then(|| value.clone());
            let settings = within(MEMORY, || Settings::default().with_variables(variable));
            if let Ok(settings) = settings {
                assert!(!settings.deadline.is_zero() && !settings.file_event_handler_interval.is_zero());
                #[cfg(feature = "plugin")]
                assert!(settings.plugins.is_empty(), "a variable grants nothing");
            }
        }
    });
}

#[test]
fn durations_and_sizes() {
    let seeds =
        ["1", "0.25", "1e-1", " 250 ms ", "5000us", "1.5 min", "1h 30m", "16 MiB", "64kB", "7B", "1 day ago"];
    bytes("durations_and_sizes", 3000, &seeds, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let duration = within(MEMORY, || quantity::duration(&text));
        assert!(duration.is_err() || duration.is_ok_and(|duration| !duration.is_zero()));
        #[cfg(feature = "plugin")]
        if let (Ok(size), Ok(plain)) = (quantity::size(&text), text.trim().parse::<u64>()) {
            assert_eq!(size, plain);
        }
    });
}
