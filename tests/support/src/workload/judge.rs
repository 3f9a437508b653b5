//! The judge of a captured stack: whether it is the one that the thread has.

use gmr_inspect::threads::{Capture, Method, Quality, Stack, Thread};

use super::{LEVELS, RECURSIONS};

/// What is wrong with the stack of a thread that `start` started, if anything.
pub fn judge(capture: &Capture, id: u32, leaf: &str, method: Method) -> Result<(), String> {
    let Some(thread) = capture.threads.iter().find(|thread| thread.id == id) else {
        return Err(format!("{leaf}: thread {id} is not listed"));
    };
    // The notes say why, if names are missing.
    let explain = |wrong| format!("{leaf}: {wrong}\n{}{:?}", print(thread), capture.notes);
    judge_thread(thread, leaf, method).map_err(explain)
}

fn judge_thread(thread: &Thread, leaf: &str, expected: Method) -> Result<(), String> {
    let Stack::Captured { frames, method, quality } = &thread.stack else { return Err("no stack".into()) };
    // aarch64's vDSO has no unwind tables.
    let untold = cfg!(target_arch = "aarch64") && leaf == "clock" && *quality == Quality::Unverified;
    if *quality != Quality::Verified && !untold {
        return Err(format!("quality {quality:?}"));
    }
    if *method != expected {
        return Err(format!("method {method:?}"));
    }
    let names: Vec<&str> =
        frames.iter().flat_map(|frame| frame.symbols.iter()).map(|symbol| symbol.function.as_str()).collect();
    // Line tables alone name an inlined function without its path, but with its generic arguments.
    let plain = |name: &str| {
        if name.starts_with('<') {
            return name.to_owned();
        }
        name.split('<').next().unwrap_or_default().trim_end_matches("::").to_owned()
    };
    let names: Vec<String> = names.into_iter().map(plain).collect();
    let has_name = |name: &str, wanted: &str| name.rsplit("::").next() == Some(wanted);
    let mut wanted = vec![format!("leaf_{leaf}")];
    for level in 1..=LEVELS {
        if level > 1 {
            wanted.push("inlined_between".into());
        }
        wanted.push(format!("level_{level:02}"));
    }
    let mut rest = names.iter();
    for marker in &wanted {
        if !rest.any(|name| has_name(name, marker)) {
            return Err(format!("{marker} is missing or out of order"));
        }
    }
    let count = |wanted: &str| names.iter().filter(|name| has_name(name, wanted)).count();
    for level in 1..=LEVELS {
        if count(&format!("level_{level:02}")) != 1 {
            return Err(format!("level {level} is there more than once"));
        }
    }
    if leaf == "recursion" && count("recurse") as u64 != RECURSIONS + 1 {
        return Err(format!("{} recursions", count("recurse")));
    }
    // Threads begin in the C library, whose own names are there only if its debugging symbols are installed.
    let Some(outermost) = frames.last() else { return Err("no frame".into()) };
    let starts = |name: &str| name.contains("clone") || name.contains("start_thread");
    let is_start = match outermost.symbols.last() {
        Some(symbol) => starts(&symbol.function),
        None => outermost.module.as_ref().is_some_and(|m| m.path.to_string_lossy().contains("libc.so")),
    };
    if !is_start {
        return Err(format!("the outermost frame is {outermost:?}"));
    }
    Ok(())
}

/// A thread and its stack, for the message of a test that fails.
pub fn print(thread: &Thread) -> String {
    let mut text = format!("{} {:?} {:?} {:?}\n", thread.id, thread.name, thread.state, thread.wait);
    match &thread.stack {
        Stack::Missing(missing) => text += &format!("  missing: {missing:?}\n"),
        Stack::Captured { frames, method, quality } => {
            text += &format!("  {method:?} {quality:?}\n");
            for frame in frames.iter().take(60) {
                let names: Vec<_> = frame
                    .symbols
                    .iter()
                    .map(|symbol| format!("{} ({:?}:{:?})", symbol.function, symbol.file, symbol.line))
                    .collect();
                let module = frame.module.as_ref().map(|module| module.path.display().to_string());
                text += &format!(
                    "  {:#x} {} {:?}+{:#x} {}\n",
                    frame.address,
                    if frame.verified { ' ' } else { '?' },
                    module,
                    frame.offset.unwrap_or(0),
                    names.join(" <- ")
                );
            }
        }
    }
    text
}
