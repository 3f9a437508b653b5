//! What reasons, notes and details say, and that JSON has them exact.
//!
//! One long file, since it is one table: each kind with its JSON and its words.

use std::time::Duration;

use gmr_report::{Detail, Field, Reason, Value};
use serde_json::{Value as Json, json};

/// A reason in JSON is read, says this, and is written as it was.
#[track_caller]
fn check(reason: &Json, expected: &str) {
    let read: Reason = serde_json::from_value(reason.clone()).expect("a reason");
    assert_eq!(read.to_string(), expected);
    assert!(!matches!(read, Reason::Unknown(_)), "{read:?}");
    assert_eq!(&serde_json::to_value(&read).unwrap(), reason);
}

#[track_caller]
fn check_each(kind: &str, cases: &[(Json, &str)], before: &str) {
    for (inner, expected) in cases {
        check(&json!({ "type": kind, "value": inner }), &format!("{before}{expected}"));
    }
}

#[test]
fn a_missing_stack_says_why() {
    check_each(
        "no_stack",
        &[
            (json!({ "type": "ended" }), "the thread ended while the report was made"),
            (
                json!({ "type": "no_signal" }),
                "it was not seen asleep, and no signal may be used to ask it (thread_signal = none)",
            ),
            (
                json!({ "type": "signal_blocked" }),
                "it was not seen asleep, and its mask blocks the signal that would ask it",
            ),
            (
                json!({ "type": "signal_taken" }),
                "it was not seen asleep, and the program has given the signal another handler",
            ),
            (
                json!({ "type": "uninterruptible", "value": {} }),
                "asleep in the kernel and not interruptible (state D)",
            ),
            (
                json!({ "type": "uninterruptible", "value": { "place": "nfs_wait" } }),
                "asleep in the kernel and not interruptible (state D), waits in nfs_wait",
            ),
            (json!({ "type": "stopped" }), "it is stopped, by a signal or a debugger"),
            (json!({ "type": "out_of_time" }), "it was not reached, or did not answer, in time"),
            (json!({ "type": "no_user_stack" }), "it runs inside the kernel only"),
            (
                json!({
                    "type": "refused",
                    "value": { "operation": "open_task_directory", "error": { "errno": 2 } },
                }),
                "the kernel refused: no /proc/self/task",
            ),
            (
                json!({ "type": "refused", "value": { "operation": "read_memory", "error": { "errno": 1 } } }),
                "the kernel refused: Operation not permitted (os error 1)",
            ),
            (json!({ "type": "unsupported" }), "this platform gives no way to read it"),
            (json!({ "type": "came_later" }), "it was seen at this task only after its stack was taken"),
            (json!({ "type": "no_polls_seen" }), "no thread was seen at a task before the stacks were taken"),
            (json!({ "type": "not_listed" }), "the thread was not listed"),
        ],
        "no stack: ",
    );
}

#[test]
fn an_incomplete_stack_says_where_it_ends() {
    check_each(
        "stack_incomplete",
        &[
            (json!({ "type": "unknown_code" }), "the next address lies in no known code"),
            (json!({ "type": "no_tables" }), "code without unwind tables and without a frame pointer"),
            (
                json!({ "type": "unknown_register", "value": 6 }),
                "register 6 is needed and not known from outside",
            ),
            (
                json!({ "type": "unreadable", "value": "0xffffffffffffffff" }),
                "the stack at 0xffffffffffffffff was not copied or cannot be read",
            ),
            (json!({ "type": "inconsistent" }), "the stack contradicts the unwind tables"),
            (
                json!({ "type": "start_from_unknown_code" }),
                "code without unwind tables seems to be called by the thread's start, and calls between may be missing",
            ),
            (json!({ "type": "too_many_frames", "value": 512 }), "deeper than 512 frames"),
            (json!({ "type": "deeper_than_copied" }), "the stack is deeper than was copied"),
            (
                json!({ "type": "system_unwinder" }),
                "the system's unwinder does not tell whether this is the whole stack",
            ),
        ],
        "the stack does not reach the thread's start: ",
    );
    check(
        &json!({ "type": "stack_unverified" }),
        "the frames marked unverified rest on frame pointers: they may be wrong, or not the next ones",
    );
}

#[test]
fn a_missing_chain_says_why() {
    check_each(
        "no_chain",
        &[
            (json!({ "type": "changing" }), "it changed each time it was read"),
            (json!({ "type": "only_on_linux" }), "chains are read on Linux only"),
            (
                json!({ "type": "still_reading" }),
                "the debug information is still being read; the next report may have it",
            ),
            (json!({ "type": "broken_off" }), "the reading of the debug information was broken off"),
            (
                json!({ "type": "no_thread", "value": { "error": { "errno": 11 } } }),
                "no thread to read the debug information: Resource temporarily unavailable (os error 11)",
            ),
            (
                json!({ "type": "no_memory", "value": {
                    "needed_bytes": 640 << 20, "available_bytes": 70 << 20, "limit": "control_group",
                } }),
                "the debug information is not read: it takes 640.0 MiB of memory, 70.0 MiB are free in the control \
                 group (at most half is taken)",
            ),
            (json!({ "type": "reading_panicked" }), "reading the debug information failed"),
            (json!({ "type": "earlier_look_panicked" }), "an earlier look at the tasks failed"),
            (json!({ "type": "look_under_way" }), "another look at the tasks is under way"),
            (json!({ "type": "task_not_described" }), "the debug information does not describe its type"),
            (json!({ "type": "folded_by_linker" }), "the linker folded several types of task into one"),
            (
                json!({ "type": "layout_disputed" }),
                "its vtable and the debug information disagree about its layout",
            ),
            (json!({ "type": "future_not_described" }), "its type is not in the debug information"),
            (json!({ "type": "memory_unreadable" }), "some of its memory cannot be read"),
            (json!({ "type": "never_polled" }), "it was never polled"),
            (json!({ "type": "not_read" }), "it was not read"),
        ],
        "no chain: ",
    );
    check(&json!({ "type": "being_polled" }), "being polled: this is what it awaited when the poll began");
}

#[test]
fn debug_information_that_is_of_no_use_says_why() {
    let debug_information = |fault: Json| json!({ "type": "debug_information", "value": fault });
    check_each(
        "no_chain",
        &[
            (
                debug_information(json!({
                    "type": "not_opened",
                    "value": { "path": "/proc/self/exe", "error": { "message": "not an object file" } },
                })),
                "/proc/self/exe: not an object file",
            ),
            (
                debug_information(json!({ "type": "missing" })),
                "the executable has no debug information and none was found beside it",
            ),
            (
                debug_information(
                    json!({ "type": "too_large", "value": { "path": "/a", "limit_bytes": 1 << 30 } }),
                ),
                "/a: more than 1024 MB of debug information",
            ),
            (
                debug_information(json!({ "type": "index_too_large", "value": { "limit_bytes": 96 << 20 } })),
                "an index of its types and functions would take more than 96 MiB",
            ),
            (
                debug_information(json!({ "type": "no_types" })),
                "the debug information has lines but no types",
            ),
            (
                debug_information(json!({ "type": "no_types_of_package", "value": "gmr-inspect" })),
                "it has no types of the package gmr-inspect",
            ),
            (
                debug_information(json!({ "type": "load_address_unknown" })),
                "the executable's place in memory is not known",
            ),
        ],
        "no chain: ",
    );
}

#[test]
fn a_runtime_of_another_layout_says_in_what_it_differs() {
    let layout = |fault: Json| json!({ "type": "layout", "value": fault });
    check_each(
        "no_chain",
        &[
            (
                layout(json!({ "type": "no_type", "value": "tokio::Header" })),
                "the debug information has no type tokio::Header",
            ),
            (
                layout(json!({ "type": "no_scheduler", "value": [
                    { "type": "no_member", "value": { "of": "Handle", "member": "inner.__0" } },
                    { "type": "not_an_enum", "value": "Stage" },
                    { "type": "not_a_pointer", "value": "Arc" },
                    { "type": "no_task_list", "value": "Owned" },
                    { "type": "unknown_scheduler" },
                    { "type": "shard_count", "value": 3 },
                    { "type": "unreadable", "value": "0x10" },
                ] })),
                "Handle has no member inner.__0; Stage is no enum; Arc is no pointer; Owned has no list; the handle \
                 is of an unknown kind; 3 shards of tasks; the runtime's memory at 0x10 cannot be read",
            ),
        ],
        "no chain: ",
    );
}

#[test]
fn a_current_task_that_is_not_found_says_why() {
    let current_task = |fault: Json| json!({ "type": "current_task", "value": fault });
    check_each(
        "no_chain",
        &[
            (
                current_task(json!({ "type": "no_robust_list" })),
                "the C library keeps no list of robust locks",
            ),
            (
                current_task(json!({ "type": "robust_list_refused", "value": { "error": { "errno": 38 } } })),
                "the kernel does not tell it: Function not implemented (os error 38)",
            ),
            (current_task(json!({ "type": "no_runtime", "value": { "error": { "message": "no" } } })), "no"),
            (
                current_task(
                    json!({ "type": "experiment_failed", "value": { "task": 7, "panicked": true } }),
                ),
                "task 7 panicked",
            ),
            (
                current_task(
                    json!({ "type": "experiment_failed", "value": { "task": 7, "panicked": false } }),
                ),
                "task 7 was cancelled",
            ),
            (current_task(json!({ "type": "kept_elsewhere" })), "this tokio keeps the task's id elsewhere"),
            (current_task(json!({ "type": "ambiguous" })), "several variables look like the task's id"),
            (
                current_task(json!({ "type": "no_thread_locals" })),
                "the executable has no thread-local variables",
            ),
            (
                current_task(json!({ "type": "thread_locals_too_large" })),
                "the executable's thread-local variables are too large",
            ),
            (
                current_task(json!({ "type": "unknown_architecture" })),
                "their place is not known on this architecture",
            ),
        ],
        "no chain: ",
    );
}

#[test]
fn a_misread_canary_says_what_was_read() {
    let note = json!({ "type": "lists_look_empty", "value": { "runtime": 1, "alive": 6 } });
    let chain = json!([
        { "calls": [{ "function": "waiting", "file": "canary.rs", "line": 40 }] },
        { "depth": 1, "calls": [{ "function": "JoinHandle" }], "details": [{ "type": "task", "value": 5 }] },
    ]);
    let canary = |fault: Json| json!({ "type": "canary", "value": fault });
    check_each(
        "no_chain",
        &[
            (canary(json!({ "type": "no_runtime", "value": { "error": { "errno": 24 } } })), {
                "Too many open files (os error 24)"
            }),
            (
                canary(json!({ "type": "limited", "value": note })),
                "the canary's runtime 1: its lists look empty although it counts 6 tasks",
            ),
            (canary(json!({ "type": "changing" })), "the canary's chain could not be read: Racy"),
            (canary(json!({ "type": "polled" })), "the canary's chain could not be read: Passed"),
            (
                canary(json!({ "type": "not_read", "value": { "type": "not_read" } })),
                "the canary's chain could not be read: Unknown(\"it was not read\")",
            ),
            (
                canary(json!({ "type": "misread", "value": { "chain": chain, "state": "Idle" } })),
                "the canary's chain reads waiting Some(40), JoinHandle None [(1, \"task 5\")] (Idle)",
            ),
            (
                canary(json!({ "type": "other_tasks", "value": { "spawned": [1, 2], "found": [2] } })),
                "the canary's tasks [1, 2] were found as [2]",
            ),
        ],
        "no chain: ",
    );
}

#[test]
fn notes_on_the_threads_say_what_limited_the_look() {
    check_each(
        "threads",
        &[
            (
                json!({ "type": "threads_not_listed", "value": { "error": { "errno": 2 } } }),
                "/proc/self/task cannot be read (No such file or directory (os error 2)): only the calling thread \
                 is listed",
            ),
            (
                json!({ "type": "memory_not_readable", "value": { "error": { "errno": 1 } } }),
                "this process may not read its own memory (Operation not permitted (os error 1)): no stacks but the \
                 calling thread's",
            ),
            (
                json!({ "type": "signal_unsuitable", "value": { "signal": 5 } }),
                "signal 5 cannot serve to ask running threads for their stacks",
            ),
            (
                json!({ "type": "signal_taken", "value": { "signal": 23 } }),
                "another handler for signal 23 has been installed over this one's",
            ),
            (
                json!({ "type": "memory_call_refused", "value": { "error": { "errno": 38 } } }),
                "process_vm_readv is refused (Function not implemented (os error 38)): memory is read through \
                 /proc/self/mem",
            ),
            (
                json!({ "type": "only_calling_thread" }),
                "other threads cannot be seen on this platform: only the calling one is listed",
            ),
        ],
        "",
    );
}

#[test]
fn notes_on_names_say_what_limited_the_search() {
    check_each(
        "threads",
        &[
            (
                json!({ "type": "symbols", "value": {
                    "module": "/a", "limit": { "type": "out_of_time", "value": { "addresses": 7 } },
                } }),
                "/a: there was no time to look up 7 addresses",
            ),
            (
                json!({ "type": "symbols", "value": {
                    "module": "/a",
                    "limit": { "type": "too_large", "value": { "bytes": 600 << 20, "budget_bytes": 512 << 20 } },
                } }),
                "/a: its debug information has 600 MiB and is not read (the limit is 512 MiB): no files and lines, no \
                 inlined calls",
            ),
            (
                json!({ "type": "symbols", "value": {
                    "module": "/a",
                    "limit": { "type": "no_memory", "value": {
                        "needed_bytes": 3 << 20, "available_bytes": 5 << 20, "limit": "address_space",
                    } },
                } }),
                "/a: no files and lines, no inlined calls: its debug information is not read, it takes 3.0 MiB of \
                 memory, 5.0 MiB are free below RLIMIT_AS (at most half is taken)",
            ),
            (
                json!({ "type": "symbols", "value": {
                    "module": "/a", "limit": { "type": "damaged", "value": "it ends early" },
                } }),
                "/a: its debug information is damaged: it ends early",
            ),
            (
                json!({ "type": "symbols", "value": { "module": "/a", "limit": { "type": "failed" } } }),
                "/a: its debug information could not be read",
            ),
        ],
        "",
    );
}

#[test]
fn notes_on_the_tasks_say_what_was_seen_and_what_was_not() {
    let seen = |only_registered: Option<Json>, tasks: u64, changed: u64, not_reached: u64| {
        let mut seen = json!({ "tasks": tasks, "changed": changed, "not_reached": not_reached });
        if let Some(reason) = only_registered {
            seen["only_registered"] = reason;
        }
        json!({ "type": "tasks_seen", "value": seen })
    };
    check_each(
        "tasks",
        &[
            (seen(None, 1, 0, 0), "chains from debug information, checked: 1 task"),
            (
                seen(Some(json!({ "type": "only_on_linux" })), 10_000, 2, 3),
                "registered tasks only (chains are read on Linux only): 10000 tasks; 2 changed while read; 3 not \
                 reached in time",
            ),
            (json!({ "type": "no_tasks" }), "no tokio runtime was given and no task was registered"),
            (
                json!({ "type": "runtime_not_read", "value": {
                    "runtime": 2, "fault": { "type": "shard_count", "value": 3 },
                } }),
                "runtime 2 cannot be read: 3 shards of tasks",
            ),
            (
                json!({ "type": "lists_unfinished", "value": { "runtime": 1, "unfinished": 1, "lists": 4 } }),
                "runtime 1: 1 of 4 lists were not followed to their end",
            ),
            (
                json!({ "type": "threads_of_tasks_unknown", "value": { "tasks": 2 } }),
                "running on a thread that is not known: 2 tasks (the poll was shorter than the look)",
            ),
            (
                json!({ "type": "threads_of_tasks_unknown", "value": {
                    "tasks": 1,
                    "because": { "type": "current_task", "value": { "type": "ambiguous" } },
                } }),
                "running on a thread that is not known: 1 task (several variables look like the task's id)",
            ),
        ],
        "",
    );
}

/// A detail is written so in JSON, and as this field for plugins; both give it back.
#[track_caller]
fn check_detail(detail: &Detail, json: Json, key: &str, value: &Value) {
    assert_eq!(serde_json::to_value(detail).unwrap(), json);
    assert_eq!(&serde_json::from_value::<Detail>(json).unwrap(), detail);
    let field = Field::from(detail);
    assert_eq!((&*field.key, &field.value), (key, value));
    assert_eq!(&Detail::from_field(&field), detail);
}

#[test]
fn details_are_exact_in_json_and_have_a_form_for_plugins() {
    let time = Duration::new(57, 312_345_678);
    let flag = Value::Flag(true);
    for (detail, json, key, value) in [
        (Detail::FiresIn(time), json!(57_312_345_678_u64), "fires_in", Value::Duration(time)),
        (Detail::Overdue(time), json!(57_312_345_678_u64), "overdue", Value::Duration(time)),
        (Detail::Permits(u64::MAX), json!(u64::MAX), "permits", Value::from(u64::MAX)),
        (Detail::Semaphore(u64::MAX), json!("0xffffffffffffffff"), "semaphore", Value::Address(u64::MAX)),
        (Detail::Task(7), json!(7), "task", Value::Integer(7)),
        (Detail::Descriptor(-1), json!(-1), "descriptor", Value::Integer(-1)),
        (Detail::Peer("[::1]:80".to_owned()), json!("[::1]:80"), "peer", Value::from("[::1]:80")),
        (Detail::Alike(936), json!(936), "alike", Value::Integer(936)),
        (Detail::Tasks(4), json!(4), "tasks", Value::Integer(4)),
        (Detail::FramesOmitted(3976), json!(3976), "frames_omitted", Value::Integer(3976)),
        (Detail::Name("gc".to_owned()), json!("gc"), "name", Value::from("gc")),
        (Detail::MadeFor("shop::pay".to_owned()), json!("shop::pay"), "made_for", Value::from("shop::pay")),
        (Detail::Span("request".to_owned()), json!("request"), "span", Value::from("request")),
        (Detail::Text("as it is".to_owned()), json!("as it is"), "text", Value::from("as it is")),
    ] {
        check_detail(&detail, json!({ "type": key, "value": json }), key, &value);
    }
    for (more, key) in [(false, "futures"), (true, "more_futures_than")] {
        let json = json!({ "type": "futures", "value": { "count": 3, "more": more } });
        check_detail(&Detail::Futures { count: 3, more }, json, key, &Value::Integer(3));
    }
    for (detail, key) in [
        (Detail::NotStarted, "not_started"),
        (Detail::Finished, "finished"),
        (Detail::NotDescribed, "not_described"),
        (Detail::TooLarge, "too_large"),
    ] {
        check_detail(&detail, json!({ "type": key }), key, &flag);
    }
    let unknown = json!({ "type": "lease_ends", "value": { "in": 17 } });
    let detail = serde_json::from_value(unknown.clone()).unwrap();
    let as_text = Value::from(r#"{"type":"lease_ends","value":{"in":17}}"#);
    check_detail(&detail, unknown, "unknown", &as_text);
}

#[test]
fn a_field_that_is_the_form_of_no_detail_becomes_words() {
    let text = |key: &'static str, value: Value| Detail::from_field(&Field::new(key, value)).to_string();
    assert_eq!(text("queue", Value::Bytes(2048)), "queue 2.0 KiB");
    assert_eq!(text("fires_in", Value::from("soon")), "fires_in soon", "its value is of another kind");
}
