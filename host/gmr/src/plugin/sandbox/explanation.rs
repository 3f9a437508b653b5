//! Explanations: the line, out of all that a plugin's language wrote when it gave up, that tells its author what was wrong
//! and where. It stands in a traceback's end, in a panic's second line, or before a stack, by language.

use crate::plugin::interface::output_limits::cut;

/// What a plugin's language says of its end.
#[derive(Debug, PartialEq, Eq)]
pub struct Explanation {
    /// In one line.
    pub line: String,
    /// Whose frames are on the stack.
    pub frames: Frames,
}

/// Whose frames a trap shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frames {
    /// The plugin's, within those that its panic called.
    Plugin,
    /// An interpreter's: what it was interpreting stands in what it wrote.
    Interpreter,
}

/// Bytes of a line.
const LINE_BYTES: u64 = 300;

/// The explanation in what a plugin wrote, if its language is known to write one.
pub fn explanation(diagnostics: &str) -> Option<Explanation> {
    let lines: Vec<&str> = diagnostics.lines().collect();
    // An interpreter that is written in Rust panics when what it interprets has failed: its own words come first.
    let interpreted = python(&lines).or_else(|| javascript(&lines)).map(|line| (line, Frames::Interpreter));
    let (line, frames) =
        interpreted.or_else(|| rust(&lines).or_else(|| other(&lines)).map(|line| (line, Frames::Plugin)))?;
    Some(Explanation { line: cut(line, LINE_BYTES), frames })
}

/// The last traceback's error, with the innermost line of the source:
///
/// ```text
/// Traceback (most recent call last):
///   File "/0/pool.py", line 17, in render
///   File "/0/pool.py", line 20, in sizes
/// ValueError: no such pool
/// ```
fn python(lines: &[&str]) -> Option<String> {
    let begin = lines.iter().rposition(|line| *line == "Traceback (most recent call last):")?;
    let mut rest = lines[begin + 1..].iter();
    let error = rest.find(|line| !line.is_empty() && !line.starts_with(' '))?;
    let place = lines[begin..].iter().take_while(|line| *line != error).filter_map(|line| file(line)).last();
    Some(match place {
        Some(place) => format!("{error} ({place})"),
        None => (*error).to_owned(),
    })
}

/// `pool.py:17, in render` of `  File "/0/pool.py", line 17, in render`.
fn file(line: &str) -> Option<String> {
    let (path, rest) = line.strip_prefix("  File \"")?.split_once("\", line ")?;
    let name = path.rsplit('/').next().unwrap_or(path);
    let (number, function) = rest.split_once(", ").unwrap_or((rest, ""));
    let separator = if function.is_empty() { "" } else { ", " };
    Some(format!("{name}:{number}{separator}{function}"))
}

/// What was thrown, as componentize-js tells it, which names the type that the interface has in its place:
///
/// ```text
/// invalid variant tag value `undefined` (received `TypeError: pool is undefined`) specified for `Failure`
/// Stack:
///   export_section_0_1_0$render@/tmp/33562b0419a0/sources/initializer.js:7270:17
/// ```
///
/// The stack is of that place and of all sources in one file, so that no line of it is the author's.
fn javascript(lines: &[&str]) -> Option<String> {
    let stack = lines.iter().position(|line| matches!(*line, "Stack:" | "stack:"))?;
    let message = lines[..stack].iter().rfind(|line| !line.is_empty())?;
    let thrown =
        message.split_once("(received `").and_then(|(_, rest)| rest.rsplit_once("`) specified for "));
    Some(thrown.map_or(*message, |(thrown, _)| thrown).to_owned())
}

/// The first panic, with its place and the first line of its message:
///
/// ```text
/// thread '<unnamed>' (1) panicked at src/lib.rs:12:5:
/// no such pool
/// ```
fn rust(lines: &[&str]) -> Option<String> {
    let begin =
        lines.iter().position(|line| line.starts_with("thread '") && line.contains(" panicked at "))?;
    let (_, place) = lines[begin].split_once(" panicked at ")?;
    let message = lines.get(begin + 1).copied().unwrap_or_default();
    Some(format!("panicked at {place} {message}").trim_end().to_owned())
}

/// How the lines begin in which Go (`panic`, `fatal error`), AssemblyScript (`abort`), C's `assert` and C++ say it.
const BEGINNINGS: [&str; 5] =
    ["panic: ", "fatal error: ", "abort: ", "Assertion failed: ", "libc++abi: terminating "];

fn other(lines: &[&str]) -> Option<String> {
    // Zig names the thread first: `thread 1 panic: reached unreachable code`.
    let is_zigs = |line: &str| line.starts_with("thread ") && line.contains(" panic: ");
    let begins = |line: &str| BEGINNINGS.iter().any(|beginning| line.starts_with(beginning)) || is_zigs(line);
    lines.iter().find(|line| begins(line)).map(|line| (*line).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(diagnostics: &str, line: &str, frames: Frames) {
        assert_eq!(explanation(diagnostics), Some(Explanation { line: line.to_owned(), frames }));
    }

    #[test]
    fn pythons_error_stands_last_in_its_traceback_and_the_place_above_it() {
        let written = "reads the pool\nTraceback (most recent call last):\n  File \"/0/my_plugin.py\", line 17, in render\n  \
                       File \"/0/my_plugin.py\", line 20, in inner\n    raise ValueError(text)\nValueError: boom\n\nthread \
                       '<unnamed>' (1) panicked at runtime/src/lib.rs:1293:29:\nPython function threw an unexpected \
                       exception\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace";
        check(written, "ValueError: boom (my_plugin.py:20, in inner)", Frames::Interpreter);
        let chained = "Traceback (most recent call last):\n  File \"/0/a.py\", line 1, in f\nKeyError: 'a'\n\nDuring handling \
                       of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \
                       \"/0/b.py\", line 2\nSyntaxError: no";
        check(chained, "SyntaxError: no (b.py:2)", Frames::Interpreter);
        check("Traceback (most recent call last):\nKeyError: 1", "KeyError: 1", Frames::Interpreter);
    }

    #[test]
    fn javascripts_error_stands_before_its_stack() {
        let written = "invalid variant tag value `undefined` (received `TypeError: can't access property \"field\", o.missing \
                       is undefined`) specified for `Failure`\nStack:\n  export_section_0_1_0$render@/tmp/33562b0419a0/sources/\
                       initializer.js:7270:17\n\nRedirecting call to abort() to mozalloc_abort";
        let line = "TypeError: can't access property \"field\", o.missing is undefined";
        check(written, line, Frames::Interpreter);
        check("Error: boom\nStack:\n  f@a.js:1:1", "Error: boom", Frames::Interpreter);
    }

    #[test]
    fn a_panic_has_its_place_and_its_message() {
        let written =
            "begins\nthread '<unnamed>' (1) panicked at src/lib.rs:12:5:\nno such pool\nnote: run with";
        check(written, "panicked at src/lib.rs:12:5: no such pool", Frames::Plugin);
        check(
            "thread 'main' panicked at 'no', src/lib.rs:1:2",
            "panicked at 'no', src/lib.rs:1:2",
            Frames::Plugin,
        );
        check(
            "panic: runtime error: index out of range\n\ngoroutine 1",
            "panic: runtime error: index out of range",
            Frames::Plugin,
        );
        check("abort: no in assembly/index.ts(12:3)", "abort: no in assembly/index.ts(12:3)", Frames::Plugin);
        check(
            "Assertion failed: x (plug.c: render: 7)",
            "Assertion failed: x (plug.c: render: 7)",
            Frames::Plugin,
        );
        check(
            "thread 1 panic: reached unreachable code",
            "thread 1 panic: reached unreachable code",
            Frames::Plugin,
        );
    }

    #[test]
    fn what_explains_nothing_is_not_taken_for_it() {
        let others =
            ["", "ring is not settled", "Traceback (most recent call last):", "Stack:\n  f", "a panic: no"];
        for other in others {
            assert_eq!(explanation(other), None, "{other:?}");
        }
        let long = explanation(&format!("panic: {}", "x".repeat(1000))).unwrap().line;
        assert!(long.len() < 310 && long.ends_with('…'), "{long}");
    }
}
