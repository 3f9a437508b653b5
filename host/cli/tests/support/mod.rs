//! What the suites of the command share: running it, and reports to run it on.

#![allow(dead_code, reason = "each suite that includes this file uses a part of it")]

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

/// The command with these arguments.
pub fn command(arguments: &[&dyn AsRef<OsStr>]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gmr"));
    command.args(arguments.iter().map(|argument| argument.as_ref())).stdin(Stdio::null());
    // What tests compile is nobody's cache.
    command.env_remove("XDG_CACHE_HOME").env_remove("HOME");
    command
}

/// Runs the command; it must end with 0. Returns standard output.
#[track_caller]
pub fn good(arguments: &[&dyn AsRef<OsStr>]) -> String {
    let output = command(arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs the command; it must end with 1, print nothing but one line on standard error, and say this.
#[track_caller]
pub fn bad(arguments: &[&dyn AsRef<OsStr>], says: &[&str]) {
    let output = command(arguments).output().unwrap();
    assert_eq!(code(&output), (1, ""), "{output:?}");
    one_line(&output, says);
}

/// What stands on standard error must be one line that says this.
#[track_caller]
pub fn one_line(output: &Output, says: &[&str]) {
    let error = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(error.starts_with("gmr: ") && error.ends_with('\n') && error.lines().count() == 1, "{error}");
    assert!(says.iter().all(|part| error.contains(part)), "{error}");
}

/// Runs the command; it must call this a wrong usage.
#[track_caller]
pub fn misuse(arguments: &[&dyn AsRef<OsStr>], says: &str) {
    let output = command(arguments).output().unwrap();
    let error = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(code(&output), (2, ""), "{output:?}");
    assert!(error.contains(says), "{error}");
}

fn code(output: &Output) -> (i32, &str) {
    (output.status.code().unwrap(), std::str::from_utf8(&output.stdout).unwrap())
}

/// A directory and files of JSON in it.
pub struct Place(tempfile::TempDir);

impl Place {
    pub fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub fn report(&self, name: &str, sections: &Value) -> PathBuf {
        self.write(name, report(sections).to_string())
    }
}

/// A report with these sections.
pub fn report(sections: &Value) -> Value {
    json!({
        "schema": "guru-meditation-report",
        "schema_version": 1,
        "header": {
            "service": "shop", "version": "1.2.3", "host": "web-1", "process": 8675,
            "time": "2026-11-22T14:03:07Z",
            "trigger": { "kind": "signal", "detail": "SIGUSR2", "count": 1 },
        },
        "sections": sections,
    })
}

/// A native section.
pub fn section(name: &str, blocks: &Value) -> Value {
    json!({ "name": name, "title": name.to_uppercase(), "origin": "native", "blocks": blocks })
}

/// A stack in which so many threads stand.
pub fn stack(functions: &[&str], threads: u64) -> Value {
    let frames: Vec<Value> =
        functions.iter().map(|function| json!({ "calls": [{ "function": function }] })).collect();
    let members: Vec<Value> = (0..threads).map(|id| json!({ "id": id })).collect();
    json!({ "type": "trace", "kind": "stack", "title": "threads", "members": members, "frames": frames })
}

/// Fields of words.
pub fn fields(fields: &[(&str, &str)]) -> Value {
    let fields: Vec<Value> = fields
        .iter()
        .map(|(key, value)| json!({ "key": key, "value": { "type": "text", "value": value } }))
        .collect();
    json!({ "type": "fields", "fields": fields })
}
