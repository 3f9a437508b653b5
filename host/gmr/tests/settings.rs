//! Every way to get a setting wrong has an answer that says what is wrong, where, and what was meant.

use std::time::Duration;

use gmr::{Format, Settings, Signal};

#[track_caller]
fn refused(table: &str, expected: &str) {
    let error = Settings::from_toml(&format!("name = 'shop'\n[gmr]\n{table}"), "shop.toml").unwrap_err();
    assert!(error.is_settings());
    assert_eq!(error.to_string(), expected);
}

#[test]
fn unknown_options_name_the_nearest_known_one() {
    refused("logdir = '/tmp'", "shop.toml:3: unknown option `gmr.logdir`; did you mean `log_dir`?");
    refused("\n\nlog-dir = '/tmp'", "shop.toml:5: unknown option `gmr.log-dir`; did you mean `log_dir`?");
    refused(
        "file_event_handler_intervall = 1",
        "shop.toml:3: unknown option `gmr.file_event_handler_intervall`; did you mean `file_event_handler_interval`?",
    );
    refused("plugin_dirs = []", "shop.toml:3: unknown option `gmr.plugin_dirs`; did you mean `plugin_dir`?");
    let error = Settings::from_toml("[gmr]\nzzz = 1", "shop.toml").unwrap_err().to_string();
    assert!(error.starts_with("shop.toml:2: unknown option `gmr.zzz`; known are log_dir, keep, "), "{error}");
    refused(
        "[gmr.plugins.process]\ngrant = ['process']",
        "shop.toml:4: unknown option `gmr.plugins.process.grant`; did you mean `grants`?",
    );
}

#[test]
fn wrong_types_name_the_right_one() {
    refused("log_dir = 7", "shop.toml:3: `gmr.log_dir` must be a string, not a whole number");
    refused("keep = '7'", "shop.toml:3: `gmr.keep` must be a whole number, not a string");
    refused("plugin_dir = ['a', 1]", "shop.toml:3: `gmr.plugin_dir` must be a string, not a whole number");
    refused(
        "deadline = true",
        "shop.toml:3: `gmr.deadline` must be a duration such as 1, 0.25 or \"250ms\", not true or false",
    );
    refused("plugins = 'process'", "shop.toml:3: `gmr.plugins` must be a table, not a string");
    refused(
        "[gmr.plugins.x]\nenabled = 'yes'",
        "shop.toml:4: `gmr.plugins.x.enabled` must be true or false, not a string",
    );
    refused(
        "[gmr.plugins.x]\nsettings = 1",
        "shop.toml:4: `gmr.plugins.x.settings` must be a table, not a whole number",
    );
    refused(
        "[gmr.plugins.x]\nsettings = { id = 9223372036854775808 }",
        "shop.toml:4: `gmr.plugins.x.settings` cannot be read: u64 value was too large",
    );
    let error = Settings::from_toml("gmr = 1", "shop.toml").unwrap_err().to_string();
    assert_eq!(error, "shop.toml:1: `gmr` must be a table");
}

#[test]
fn impossible_values_say_what_is_possible() {
    refused("log_dir = ''", "shop.toml:3: `gmr.log_dir` must not be empty");
    refused("log_dir = '/tmp'\nkeep = 0", "shop.toml:4: `gmr.keep` must be from 1 to 4294967295, not 0");
    refused("log_dir = '/tmp'\nkeep = -3", "shop.toml:4: `gmr.keep` must be from 1 to 4294967295, not -3");
    for size in ["'63 KiB'", "'65 MiB'"] {
        refused(
            &format!("[gmr.plugins.x]\nwasm_stack = {size}"),
            "shop.toml:4: `gmr.plugins.x.wasm_stack` must be 64 KiB to 64 MiB",
        );
    }
    refused(
        "[gmr.plugins.x]\ntables = 0",
        "shop.toml:4: `gmr.plugins.x.tables` must be from 1 to 4294967295, not 0",
    );
    refused("keep = 3", "`gmr.keep` has no meaning without `gmr.log_dir`");
    refused("format = 'yaml'", "shop.toml:3: `gmr.format` must be one of text, json, not `yaml`");
    refused("signal = 'USR3'", "shop.toml:3: `gmr.signal` `USR3` is no signal; did you mean `SIGUSR2`?");
    refused("signal = 9", "shop.toml:3: `gmr.signal` must not be SIGKILL, which cannot be caught");
    refused(
        "signal = 'SEGV'",
        "shop.toml:3: `gmr.signal` must not be SIGSEGV, which means a fault of the program",
    );
    refused(
        "thread_signal = 'SIGTRAP'",
        "shop.toml:3: `gmr.thread_signal` must not be SIGTRAP, which means a fault of the program",
    );
    refused(
        "signal = 33",
        "shop.toml:3: `gmr.signal` `33` is no signal; use a name such as `SIGUSR2`, a number, or `none`",
    );
    refused(
        "signal = 'URG'",
        "`gmr.signal` and `gmr.thread_signal` are both SIGURG: give them different signals",
    );
    refused(
        "deadline = '1 day'",
        "shop.toml:3: `gmr.deadline` must be a positive duration such as 1, 0.25 or \"250ms\", not `1 day`",
    );
    refused(
        "deadline = -1",
        "shop.toml:3: `gmr.deadline` must be a positive duration such as 1, 0.25 or \"250ms\", not `-1`",
    );
    refused(
        "deadline = inf",
        "shop.toml:3: `gmr.deadline` must be a positive duration such as 1, 0.25 or \"250ms\", not `inf`",
    );
    refused("deadline = '1ms'", "shop.toml:3: `gmr.deadline` must be at least 10 ms");
    refused(
        "[gmr.plugins.x]\nmemory = '1 QiB'",
        "shop.toml:4: `gmr.plugins.x.memory` must be a size such as 65536 or \"16 MiB\", not `1 QiB`",
    );
}

#[test]
fn real_time_signals_have_numbers_alone() {
    let settings = Settings::from_toml("[gmr]\nsignal = 40\nthread_signal = '41'", "shop.toml").unwrap();
    assert_eq!((settings.signal.number(), settings.thread_signal.number()), (Some(40), Some(41)));
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    let error = Settings::from_toml("[gmr]\nlog_dir = \n", "shop.toml").unwrap_err().to_string();
    assert!(error.starts_with("shop.toml:2: "), "{error}");
    let error = Settings::from_file("/nonexistent/shop.toml").unwrap_err();
    assert!(error.is_system());
    assert!(error.to_string().starts_with("cannot read settings from /nonexistent/shop.toml: "), "{error}");
}

#[test]
fn the_three_names_of_oslo_and_their_spellings_are_understood() {
    let settings = Settings::from_toml(
        "[gmr]
         log_dir = '/var/log/shop'
         file_event_handler = '/run/shop/report'
         file_event_handler_interval = 0.25
         signal = 'usr1'
         format = 'json'
         plugin_dir = ['a', 'b']
         deadline = 2
         [gmr.plugins.pool]
         grants = ['facts:pool.*']
         memory = '16 MiB'
         deadline = '250ms'
         state = '1 KiB'
         state_entries = 8
         show_state = true
         settings = { rows = 3 }",
        "shop.toml",
    )
    .unwrap();
    assert_eq!(settings.log_dir.as_deref(), Some("/var/log/shop".as_ref()));
    assert_eq!(settings.file_event_handler.as_deref(), Some("/run/shop/report".as_ref()));
    assert_eq!(settings.file_event_handler_interval, Duration::from_millis(250));
    assert_eq!(settings.signal, "SIGUSR1".parse::<Signal>().unwrap());
    assert_eq!(settings.format, Format::Json);
    assert_eq!(settings.plugin_dir, ["a", "b"].map(Into::<std::path::PathBuf>::into));
    assert_eq!(settings.deadline, Duration::from_secs(2));
    let pool = &settings.plugins["pool"];
    assert_eq!((pool.limits.memory_bytes, pool.limits.deadline), (16 << 20, Duration::from_millis(250)));
    assert_eq!(pool.settings["rows"].as_integer(), Some(3));
    assert_eq!((pool.limits.state_bytes, pool.limits.state_entries), (1 << 10, 8));
    assert!(pool.show_state && !pool.show_diagnostics);
    assert_eq!(Settings::from_toml("[other]\nx = 1", "shop.toml").unwrap(), Settings::default());
}
